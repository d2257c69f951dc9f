// norm.cuh - layer, scalar layer and batch normalisation on the device, for ops/norm.hpp.
//
// layer_norm over the channels of a dense (B, H, L): kernels/channel_norm.cuh. Any other: a line of H features in
// registers (kernels/lines.cuh), so x is read once. Bytes per element: forward
// 2 sizeof(T), backward 3 sizeof(T). Sums over positions for dweight and dbias are taken in the same pass: per thread
// over up to 64 positions in T, then in double, each block to a place of its own, added in order by a second kernel.
// batch_norm: one pass for the sums of each channel, one that writes: forward 3 sizeof(T), backward 5 sizeof(T).
#pragma once

#include "kernels/channel_norm.cuh"
#include "kernels/each.cuh"
#include "kernels/lines.cuh"
#include "longwave/ops/norm.hpp"

namespace longwave::cuda {

namespace detail {

// Features as the kernels see them: nothing is loaded for what was left out.
template <class T>
struct Features {
  LineOf<const T> v;
  bool given;
  __device__ explicit Features(const TensorView<const T, 1, Cuda>& view)
      : v(view.data(), 0, view.stride(0)), given(view.data() != nullptr) {}
  __device__ T at(int k, T otherwise) const { return given ? v[k] : otherwise; }
};

template <int I, class T>
__global__ void __launch_bounds__(line_threads)
    layer_norm_kernel(const __grid_constant__ Lines<T, 6> s, const NormParameters<T> p, int width) {
  extern __shared__ double room[];  // (3, threads)
  const LinePlace at(s.across, width);
  const Fold turns = fold_turns(s.across, width);
  const index_t line = blockIdx.x * index_t(width) + at.lane;
  const int end = line < s.count ? static_cast<int>(s.length) : 0;
  index_t offset[6];
  plan_offsets(offset, s.plan, s.plan.rank, line < s.count ? line : 0);
  const LineOf<T> y(s.data[0], offset[0], s.step[0]), sum(s.data[4], offset[4], s.step[4]);
  const LineOf<const T> x(s.data[1], offset[1], s.step[1]), r(s.data[5], offset[5], s.step[5]);
  const Features<T> weight(p.weight), bias(p.bias);
  const bool add = s.data[5] != nullptr;
  const auto input = [&](int k) {
    const T value = x[k];
    return add ? value + r[k] : value;
  };

  T v[I];
  double total[1] = {};
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    v[i] = k < end ? input(k) : T(0);
  }
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    if (add && k < end) sum[k] = v[i];
    total[0] += static_cast<double>(v[i]);
  }
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) {
    const T value = input(k);
    if (add) sum[k] = value;
    total[0] += static_cast<double>(value);
  }
  fold(total, turns, room, Add());
  const double share = p.share;  // 1 / H: divisions and roots in double would cost as much as the rest
  const T center = static_cast<T>(total[0] * share);

  double moments[2] = {};  // around the first estimate of the mean
  const auto add_moments = [&](T d) {
    moments[0] += static_cast<double>(d);
    moments[1] += static_cast<double>(d) * static_cast<double>(d);
  };
#pragma unroll
  for (int i = 0; i < I; ++i) {
    v[i] -= center;
    if (at.turn + i * at.turns < end) add_moments(v[i]);
  }
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) add_moments(input(k) - center);
  fold(moments, turns, room + blockDim.x, Add());
  const double error = moments[0] * share;
  const T rstd = T(1) / std::sqrt(static_cast<T>(fmax(moments[1] * share - error * error, 0.0) + p.eps));
  const T shift = static_cast<T>(error), lift = p.m != nullptr ? *p.m * rstd : T(0);

  const auto write = [&](int k, T d) { y[k] = ((d - shift) * rstd + lift) * weight.at(k, T(1)) + bias.at(k, T(0)); };
#pragma unroll
  for (int i = 0; i < I; ++i)
    if (at.turn + i * at.turns < end) write(at.turn + i * at.turns, v[i]);
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) write(k, input(k) - center);
  if (end > 0 && at.turn == 0 && s.data[2] != nullptr) {
    s.data[2][offset[2]] = center + shift;
    s.data[3][offset[3]] = rstd;
  }
}

// A block walks `tiles` groups of `width` lines. partial (blocks, 2, H): this block's sums of dy x_hat and of dy.
template <int I, bool parameters, class T>
__global__ void __launch_bounds__(line_threads)
    layer_norm_backward_kernel(const __grid_constant__ Lines<T, 6> s, const NormParameters<T> p, int width, int tiles,
                               double* partial) {
  extern __shared__ double room[];  // (2, 2, threads)
  const LinePlace at(s.across, width);
  const Fold turns = fold_turns(s.across, width), lanes = fold_lanes(s.across, width);
  const double share = p.share;
  const Features<T> weight(p.weight);
  const int H = static_cast<int>(s.length);
  double* mine = partial + blockIdx.x * index_t(2) * H;
  T dw[parameters ? I : 1] = {}, db[parameters ? I : 1] = {};
  for (int tile = 0; tile < tiles; ++tile) {
    const index_t first = (blockIdx.x * index_t(tiles) + tile) * width, line = first + at.lane;
    if (first >= s.count) break;  // the whole block
    const int end = line < s.count ? H : 0;
    index_t offset[6];
    plan_offsets(offset, s.plan, s.plan.rank, line < s.count ? line : 0);
    const LineOf<T> dx(s.data[0], offset[0], s.step[0]);
    const LineOf<const T> dy(s.data[1], offset[1], s.step[1]), x(s.data[2], offset[2], s.step[2]),
        dsum(s.data[5], offset[5], s.step[5]);
    const T mean = s.data[3][offset[3]], rstd = s.data[4][offset[4]];

    T x_hat[I], g[I];
#pragma unroll
    for (int i = 0; i < I; ++i) {
      const int k = at.turn + i * at.turns;
      x_hat[i] = k < end ? x[k] : mean;
      g[i] = k < end ? dy[k] : T(0);
    }
    double sums[2] = {};  // of g, of g x_hat
#pragma unroll
    for (int i = 0; i < I; ++i) {
      const int k = at.turn + i * at.turns;
      x_hat[i] = (x_hat[i] - mean) * rstd;
      if constexpr (parameters) {
        dw[i] += g[i] * x_hat[i];
        db[i] += g[i];
      }
      if (k < end) g[i] *= weight.at(k, T(1));
      sums[0] += static_cast<double>(g[i]);
      sums[1] += static_cast<double>(g[i] * x_hat[i]);
    }
    for (int from = I * at.turns; from < H; from += at.turns) {  // all threads go around as often: they exchange
      const int k = from + at.turn;
      const T in = k < end ? dy[k] : T(0);
      const T hat = k < end ? (x[k] - mean) * rstd : T(0);
      const T scaled = k < end ? in * weight.at(k, T(1)) : T(0);
      sums[0] += static_cast<double>(scaled);
      sums[1] += static_cast<double>(scaled * hat);
      if constexpr (parameters) {
        double both[2] = {static_cast<double>(in * hat), static_cast<double>(in)};
        fold(both, lanes, room, Add());  // lines this long: within a warp
        if (at.lane == 0 && k < H) {
          mine[k] = (tile > 0 ? mine[k] : 0) + both[0];
          mine[H + k] = (tile > 0 ? mine[H + k] : 0) + both[1];
        }
      }
    }
    if (s.data[0] == nullptr) continue;
    fold(sums, turns, room + (tile % 2) * 2 * blockDim.x, Add());
    const T lift = p.m != nullptr ? *p.m * rstd : T(0);
    const T s1 = static_cast<T>(sums[0] * share), s2 = static_cast<T>(sums[1] * share) + lift * s1;
    const auto write = [&](int k, T in, T hat) {
      const T slope = rstd * (in - s1 - hat * s2);
      dx[k] = s.data[5] != nullptr ? slope + dsum[k] : slope;
    };
#pragma unroll
    for (int i = 0; i < I; ++i)
      if (at.turn + i * at.turns < end) write(at.turn + i * at.turns, g[i], x_hat[i]);
    for (int k = at.turn + I * at.turns; k < end; k += at.turns)
      write(k, dy[k] * weight.at(k, T(1)), (x[k] - mean) * rstd);
  }
  if constexpr (parameters) {
#pragma unroll
    for (int i = 0; i < I; ++i) {
      const int k = at.turn + i * at.turns;
      double both[2] = {static_cast<double>(dw[i]), static_cast<double>(db[i])};
      __syncthreads();
      fold(both, lanes, room, Add());
      if (at.lane == 0 && k < H) {
        mine[k] = both[0];
        mine[H + k] = both[1];
      }
    }
  }
}

template <bool parameters, class T>
void start_layer_norm_backward(const Lines<T, 6>& lines, const NormParameters<T>& p, const LineCut& cut, int tiles,
                               index_t blocks, double* partial) {
  const auto kernel = cut.few ? layer_norm_backward_kernel<few_items, parameters, T>
                              : layer_norm_backward_kernel<many_items<T>, parameters, T>;
  kernel<<<static_cast<unsigned>(blocks), cut.threads(), line_room(cut, 4), stream_handle()>>>(lines, p, cut.width,
                                                                                               tiles, partial);
  check_launch("layer_norm");
}

}  // namespace detail

template <class T>
void layer_norm_forward(const Lines<T, 6>& lines, NormParameters<T> parameters) {
  if (lines.count == 0 || lines.length == 0) return;
  if (const ChannelTiles<T, 6> tiles(lines); tiles.fits) {
    if (tiles.data[5] != nullptr) return detail::start_channel_norm<true>(tiles, parameters, {});
    return detail::start_channel_norm<false>(tiles, parameters, {});
  }
  parameters.share = 1 / static_cast<double>(lines.length);
  const detail::LineCut cut = detail::line_cut<T>(lines.length, lines.across);
  const auto kernel =
      cut.few ? detail::layer_norm_kernel<detail::few_items, T> : detail::layer_norm_kernel<detail::many_items<T>, T>;
  kernel<<<detail::line_grid("layer_norm", lines, cut), cut.threads(), detail::line_room(cut, 3), stream_handle()>>>(
      lines, parameters, cut.width);
  check_launch("layer_norm");
}

template <class T>
void layer_norm_backward(const Lines<T, 6>& lines, NormParameters<T> parameters, TensorView<T, 1, Cuda> dweight,
                         TensorView<T, 1, Cuda> dbias) {
  if (lines.count == 0 || lines.length == 0) return;
  if (const ChannelTiles<T, 7> tiles(lines); tiles.fits)
    return detail::start_channel_norm_backward<T>(tiles, parameters, {}, dweight, dbias);
  parameters.share = 1 / static_cast<double>(lines.length);
  const detail::LineCut cut = detail::line_cut<T>(lines.length, lines.across);
  const index_t groups = detail::line_grid("layer_norm", lines, cut);
  if (!wanted(dweight) && !wanted(dbias))
    return detail::start_layer_norm_backward<false>(lines, parameters, cut, 1, groups, nullptr);
  const index_t tiles = std::clamp<index_t>((groups + 527) / 528, 1, 64), blocks = (groups + tiles - 1) / tiles;
  const index_t H = lines.length;
  ScratchOn<Cuda> scratch;
  double* partial = scratch.take<double>(blocks * 2 * H);
  detail::start_layer_norm_backward<true>(lines, parameters, cut, static_cast<int>(tiles), blocks, partial);
  detail::add_columns(dweight, dbias, partial, blocks, H);
}

template <class T>
index_t layer_norm_parts(const ChannelTiles<T, 7>& tiles) {
  return detail::norm_blocks(tiles);
}
template <class T>
void layer_norm_backward_in_parts(const ChannelTiles<T, 7>& tiles, const NormParameters<T>& parameters,
                                  TensorView<double, 3, Cuda> parts) {
  detail::start_channel_norm_backward<T>(tiles, parameters, {}, parts.data());
}
template <class T>
void add_layer_norm_parts(TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias,
                          TensorView<const double, 3, Cuda> parts) {
  detail::add_columns(dweight, dbias, parts.data(), parts.size(0), parts.size(2));
}

namespace detail {

template <class T>
struct ScalarNormTerms {
  const T* m;
  __device__ Several<2> operator()(T dy, T x, T mean, T rstd) const {
    return {{static_cast<double>(dy * ((x - mean + *m) * rstd)), static_cast<double>(dy * rstd)}};
  }
};

template <class T>
struct AddScalarNorm {
  T *ds, *dm;
  const T* s;
  template <int K>
  __device__ void operator()(const SumPlan<T, K>&, index_t, const double (&sum)[2]) const {
    if (ds != nullptr) *ds += static_cast<T>(sum[0]);
    if (dm != nullptr) *dm += static_cast<T>(static_cast<double>(*s) * sum[1]);
  }
};

}  // namespace detail

template <class T>
void scalar_layer_norm_sums(TensorView<T, 1, Cuda> ds, TensorView<T, 1, Cuda> dm, TensorView<const T, 3, Cuda> dy,
                            TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> mean,
                            TensorView<const T, 3, Cuda> rstd, const T* s, const T* m) {
  const TensorView<T, 3, Cuda> all(nullptr, {1, 1, 1});
  detail::sums<2>("scalar_layer_norm", SumPlan<T, 4>(all, 1, dy, x, mean, rstd), detail::ScalarNormTerms<T>{m},
                  detail::AddScalarNorm<T>{ds.data(), dm.data(), s});
}

}  // namespace longwave::cuda
