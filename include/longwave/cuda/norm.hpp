// norm.hpp - the device's overloads of what ops/norm.hpp calls, which includes this before its front.
#pragma once

#include <cstdint>

#include "longwave/cuda/lines.hpp"

namespace longwave {

namespace cuda {

inline constexpr int most_tile_channels = 512;

// Up to K operands (B, H, L) that are normalised over H, in tiles of 128 bytes of every channel: the form of
// kernels/channel_norm.cuh, for what is dense along L, on 16 bytes, and has 16 < H <= 512 channels.
template <class T, int K>
struct ChannelTiles {
  static constexpr int vector = 16 / sizeof(T);

  bool fits;
  T* data[K] = {};
  index_t batch[K] = {}, channel[K] = {};  // strides; mean and rstd (B, L): 0 from channel to channel
  int H = 0;
  index_t L = 0;
  std::uint32_t per_row = 0, count = 0;  // tiles

  // Operands that the lines do not have are left out.
  template <int M>
  explicit ChannelTiles(const Lines<T, M>& lines) : fits(lines.length > 16 && lines.length <= most_tile_channels) {
    static_assert(M <= K);
    const int rank = lines.plan.rank;
    fits = fits && lines.count > 0 && (rank == 1 || rank == 2);
    if (!fits) return;
    L = lines.plan.sizes[rank - 1];
    H = static_cast<int>(lines.length);
    for (int k = 0; k < M; ++k) {
      data[k] = lines.data[k];
      if (data[k] == nullptr) continue;
      batch[k] = rank == 2 ? lines.plan.strides[k][0] : 0;
      channel[k] = lines.step[k];
      fits = fits && lines.plan.strides[k][rank - 1] == 1 && reinterpret_cast<std::uintptr_t>(data[k]) % 16 == 0 &&
             batch[k] % vector == 0 && channel[k] % vector == 0;
    }
    const index_t positions = 8 * vector, tiles = (L + positions - 1) / positions;
    const index_t rows = rank == 2 ? lines.plan.sizes[0] : 1;
    fits = fits && L % vector == 0 && tiles <= 0x7fffffff / rows;
    if (!fits) return;
    per_row = static_cast<std::uint32_t>(tiles);
    count = static_cast<std::uint32_t>(tiles * rows);
  }
};

// y = weight (x_hat + m rstd) + bias: layer_norm, and with one weight for all features and m scalar_layer_norm. What
// has no data is 1 (weight) or 0.
template <class T>
struct NormParameters {
  TensorView<const T, 1, Cuda> weight, bias;
  const T* m = nullptr;
  double eps = 0;
  double share = 0;  // 1 / H, filled in by the call
  // (H), where x + r is normalised in tiles (ChannelTiles): x + r + add
  TensorView<const T, 1, Cuda> add = {};
};

// Operands y, x, mean, rstd, sum, r; mean and rstd have size 1 along the axis and may be left out. With r, x + r is
// normalised and written to sum, which what fits tiles may do without.
template <class T>
void layer_norm_forward(const Lines<T, 6>& lines, NormParameters<T> parameters);
// Operands dx, dy, x, mean, rstd, dsum; dsum is added to dx where it is given. dweight and dbias are added to.
template <class T>
void layer_norm_backward(const Lines<T, 6>& lines, NormParameters<T> parameters, TensorView<T, 1, Cuda> dweight,
                         TensorView<T, 1, Cuda> dbias);
// The same in two steps, of which the second may run beside what follows: operands as there, parts
// (layer_norm_parts(tiles), 2, H) is assigned. Same bits.
template <class T>
index_t layer_norm_parts(const ChannelTiles<T, 7>& tiles);
template <class T>
void layer_norm_backward_in_parts(const ChannelTiles<T, 7>& tiles, const NormParameters<T>& parameters,
                                  TensorView<double, 3, Cuda> parts);
template <class T>
void add_layer_norm_parts(TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias,
                          TensorView<const double, 3, Cuda> parts);
// ds += sum dy (x_hat + m rstd), dm += s sum dy rstd. All operands (B, H, L).
template <class T>
void scalar_layer_norm_sums(TensorView<T, 1, Cuda> ds, TensorView<T, 1, Cuda> dm, TensorView<const T, 3, Cuda> dy,
                            TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> mean,
                            TensorView<const T, 3, Cuda> rstd, const T* s, const T* m);

// Per channel (H): of this batch or the running ones, saved for backward; each view may be left out.
template <class T>
struct BatchStatistics {
  TensorView<T, 1, Cuda> mean, rstd, running_mean, running_var;
};
template <class T>
void batch_norm_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, const BatchStatistics<T>& statistics,
                        TensorView<const T, 1, Cuda> weight, TensorView<const T, 1, Cuda> bias, bool training,
                        double momentum, double eps);
template <class T>
void batch_norm_backward(TensorView<const T, 3, Cuda> dy, TensorView<T, 3, Cuda> dx, TensorView<T, 1, Cuda> dweight,
                         TensorView<T, 1, Cuda> dbias, TensorView<const T, 1, Cuda> mean,
                         TensorView<const T, 1, Cuda> rstd, TensorView<const T, 3, Cuda> x,
                         TensorView<const T, 1, Cuda> weight, bool training);

template <class T>
void add_one(TensorView<T, 0, Cuda> count);

}  // namespace cuda

namespace impl {

template <class T, int N>
TensorView<T, N, Cuda> along_axis(TensorView<T, N - 1, Cuda> v, int axis) {
  Extents<N> sizes, strides;
  for (int i = 0, j = 0; i < N; ++i) {
    sizes[i] = i == axis ? 1 : v.size(j);
    strides[i] = i == axis ? 0 : v.stride(j);
    j += i != axis;
  }
  return {v.data(), sizes, strides};
}

// Few lines that are long, as in group norm: one block per line would leave the device idle, so each line is a channel
// whose sums many blocks share. Seen as (1, lines, length).
template <class T, int N>
bool few_long_lines(TensorView<T, N, Cuda> x, int axis) {
  const index_t length = x.size(axis), lines = length > 0 ? x.count() / length : 0;
  return axis == N - 1 && length >= index_t(1) << 15 && lines > 0 && lines < 132 && x.contiguous();
}
template <class T, int N>
TensorView<T, 3, Cuda> lines_as_channels(TensorView<T, N, Cuda> x) {
  return {x.data(), {1, x.count() / x.size(N - 1), x.size(N - 1)}};
}

template <class T, int N>
void layer_norm_forward(TensorView<T, N, Cuda> y, Out<T, N - 1, Cuda> mean, Out<T, N - 1, Cuda> rstd, In<T, N, Cuda> x,
                        In<T, 1, Cuda> weight, In<T, 1, Cuda> bias, int axis, T eps) {
  const bool saved = !wanted(mean) || (mean.contiguous() && rstd.contiguous());
  if (few_long_lines(x, axis) && y.contiguous() && saved && !wanted(weight) && !wanted(bias)) {
    const cuda::BatchStatistics<T> to{
        {mean.data(), Extents<1>{mean.count()}}, {rstd.data(), Extents<1>{rstd.count()}}, {}, {}};
    return cuda::batch_norm_forward(lines_as_channels(y), lines_as_channels(x), to, {}, {}, true, 0.0,
                                    static_cast<double>(eps));
  }
  const TensorView<T, N, Cuda> none;
  cuda::layer_norm_forward(cuda::Lines<T, 6>(axis, x.size(axis), y, x, along_axis<T, N>(mean, axis),
                                             along_axis<T, N>(rstd, axis), none, none),
                           cuda::NormParameters<T>{weight, bias, nullptr, static_cast<double>(eps), 0});
}

template <class T, int N>
void layer_norm_backward(TensorView<const T, N, Cuda> dy, Out<T, N, Cuda> dx, Out<T, 1, Cuda> dweight,
                         Out<T, 1, Cuda> dbias, In<T, N - 1, Cuda> mean, In<T, N - 1, Cuda> rstd, In<T, N, Cuda> x,
                         In<T, 1, Cuda> weight, int axis) {
  if (few_long_lines(x, axis) && wanted(dx) && dx.contiguous() && dy.contiguous() && mean.contiguous() &&
      rstd.contiguous() && !wanted(weight) && !wanted(dweight) && !wanted(dbias))
    return cuda::batch_norm_backward(lines_as_channels(dy), lines_as_channels(dx), {}, {}, mean.flat(), rstd.flat(),
                                     lines_as_channels(x), {}, true);
  const TensorView<const T, N, Cuda> none;
  cuda::layer_norm_backward(
      cuda::Lines<T, 6>(axis, x.size(axis), x.sizes(), dx, dy, x, along_axis<const T, N>(mean, axis),
                        along_axis<const T, N>(rstd, axis), none),
      cuda::NormParameters<T>{weight, {}, nullptr, 0, 0}, dweight, dbias);
}

// y = norm(sum), sum = x + r.
template <class T, int N>
void add_layer_norm_forward(TensorView<T, N, Cuda> y, Out<T, N, Cuda> sum, Out<T, N - 1, Cuda> mean,
                            Out<T, N - 1, Cuda> rstd, In<T, N, Cuda> x, In<T, N, Cuda> r, In<T, 1, Cuda> weight,
                            In<T, 1, Cuda> bias, int axis, T eps) {
  cuda::layer_norm_forward(
      cuda::Lines<T, 6>(axis, x.size(axis), y, x, along_axis<T, N>(mean, axis), along_axis<T, N>(rstd, axis), sum, r),
      cuda::NormParameters<T>{weight, bias, nullptr, static_cast<double>(eps), 0});
}

template <class T, int N>
void add_layer_norm_backward(TensorView<const T, N, Cuda> dy, In<T, N, Cuda> dsum, Out<T, N, Cuda> dx,
                             Out<T, 1, Cuda> dweight, Out<T, 1, Cuda> dbias, In<T, N - 1, Cuda> mean,
                             In<T, N - 1, Cuda> rstd, In<T, N, Cuda> sum, In<T, 1, Cuda> weight, int axis) {
  cuda::layer_norm_backward(
      cuda::Lines<T, 6>(axis, sum.size(axis), sum.sizes(), dx, dy, sum, along_axis<const T, N>(mean, axis),
                        along_axis<const T, N>(rstd, axis), dsum),
      cuda::NormParameters<T>{weight, {}, nullptr, 0, 0}, dweight, dbias);
}

// One number for all features.
template <class T>
TensorView<const T, 1, Cuda> for_features(TensorView<const T, 1, Cuda> s, index_t H) {
  return {s.data(), Extents<1>{H}, Extents<1>{0}};
}

template <class T>
void scalar_layer_norm_forward(TensorView<T, 3, Cuda> y, TensorView<T, 2, Cuda> mean, TensorView<T, 2, Cuda> rstd,
                               TensorView<const T, 3, Cuda> x, TensorView<const T, 1, Cuda> s,
                               TensorView<const T, 1, Cuda> m, double eps) {
  const TensorView<T, 3, Cuda> none;
  cuda::layer_norm_forward(
      cuda::Lines<T, 6>(1, x.size(1), y, x, along_axis<T, 3>(mean, 1), along_axis<T, 3>(rstd, 1), none, none),
      cuda::NormParameters<T>{for_features(s, x.size(1)), {}, m.data(), eps, 0});
}

template <class T>
void scalar_layer_norm_backward(TensorView<T, 3, Cuda> dx, TensorView<T, 1, Cuda> ds, TensorView<T, 1, Cuda> dm,
                                TensorView<const T, 3, Cuda> dy, TensorView<const T, 2, Cuda> mean,
                                TensorView<const T, 2, Cuda> rstd, TensorView<const T, 3, Cuda> x,
                                TensorView<const T, 1, Cuda> s, TensorView<const T, 1, Cuda> m) {
  const index_t H = x.size(1);
  const TensorView<const T, 3, Cuda> none;
  if (wanted(dx))
    cuda::layer_norm_backward(cuda::Lines<T, 6>(1, H, x.sizes(), dx, dy, x, along_axis<const T, 3>(mean, 1),
                                                along_axis<const T, 3>(rstd, 1), none),
                              cuda::NormParameters<T>{for_features(s, H), {}, m.data(), 0, 0}, TensorView<T, 1, Cuda>(),
                              TensorView<T, 1, Cuda>());
  const auto over = [&](TensorView<const T, 2, Cuda> v) {
    return TensorView<const T, 3, Cuda>(v.data(), x.sizes(), {v.stride(0), 0, v.stride(1)});
  };
  if (wanted(ds) || wanted(dm)) cuda::scalar_layer_norm_sums(ds, dm, dy, x, over(mean), over(rstd), s.data(), m.data());
}

// (B, H) as (B, H, 1).
template <class T, int N>
TensorView<T, 3, Cuda> channels(TensorView<T, N, Cuda> x) {
  if constexpr (N == 3)
    return x;
  else
    return {x.data(), {x.size(0), x.size(1), 1}, {x.stride(0), x.stride(1), 1}};
}

template <class T, int N, class Numbers>
void batch_norm_forward(TensorView<T, N, Cuda> y, Out<T, 1, Cuda> mean, Out<T, 1, Cuda> rstd,
                        Out<T, 1, Cuda> running_mean, Out<T, 1, Cuda> running_var, In<T, N, Cuda> x,
                        In<T, 1, Cuda> weight, In<T, 1, Cuda> bias, const Numbers& numbers) {
  cuda::batch_norm_forward(channels(y), channels(x), cuda::BatchStatistics<T>{mean, rstd, running_mean, running_var},
                           weight, bias, numbers.training, numbers.momentum, numbers.eps);
}

template <class T, int N>
void batch_norm_backward(TensorView<const T, N, Cuda> dy, Out<T, N, Cuda> dx, Out<T, 1, Cuda> dweight,
                         Out<T, 1, Cuda> dbias, In<T, 1, Cuda> mean, In<T, 1, Cuda> rstd, In<T, N, Cuda> x,
                         In<T, 1, Cuda> weight, bool training) {
  cuda::batch_norm_backward(channels(dy), channels(dx), dweight, dbias, mean, rstd, channels(x), weight, training);
}

template <class T>
void add_one(TensorView<T, 0, Cuda> count) {
  cuda::add_one(count);
}

}  // namespace impl
}  // namespace longwave
