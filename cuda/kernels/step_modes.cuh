// step_modes.cuh - the state-space part of a step for many streams: s' = a s + b u, y = act(2 Re sum c s' + D u).
//
// Bytes per stream and feature: 4 N sizeof(T), every state read and written once; at B = 65536, H = 256, N = 32 those
// are 8.6 GB and all that counts. A block owns 32 V features of R streams and deals the modes out to its 8 warps: the
// tables are read once per R streams, one stream alone keeps 8 warps busy. Sums over modes in an order of N alone.
#pragma once

#include "kernels/map.cuh"
#include "longwave/cuda/step.hpp"
#include "longwave/ops/activation.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int step_lanes = 32, step_parts = 8, step_rows = 4;
inline constexpr int step_rank = 8;  // of the low-rank part: max_rank of state_space/dplr.hpp

template <class T>
__device__ T activated(T x, Activation activation) {
  switch (activation) {  // the same for all threads
    case Activation::gelu:
      return GeluRule().value(x);
    case Activation::relu:
      return ReluRule().value(x);
    case Activation::elu:
      return EluRule().value(x);
    case Activation::tanh:
      return TanhRule().value(x);
    case Activation::sigmoid:
      return SigmoidRule().value(x);
    case Activation::silu:
      return SiluRule().value(x);
    case Activation::softplus:
      return SoftplusRule().value(x);
    case Activation::hardswish:
      return HardswishRule().value(x);
    case Activation::hardtanh:
      return HardtanhRule().value(x);
    case Activation::hardsigmoid:
      return HardsigmoidRule().value(x);
    case Activation::hardshrink:
      return HardshrinkRule().value(x);
    default:
      return x;
  }
}

// V neighbouring features, moved at once.
template <class T, int V>
struct alignas(V * sizeof(T)) Features {
  T at[V];
};

template <class T, int V>
__device__ Features<T, V> load_features(const T* p) {
  return *reinterpret_cast<const Features<T, V>*>(p);
}

template <class T, int V, int R, bool low_rank>
struct ModesBlock {
  using F = Features<T, V>;
  struct Shared {
    F part[step_parts][R][step_lanes];
    F rho[low_rank ? step_rank : 1][R][step_lanes];  // w . s
  };

  const ModesStep<T>& p;
  Shared& shared;
  const int lane, part, rows;
  const index_t h, first, N, H, plane;  // features h .. h + V - 1 of streams first .. first + rows - 1
  const bool active;
  F u[R];

  __device__ ModesBlock(const ModesStep<T>& step, Shared& s, unsigned feature_blocks)
      : p(step),
        shared(s),
        lane(threadIdx.x),
        part(threadIdx.y),
        rows(static_cast<int>(min(index_t(R), step.u.size(0) - blockIdx.x / feature_blocks * index_t(R)))),
        h((blockIdx.x % feature_blocks * index_t(step_lanes) + threadIdx.x) * V),
        first(blockIdx.x / feature_blocks * index_t(R)),
        N(step.a.size(1)),
        H(step.a.size(2)),
        plane(N * H),
        active(h < H) {
#pragma unroll
    for (int r = 0; r < R; ++r) u[r] = has(r) ? load_features<T, V>(p.u.data() + (first + r) * p.u.stride(0) + h) : F();
  }

  __device__ bool has(int r) const { return active && r < rows; }
  __device__ T* state(int r, index_t at) const { return p.state.data() + (first + r) * 2 * plane + at; }

  // sum += x re + y im for the tables x, y of one mode.
  static __device__ void add(F& sum, const F& x, const F& re, const F& y, const F& im) {
#pragma unroll
    for (int j = 0; j < V; ++j) sum.at[j] += x.at[j] * re.at[j] + y.at[j] * im.at[j];
  }

  // table . state over this warp's modes; the states are those in memory.
  __device__ void dot(F (&sum)[R], const T* table) const {
    for (index_t n = part; n < N; n += step_parts) {
      const index_t at = n * H + h;
      if (!active) continue;
      const F x = load_features<T, V>(table + at), y = load_features<T, V>(table + plane + at);
#pragma unroll
      for (int r = 0; r < R; ++r)
        if (has(r)) add(sum[r], x, load_features<T, V>(state(r, at)), y, load_features<T, V>(state(r, plane + at)));
    }
  }

  // The warps' sums, added in order: f(r, sum) on one thread per lane and stream.
  template <class Use>
  __device__ void gather(const F (&sum)[R], Use use) {
#pragma unroll
    for (int r = 0; r < R; ++r) shared.part[part][r][lane] = sum[r];
    __syncthreads();
    if (part < R && has(part)) {
      F total = shared.part[0][part][lane];
      for (int i = 1; i < step_parts; ++i)
#pragma unroll
        for (int j = 0; j < V; ++j) total.at[j] += shared.part[i][part][lane].at[j];
      use(part, total);
    }
    __syncthreads();
  }

  __device__ void low_rank_sums() {
    for (index_t i = 0; i < p.w.size(0); ++i) {
      F sum[R] = {};
      dot(sum, p.w.data() + i * 2 * plane);
      gather(sum, [&](int r, const F& total) { shared.rho[i][r][lane] = total; });
    }
  }

  // z (Re, Im) minus the low-rank part of mode n.
  __device__ void correct(F& re, F& im, int r, index_t at) const {
    if constexpr (low_rank)
      for (index_t i = 0; i < p.G.size(0); ++i) {
        const F G_re = load_features<T, V>(p.G.data() + i * 2 * plane + at);
        const F G_im = load_features<T, V>(p.G.data() + (i * 2 + 1) * plane + at);
#pragma unroll
        for (int j = 0; j < V; ++j) {
          re.at[j] -= shared.rho[i][r][lane].at[j] * G_re.at[j];
          im.at[j] -= shared.rho[i][r][lane].at[j] * G_im.at[j];
        }
      }
  }

  // All of this warp's modes one step on; y: this warp's part of channel 0.
  __device__ void advance(F (&y)[R]) const {
    const bool weighted = p.b.data() != nullptr;
    for (index_t n = part; n < N && active; n += step_parts) {
      const index_t at = n * H + h;
      F re[R], im[R];
#pragma unroll
      for (int r = 0; r < R; ++r) {
        re[r] = has(r) ? load_features<T, V>(state(r, at)) : F();
        im[r] = has(r) ? load_features<T, V>(state(r, plane + at)) : F();
      }
      const F a_re = load_features<T, V>(p.a.data() + at), a_im = load_features<T, V>(p.a.data() + plane + at);
      const F c_re = load_features<T, V>(p.c.data() + at), c_im = load_features<T, V>(p.c.data() + plane + at);
      F b_re, b_im;
      for (int j = 0; j < V; ++j) b_re.at[j] = T(1), b_im.at[j] = T(0);
      if (weighted) {
        b_re = load_features<T, V>(p.b.data() + at);
        b_im = load_features<T, V>(p.b.data() + plane + at);
      }
#pragma unroll
      for (int r = 0; r < R; ++r) {
        F next_re, next_im;
#pragma unroll
        for (int j = 0; j < V; ++j) {
          next_re.at[j] = a_re.at[j] * re[r].at[j] - a_im.at[j] * im[r].at[j] + b_re.at[j] * u[r].at[j];
          next_im.at[j] = a_re.at[j] * im[r].at[j] + a_im.at[j] * re[r].at[j] + b_im.at[j] * u[r].at[j];
        }
        correct(next_re, next_im, r, at);
        add(y[r], c_re, next_re, c_im, next_im);
        if (!has(r)) continue;
        *reinterpret_cast<F*>(state(r, at)) = next_re;
        *reinterpret_cast<F*>(state(r, plane + at)) = next_im;
      }
    }
  }

  __device__ void finish(const F (&sum)[R], index_t c) {
    gather(sum, [&](int r, F total) {
      const F D = load_features<T, V>(p.D.data() + c * H + h);
      const F in = load_features<T, V>(p.u.data() + (first + r) * p.u.stride(0) + h);
#pragma unroll
      for (int j = 0; j < V; ++j) total.at[j] = activated(total.at[j] + D.at[j] * in.at[j], p.activation);
      *reinterpret_cast<F*>(p.y.data() + (first + r) * p.y.stride(0) + c * p.y.stride(1) + h) = total;
    });
  }
};

template <class T, int V, int R, bool low_rank>
__global__ void __launch_bounds__(step_lanes* step_parts)
    modes_step_kernel(const __grid_constant__ ModesStep<T> step, unsigned feature_blocks) {
  using Block = ModesBlock<T, V, R, low_rank>;
  __shared__ typename Block::Shared shared;
  Block block(step, shared, feature_blocks);
  if constexpr (low_rank) block.low_rank_sums();
  typename Block::F y[R] = {};
  block.advance(y);
  block.finish(y, 0);
  for (index_t c = 1; c < step.c.size(0); ++c) {  // each warp reads back its own states
    typename Block::F more[R] = {};
    block.dot(more, step.c.data() + c * 2 * block.plane);
    block.finish(more, c);
  }
}

template <class T, int V, int R>
void launch_modes_step(const ModesStep<T>& step) {
  const index_t B = step.u.size(0), H = step.a.size(2);
  const unsigned feature_blocks = blocks_for(H, index_t(step_lanes) * V);
  const unsigned blocks = blocks_for(((B + R - 1) / R) * feature_blocks, 1);
  const dim3 threads(step_lanes, step_parts);
  if (step.G.data() != nullptr)
    modes_step_kernel<T, V, R, true><<<blocks, threads, 0, stream_handle()>>>(step, feature_blocks);
  else
    modes_step_kernel<T, V, R, false><<<blocks, threads, 0, stream_handle()>>>(step, feature_blocks);
  check_launch("modes_step");
}

}  // namespace detail

template <class T>
void modes_step(const ModesStep<T>& step) {
  const index_t B = step.u.size(0), H = step.a.size(2);
  if (B == 0 || H == 0) return;
  if (step.w.size(0) > detail::step_rank)
    throw_value_error("modes_step: a low-rank part of rank " + std::to_string(step.w.size(0)) + ", at most " +
                      std::to_string(detail::step_rank));
  constexpr int V = Vector<T>::size;
  bool whole = H % V == 0 && step.u.stride(0) % V == 0 && step.y.stride(0) % V == 0 && step.y.stride(1) % V == 0;
  for (const T* p : {step.y.data(), step.state.data()}) whole = whole && aligned_for_vectors(p);
  for (const T* p :
       {step.u.data(), step.a.data(), step.b.data(), step.c.data(), step.G.data(), step.w.data(), step.D.data()})
    whole = whole && aligned_for_vectors(p);
  // Several streams per block once there are blocks for every multiprocessor all the same.
  const bool many = B * ((H + 127) / 128) >= 1024;
  if (many && whole)
    detail::launch_modes_step<T, V, detail::step_rows>(step);
  else if (many)
    detail::launch_modes_step<T, 1, detail::step_rows>(step);
  else
    detail::launch_modes_step<T, 1, 1>(step);
}

}  // namespace longwave::cuda
