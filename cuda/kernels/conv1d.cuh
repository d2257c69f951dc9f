// conv1d.cuh - convolution along time on the device: x (B, I, L), W (O, I / groups, k), y (B, O, M).
//
//   one tap       y_b = W x_b, dx_b = W^T dy_b, dW += sum_b dy_b x_b^T: products straight from the operands
//   few groups    windows X (I k, M) of x in working memory, a slice of the batch at a time: y = W X, dX = W^T dy,
//                 dW += sum_b dy_b X_b^T; dx gathers what each position gave to dX
//   many groups   short sums, by one thread per output: depthwise kernels
//   few channels  one tap between at most 8 channels, forward from at most 8: narrow_linear.cuh; dW and dbias of dense
//                 rows from at most 4 channels, and dbias of any: channel_sums.cuh
//
// Products are bound by 2 B O M I k / groups flops, the windows by k times the bytes of x, depthwise by x and y.
#pragma once

#include "kernels/channel_sums.cuh"
#include "kernels/narrow_linear.cuh"
#include "longwave/core/add_rows.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/conv1d.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr index_t conv_window_bytes = index_t(128) << 20;  // of windows at a time
inline constexpr index_t conv_most_products = 8;                  // groups beyond which one thread sums an output
inline constexpr int bias_threads = 256, bias_run = 8;            // elements that one thread writes

// y (B, O, M) = bias(o).
template <class T>
__global__ void __launch_bounds__(bias_threads)
    fill_channels_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 1, Cuda> bias, index_t per_row) {
  const index_t row = blockIdx.x / per_row, b = row / y.size(1), o = row % y.size(1);
  const T value = bias(o);
  T* out = y.data() + b * y.stride(0) + o * y.stride(1);
  const index_t first = blockIdx.x % per_row * (bias_threads * bias_run) + threadIdx.x;
#pragma unroll
  for (int i = 0; i < bias_run; ++i)
    if (first + i * bias_threads < y.size(2)) out[(first + i * bias_threads) * y.stride(2)] = value;
}

// X (B, I, k, M), dense: X[b, i, t, m] = x[b, i, m stride + t dilation - padding].
template <class T>
struct UnfoldWindows {
  TensorView<T, 4, Cuda> X;
  TensorView<const T, 3, Cuda> x;
  Conv1dOptions o;
  template <class I>
  __device__ void operator()(I at) const {
    const I M = static_cast<I>(X.size(3)), taps = static_cast<I>(X.size(2)), inputs = static_cast<I>(x.size(1));
    const I row = at / M, channel = row / taps;
    const index_t l = index_t(at % M) * o.stride + index_t(row % taps) * o.dilation - o.padding;
    X.data()[at] = l >= 0 && l < x.size(2) ? x(channel / inputs, channel % inputs, l) : T(0);
  }
};

// The output whose tap t falls on position l; -1 if there is none.
__device__ inline index_t window_of(index_t l, index_t t, const Conv1dOptions& o, index_t M) {
  const index_t shifted = l + o.padding - t * o.dilation;
  if (shifted < 0) return -1;
  if (o.stride == 1) return shifted < M ? shifted : -1;
  return shifted % o.stride == 0 && shifted / o.stride < M ? shifted / o.stride : -1;
}

// dx[b, i, l] = sum of dX over the windows that hold position l.
template <class T>
struct FoldWindows {
  TensorView<T, 3, Cuda> dx;
  TensorView<const T, 4, Cuda> dX;
  Conv1dOptions o;
  template <class I>
  __device__ void operator()(I at) const {
    const I length = static_cast<I>(dx.size(2)), inputs = static_cast<I>(dx.size(1)), channel = at / length;
    const index_t l = at % length;
    const T* windows = dX.data() + channel * dX.size(2) * dX.size(3);
    T sum = 0;
    for (index_t t = 0; t < dX.size(2); ++t) {
      const index_t m = window_of(l, t, o, dX.size(3));
      if (m >= 0) sum += windows[t * dX.size(3) + m];
    }
    dx(channel / inputs, channel % inputs, l) = sum;
  }
};

// The same for stride 1, 16 bytes of X or of dx at a time: rows of whole vectors, dense.
template <class T>
struct UnfoldVectors {
  T* X;
  TensorView<const T, 3, Cuda> x;
  std::uint32_t per_row, taps;  // vectors of a row of X
  index_t dilation, padding;
  template <class I>
  __device__ void operator()(I at) const {
    const I inputs = static_cast<I>(x.size(1)), row = at / per_row, channel = row / taps, b = channel / inputs;
    const index_t l =
        index_t(at - row * per_row) * Vector<T>::size + index_t(row - channel * taps) * dilation - padding;
    const T* from = x.data() + b * x.stride(0) + (channel - b * inputs) * x.stride(1);
    Vector<T> v;
#pragma unroll
    for (int j = 0; j < Vector<T>::size; ++j)
      v.at[j] = l + j >= 0 && l + j < x.size(2) ? from[(l + j) * x.stride(2)] : T(0);
    *reinterpret_cast<Vector<T>*>(X + index_t(at) * Vector<T>::size) = v;
  }
};

template <class T>
struct FoldVectors {
  T* dx;
  TensorView<const T, 4, Cuda> dX;
  std::uint32_t per_row;  // vectors of a row of dx
  index_t dilation, padding;
  template <class I>
  __device__ void operator()(I at) const {
    const I channel = at / per_row;
    const index_t M = dX.size(3), m = index_t(at - channel * per_row) * Vector<T>::size + padding;
    const T* windows = dX.data() + index_t(channel) * dX.size(2) * M;
    Vector<T> v = {};
    for (index_t t = 0; t < dX.size(2); ++t)
#pragma unroll
      for (int j = 0; j < Vector<T>::size; ++j) {
        const index_t from = m + j - t * dilation;
        if (from >= 0 && from < M) v.at[j] += windows[t * M + from];
      }
    *reinterpret_cast<Vector<T>*>(dx + index_t(at) * Vector<T>::size) = v;
  }
};

// y[b, o, m] by one thread: I / groups * k products.
template <class T>
struct DirectForward {
  TensorView<T, 3, Cuda> y;
  TensorView<const T, 3, Cuda> x, W;
  TensorView<const T, 1, Cuda> bias;
  Conv1dOptions o;
  template <class I>
  __device__ void operator()(I at) const {
    const I M = static_cast<I>(y.size(2)), outputs = static_cast<I>(y.size(1));
    const index_t m = at % M, out = at / M % outputs, b = at / M / outputs;
    const index_t first = out / (y.size(1) / o.groups) * W.size(1);
    T sum = bias.data() != nullptr ? bias(out) : T(0);
    for (index_t i = 0; i < W.size(1); ++i)
      for (index_t t = 0; t < W.size(2); ++t) {
        const index_t l = m * o.stride + t * o.dilation - o.padding;
        if (l >= 0 && l < x.size(2)) sum += W(out, i, t) * x(b, first + i, l);
      }
    y(b, out, m) = sum;
  }
};

template <class T>
struct DirectInput {
  TensorView<T, 3, Cuda> dx;
  TensorView<const T, 3, Cuda> dy, W;
  Conv1dOptions o;
  template <class I>
  __device__ void operator()(I at) const {
    const I length = static_cast<I>(dx.size(2)), inputs = static_cast<I>(dx.size(1));
    const index_t l = at % length, in = at / length % inputs, b = at / length / inputs;
    const index_t outs = W.size(0) / o.groups, first = in / W.size(1) * outs;
    T sum = 0;
    for (index_t t = 0; t < W.size(2); ++t) {
      const index_t m = window_of(l, t, o, dy.size(2));
      for (index_t out = first; out < first + outs && m >= 0; ++out) sum += W(out, in % W.size(1), t) * dy(b, out, m);
    }
    dx(b, in, l) = sum;
  }
};

// The shares of output (b, .) in dW[o, i, t], for add_row_sums: `entry` counts (O, I / groups, k).
template <class T>
struct DirectWeight {
  TensorView<const T, 3, Cuda> dy, x;
  Extents<3> W;
  Conv1dOptions o;

  struct Row {
    const T *dy, *x;
    index_t dy_step, x_step, stride, shift, L;
    __device__ double operator()(index_t m) const {
      const index_t l = m * stride + shift;
      return l >= 0 && l < L ? static_cast<double>(dy[m * dy_step]) * static_cast<double>(x[l * x_step]) : 0.0;
    }
  };
  __device__ Row row(index_t entry, index_t b) const {
    const index_t t = entry % W[2], i = entry / W[2] % W[1], out = entry / W[2] / W[1];
    const index_t in = out / (W[0] / o.groups) * W[1] + i;
    return {dy.data() + b * dy.stride(0) + out * dy.stride(1),
            x.data() + b * x.stride(0) + in * x.stride(1),
            dy.stride(2),
            x.stride(2),
            o.stride,
            t * o.dilation - o.padding,
            x.size(2)};
  }
};

// One thread per position; I is the type that positions are divided in.
template <class I, class F>
__global__ void __launch_bounds__(map_threads) positions_kernel(I n, F f) {
  const I at = blockIdx.x * I(map_threads) + threadIdx.x;
  if (at < n) f(at);
}

template <class F>
void for_positions(const char* name, index_t n, const F& f) {
  if (n == 0) return;
  const unsigned blocks = blocks_for(n, map_threads);
  if (n < (index_t(1) << 31))
    positions_kernel<<<blocks, map_threads, 0, stream_handle()>>>(static_cast<std::uint32_t>(n), f);
  else
    positions_kernel<<<blocks, map_threads, 0, stream_handle()>>>(static_cast<std::uint64_t>(n), f);
  check_launch(name);
}

// Rows of whole vectors: dense (rows, L), of few enough of them.
inline bool whole_vectors(const void* data, index_t count, index_t L, index_t width) {
  return aligned_for_vectors(data) && L % width == 0 && count < (index_t(1) << 31);
}

// X (B, I, k, M), in working memory, from x.
template <class T>
void unfold_windows(TensorView<T, 4, Cuda> X, TensorView<const T, 3, Cuda> x, const Conv1dOptions& o) {
  constexpr index_t V = Vector<T>::size;
  if (o.stride == 1 && whole_vectors(X.data(), X.count(), X.size(3), V))
    return for_positions("conv1d: windows", X.count() / V,
                         UnfoldVectors<T>{X.data(), x, static_cast<std::uint32_t>(X.size(3) / V),
                                          static_cast<std::uint32_t>(X.size(2)), o.dilation, o.padding});
  for_positions("conv1d: windows", X.count(), UnfoldWindows<T>{X, x, o});
}

template <class T>
void fold_windows(TensorView<T, 3, Cuda> dx, TensorView<const T, 4, Cuda> dX, const Conv1dOptions& o) {
  constexpr index_t V = Vector<T>::size;
  if (o.stride == 1 && dx.contiguous() && whole_vectors(dx.data(), dx.count(), dx.size(2), V))
    return for_positions(
        "conv1d: dx", dx.count() / V,
        FoldVectors<T>{dx.data(), dX, static_cast<std::uint32_t>(dx.size(2) / V), o.dilation, o.padding});
  for_positions("conv1d: dx", dx.count(), FoldWindows<T>{dx, dX, o});
}

inline bool one_tap(const Extents<3>& W, const Conv1dOptions& o) {
  return W[2] == 1 && o.stride == 1 && o.padding == 0 && o.groups == 1;
}

// (O, I) of a weight of one tap.
template <class T>
TensorView<T, 2, Cuda> tap_of(const TensorView<T, 3, Cuda>& W) {
  return {W.data(), Extents<2>(W.size(0), W.size(1)), Extents<2>(W.stride(0), W.stride(1))};
}

template <class T>
void fill_channels(TensorView<T, 3, Cuda> y, TensorView<const T, 1, Cuda> bias) {
  if (y.contiguous()) return impl::add_rows<T, Cuda>(y, {}, impl::for_all_entries(bias, y.size(0)));
  const index_t per_row = (y.size(2) + bias_threads * bias_run - 1) / (bias_threads * bias_run);
  fill_channels_kernel<<<blocks_for(y.size(0) * y.size(1) * per_row, 1), bias_threads, 0, stream_handle()>>>(y, bias,
                                                                                                             per_row);
  check_launch("conv1d: bias");
}

// Rows [g n, (g + 1) n) of the channels of x (B, C, L).
template <class T>
TensorView<T, 3, Cuda> group_of(const TensorView<T, 3, Cuda>& x, index_t g, index_t groups) {
  const index_t n = x.size(1) / groups;
  return x.slice(1, g * n, (g + 1) * n);
}

template <class T>
struct DenseWeight {
  TensorView<T, 3, Cuda> to;
  TensorView<const T, 3, Cuda> from;
  template <class I>
  __device__ void operator()(I at) const {
    const I taps = static_cast<I>(to.size(2)), depth = static_cast<I>(to.size(1));
    to.data()[at] = from(at / taps / depth, at / taps % depth, at % taps);
  }
};

// W (O, I / groups, k) as (O, I / groups k).
template <class T>
TensorView<const T, 2, Cuda> flat_weight(TensorView<const T, 3, Cuda> W, ScratchOn<Cuda>& scratch) {
  const Extents<2> sizes(W.size(0), W.size(1) * W.size(2));
  if (W.size(2) == 1) return {W.data(), sizes, Extents<2>(W.stride(0), W.stride(1))};
  if (W.size(1) == 1 || W.stride(1) == W.size(2) * W.stride(2))
    return {W.data(), sizes, Extents<2>(W.stride(0), W.stride(2))};
  const auto dense = scratch.tensor<T>(W.sizes());
  for_positions("conv1d: copy of W", W.count(), DenseWeight<T>{dense, W});
  return {dense.data(), sizes};
}

// Batch entries whose windows fit the working memory set aside for them.
inline index_t window_entries(index_t B, index_t entry_bytes) {
  return std::clamp<index_t>(conv_window_bytes / std::max<index_t>(entry_bytes, 1), 1, std::max<index_t>(B, 1));
}

// dW (O, I / groups, k), any strides, += sums (O, I / groups k), dense.
template <class T>
struct AddWeight {
  TensorView<T, 3, Cuda> dW;
  const T* sums;
  template <class I>
  __device__ void operator()(I at) const {
    const I taps = static_cast<I>(dW.size(2)), depth = static_cast<I>(dW.size(1));
    dW(at / taps / depth, at / taps % depth, at % taps) += sums[at];
  }
};

// One slice of the batch, as windows. dW_sums (O, I / groups k) is added to.
template <class T>
void conv1d_backward_slice(TensorView<T, 3, Cuda> dx, T* dW_sums, TensorView<const T, 3, Cuda> dy,
                           TensorView<const T, 3, Cuda> x, TensorView<const T, 2, Cuda> W, TensorView<T, 4, Cuda> X,
                           const Conv1dOptions& o) {
  const index_t B = dy.size(0), M = dy.size(2), rows = dy.size(1) / o.groups, depth = W.size(1);
  const auto windows = TensorView<T, 3, Cuda>(X.data(), Extents<3>(B, depth * o.groups, M));
  if (dW_sums != nullptr) {
    unfold_windows<T>(X, x, o);
    for (index_t g = 0; g < o.groups; ++g)
      gemm_sum<T>(TensorView<T, 2, Cuda>(dW_sums + g * rows * depth, Extents<2>(rows, depth)),
                  group_of(dy, g, o.groups), group_of(windows, g, o.groups).transpose(1, 2));
  }
  if (!wanted(dx)) return;
  for (index_t g = 0; g < o.groups; ++g)
    gemm<T>(group_of(windows, g, o.groups), repeated(W.slice(0, g * rows, (g + 1) * rows).transpose(0, 1), B),
            group_of(dy, g, o.groups), false);
  fold_windows<T>(dx, X, o);
}

}  // namespace detail

template <class T>
void conv1d_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W,
                    TensorView<const T, 1, Cuda> bias, const Conv1dOptions& o) {
  if (y.empty()) return;
  if (o.groups > detail::conv_most_products)
    return detail::for_positions("conv1d", y.count(), detail::DirectForward<T>{y, x, W, bias, o});
  if (detail::one_tap(W.sizes(), o) && detail::from_few(detail::tap_of(W)) && y.size(0) <= 65535)
    return detail::narrow_linear<T>(y, x, detail::tap_of(W), bias);
  const index_t B = y.size(0), M = y.size(2), rows = W.size(0) / o.groups;
  const bool add = bias.data() != nullptr;
  if (add) detail::fill_channels(y, bias);
  ScratchOn<Cuda> scratch;
  const auto weight = detail::flat_weight(W, scratch);
  if (detail::one_tap(W.sizes(), o)) return gemm<T>(y, repeated(weight, B), x, add);
  const index_t entries = detail::window_entries(B, x.size(1) * W.size(2) * M * index_t(sizeof(T)));
  const auto room = scratch.tensor<T>(Extents<4>(entries, x.size(1), W.size(2), M));
  for (index_t b = 0; b < B; b += entries) {
    const index_t n = std::min(entries, B - b);
    const auto X = room.slice(0, 0, n);
    detail::unfold_windows<T>(X, x.slice(0, b, b + n), o);
    const auto windows = TensorView<T, 3, Cuda>(X.data(), Extents<3>(n, x.size(1) * W.size(2), M));
    for (index_t g = 0; g < o.groups; ++g)
      gemm<T>(detail::group_of(y.slice(0, b, b + n), g, o.groups),
              repeated(weight.slice(0, g * rows, (g + 1) * rows), n), detail::group_of(windows, g, o.groups), add);
  }
}

namespace detail {

template <class T>
void conv1d_backward_direct(TensorView<T, 3, Cuda> dx, TensorView<T, 3, Cuda> dW, TensorView<const T, 3, Cuda> dy,
                            TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W, const Conv1dOptions& o) {
  if (wanted(dx)) for_positions("conv1d: dx", dx.count(), DirectInput<T>{dx, dy, W, o});
  if (!wanted(dW) || dW.empty()) return;
  ScratchOn<Cuda> scratch;
  const auto sums = scratch.tensor<T>(Extents<1>(dW.count()));
  Memory<Cuda>::zero(sums.data(), static_cast<std::size_t>(sums.count()) * sizeof(T));
  add_row_sums("conv1d: dW", sums, dy.size(0), dy.size(2), DirectWeight<T>{dy, x, dW.sizes(), o});
  for_positions("conv1d: dW", dW.count(), AddWeight<T>{dW, sums.data()});
}

template <class T>
void conv1d_backward_windows(TensorView<T, 3, Cuda> dx, TensorView<T, 3, Cuda> dW, TensorView<const T, 3, Cuda> dy,
                             TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W, const Conv1dOptions& o) {
  const index_t B = dy.size(0), I = x.size(1), taps = W.size(2), M = dy.size(2);
  ScratchOn<Cuda> scratch;
  const auto weight = flat_weight(W, scratch);
  const bool in_place = wanted(dW) && dW.contiguous();
  T* sums = !wanted(dW) ? nullptr : in_place ? dW.data() : scratch.take<T>(dW.count());
  if (sums != nullptr && !in_place) Memory<Cuda>::zero(sums, static_cast<std::size_t>(dW.count()) * sizeof(T));
  const index_t entries = window_entries(B, I * taps * M * index_t(sizeof(T)));
  const auto room = scratch.tensor<T>(Extents<4>(entries, I, taps, M));
  for (index_t b = 0; b < B; b += entries) {
    const index_t n = std::min(entries, B - b);
    conv1d_backward_slice(wanted(dx) ? dx.slice(0, b, b + n) : dx, sums, dy.slice(0, b, b + n), x.slice(0, b, b + n),
                          weight, room.slice(0, 0, n), o);
  }
  if (sums != nullptr && !in_place) for_positions("conv1d: dW", dW.count(), AddWeight<T>{dW, sums});
}

}  // namespace detail

template <class T>
void conv1d_backward(TensorView<T, 3, Cuda> dx, TensorView<T, 3, Cuda> dW, TensorView<T, 1, Cuda> dbias,
                     TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> W,
                     const Conv1dOptions& o) {
  const auto weight = detail::tap_of(W);
  if (detail::one_tap(W.sizes(), o) && detail::narrow(weight))
    return detail::narrow_backward<T>(dx, wanted(dW) ? detail::tap_of(dW) : TensorView<T, 2, Cuda>(), dbias, dy, x,
                                      weight);
  if (detail::one_tap(W.sizes(), o) && wanted(dW) &&
      add_narrow_sums<T>("conv1d: dW of few channels", detail::tap_of(dW), dbias, dy, x))
    dW = {}, dbias = {};
  if (wanted(dbias)) add_channel_sums("conv1d: dbias", dbias, dy);
  if (o.groups > detail::conv_most_products) return detail::conv1d_backward_direct(dx, dW, dy, x, W, o);
  if (!detail::one_tap(W.sizes(), o)) return detail::conv1d_backward_windows(dx, dW, dy, x, W, o);
  if (wanted(dx)) gemm<T>(dx, repeated(weight.transpose(0, 1), dy.size(0)), dy, false);
  if (wanted(dW)) gemm_sum<T>(detail::tap_of(dW), dy, x.transpose(1, 2));
}

}  // namespace longwave::cuda
