// fft_conv_rows.cuh - long convolutions of any length on the device, with cuFFT: the right-angle convolution of
// ops/fft_conv.hpp, whose n >= L complex points take the place of 2 L real ones.
//
//   kernels K~ (C, h, n), a slice of the features, transformed once
//   per slice of the batch   U = transform of u w^l          (b, h, n)
//                            y = unweighted inverse of U K~, + D u on the way out
//   backward                 Y = transform of dy w^l; dU += Y conj(K~); dK~ += sum_b Y conj(U), in order
//
// Nothing padded outlives the call. Working memory is bounded by fft_conv_bytes and by what one row needs. Bytes per
// element of u: some 72 forward in float (two passes of cuFFT counted once each).
#pragma once

#include "kernels/fft.cuh"
#include "kernels/partials.cuh"
#include "longwave/cpu/fft_length.hpp"
#include "longwave/cuda/fft_conv.hpp"

namespace longwave::cuda::detail {

inline constexpr index_t fft_conv_bytes = index_t(256) << 20;

__device__ inline void sine_and_cosine_pi(float x, float* s, float* c) { sincospif(x, s, c); }
__device__ inline void sine_and_cosine_pi(double x, double* s, double* c) { sincospi(x, s, c); }

// e^{i pi/2 l/n} = e^{i pi l step}, step = 1/2n.
template <class T>
__device__ complex<T> right_angle_weight(index_t l, double step) {
  complex<T> w;
  sine_and_cosine_pi(static_cast<T>(static_cast<double>(l) * step), &w.im, &w.re);
  return w;
}

template <class T>  // Re z conj(w), Im z conj(w)
__device__ T unweighted(complex<T> z, complex<T> w) {
  return z.re * w.re + z.im * w.im;
}
template <class T>
__device__ T unweighted_anti(complex<T> z, complex<T> w) {
  return z.im * w.re - z.re * w.im;
}

// Rows count (b, h) or (c, h), features fastest.
template <class T>
struct LoadSignal {
  complex<T>* to;
  TensorView<const T, 3, Cuda> x;  // (b, h, L)
  index_t n;
  double step;
  __device__ void operator()(unsigned row, index_t t) const {
    const unsigned H = static_cast<unsigned>(x.size(1));
    to[row * n + t] = t < x.size(2) ? x(row / H, row % H, t) * right_angle_weight<T>(t, step) : complex<T>();
  }
};

// Position t of a kernel of n points: k0_t, and k1_{n-1-t} at time t - n.
template <class T>
__device__ complex<T> kernel_point(const TensorView<const T, 3, Cuda>& K, index_t C, index_t c, index_t h, index_t t,
                                   index_t n, double step) {
  complex<T> sum;
  if (t < K.size(2)) sum = K(c, h, t) * right_angle_weight<T>(t, step);
  if (K.size(0) > C && n - 1 - t < K.size(2)) sum += K(C + c, h, n - 1 - t) * conj(right_angle_weight<T>(n - t, step));
  return sum;
}

template <class T>
struct LoadKernels {
  complex<T>* to;
  TensorView<const T, 3, Cuda> K;  // (C or 2C, h, M)
  index_t C, n;
  double step;
  __device__ void operator()(unsigned row, index_t t) const {
    const unsigned H = static_cast<unsigned>(K.size(1));
    to[row * n + t] = T(2 * step) * kernel_point(K, C, row / H, row % H, t, n, step);
  }
};

template <class T>
struct Multiply {
  complex<T>* product;
  const complex<T>* U;
  const complex<T>* kernels;  // (h, n) of one channel
  index_t n;
  unsigned H;
  __device__ void operator()(unsigned row, index_t k) const {
    product[row * n + k] = U[row * n + k] * kernels[row % H * n + k];
  }
};

template <class T>
struct StoreOutput {
  TensorView<T, 3, Cuda> y;  // (b, h, L) of one channel
  TensorView<const T, 3, Cuda> u;
  TensorView<const T, 1, Cuda> D;
  const complex<T>* from;
  index_t n;
  double step;
  __device__ void operator()(unsigned row, index_t l) const {
    const unsigned H = static_cast<unsigned>(y.size(1));
    const index_t b = row / H, h = row % H;
    const T skip = D.data() != nullptr ? D(h) * u(b, h, l) : T(0);
    y(b, h, l) = unweighted(from[row * n + l], right_angle_weight<T>(l, step)) + skip;
  }
};

// One channel: dU (=, += after the first channel) Y conj(K~), dK~ (=, += after the first slice) sum_b Y conj(U). A
// thread owns a bin of a feature and goes through the batch.
template <class T>
struct Correlate {
  complex<T>*dU, *dkernels;  // either may be null
  const complex<T>*Y, *U, *kernels;
  index_t entries, H, n;
  bool first_channel, first_slice;
  __device__ void operator()(unsigned h, index_t k) const {
    const index_t at = h * n + k;
    complex<T> sum = dkernels != nullptr && !first_slice ? dkernels[at] : complex<T>();
    const complex<T> kernel = dU != nullptr ? conj(kernels[at]) : complex<T>();
#pragma unroll 4
    for (index_t b = 0; b < entries; ++b) {
      const index_t row = b * H * n + at;
      const complex<T> value = Y[row];
      if (dkernels != nullptr) sum += value * conj(U[row]);
      if (dU != nullptr) dU[row] = first_channel ? value * kernel : dU[row] + value * kernel;
    }
    if (dkernels != nullptr) dkernels[at] = sum;
  }
};

template <class T>
struct StoreInput {
  TensorView<T, 3, Cuda> du;
  TensorView<const T, 4, Cuda> dy;
  TensorView<const T, 2, Cuda> D;
  const complex<T>* from;
  index_t n;
  double step;
  __device__ void operator()(unsigned row, index_t l) const {
    const unsigned H = static_cast<unsigned>(du.size(1));
    const index_t b = row / H, h = row % H;
    T sum = unweighted(from[row * n + l], right_angle_weight<T>(l, step));
    for (index_t c = 0; c < dy.size(1) && D.data() != nullptr; ++c) sum += D(c, h) * dy(b, c, h, l);
    du(b, h, l) = sum;
  }
};

template <class T>
struct StoreKernels {
  TensorView<T, 3, Cuda> dK;  // (C or 2C, h, M)
  TensorView<T, 2, Cuda> dD;  // (C, h) or without data: += dK at lag 0, which is the same sum
  const complex<T>* from;
  index_t C, n;
  double step;
  __device__ void operator()(unsigned row, index_t j) const {
    const unsigned H = static_cast<unsigned>(dK.size(1));
    const index_t c = row / H, h = row % H, back = n - 1 - j;
    const T scale = T(2 * step);
    const complex<T>* z = from + row * n;
    const T value = scale * unweighted(z[j], right_angle_weight<T>(j, step));
    dK(c, h, j) = value;
    if (j == 0 && dD.data() != nullptr) dD(c, h) += value;
    if (dK.size(0) > C) dK(C + c, h, j) = -scale * unweighted_anti(z[back], right_angle_weight<T>(back, step));
  }
};

// How features and batch are cut: `per_feature` rows of kernels and `per_row` rows of signals are held at a time.
struct ConvSlices {
  index_t n, features, entries;
  double step;

  static ConvSlices of(index_t B, index_t H, index_t L, index_t per_feature, index_t per_row, index_t point_bytes) {
    const index_t n = impl::smooth_length(L), room = fft_conv_bytes / (n * point_bytes);  // rows
    const index_t features = std::clamp<index_t>(room / 4 / per_feature, 1, H);
    const index_t rest = std::max<index_t>(room - features * per_feature, 1);
    return {n, features, std::clamp<index_t>(rest / (features * per_row), 1, std::max<index_t>(B, 1)),
            0.5 / static_cast<double>(n)};
  }
};

template <class T>
TensorView<T, 3, Cuda> channel_of(const TensorView<T, 4, Cuda>& y, index_t c) {
  return {y.data() + c * y.stride(1), Extents<3>(y.size(0), y.size(2), y.size(3)),
          Extents<3>(y.stride(0), y.stride(2), y.stride(3))};
}

// Features [h, end) of a parameter that may be left out.
template <class View>
View features_of(const View& view, int axis, index_t h, index_t end) {
  return view.data() != nullptr ? view.slice(axis, h, end) : view;
}

template <class T>
complex<T>* transform_kernels(const TensorView<const T, 3, Cuda>& K, index_t C, const ConvSlices& s,
                              ScratchOn<Cuda>& scratch) {
  const index_t rows = C * K.size(1);
  auto* kernels = scratch.take<complex<T>>(rows * s.n);
  for_rows("fft_conv: kernels", rows, s.n, LoadKernels<T>{kernels, K, C, s.n, s.step});
  fft_complex(kernels, s.n, rows, false);
  return kernels;
}

template <class T>
void conv_rows_forward(TensorView<T, 4, Cuda> y, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                       TensorView<const T, 2, Cuda> D) {
  const index_t B = y.size(0), C = y.size(1), H = y.size(2), L = y.size(3);
  const auto s = ConvSlices::of(B, H, L, C, C > 1 ? 2 : 1, sizeof(complex<T>));
  for (index_t h = 0; h < H; h += s.features) {
    const index_t h_end = std::min(H, h + s.features), features = h_end - h;
    ScratchOn<Cuda> scratch;
    const auto* kernels = transform_kernels(K.slice(1, h, h_end), C, s, scratch);
    auto* U = scratch.take<complex<T>>(s.entries * features * s.n);
    auto* product = C > 1 ? scratch.take<complex<T>>(s.entries * features * s.n) : U;
    for (index_t b = 0; b < B; b += s.entries) {
      const index_t b_end = std::min(B, b + s.entries), rows = (b_end - b) * features;
      const auto input = u.slice(0, b, b_end).slice(1, h, h_end);
      const auto output = y.slice(0, b, b_end).slice(2, h, h_end);
      for_rows("fft_conv: u", rows, s.n, LoadSignal<T>{U, input, s.n, s.step});
      fft_complex(U, s.n, rows, false);
      for (index_t c = 0; c < C; ++c) {
        const auto skip = D.data() != nullptr ? D[c].slice(0, h, h_end) : TensorView<const T, 1, Cuda>();
        for_rows("fft_conv: product", rows, s.n,
                 Multiply<T>{product, U, kernels + c * features * s.n, s.n, static_cast<unsigned>(features)});
        fft_complex(product, s.n, rows, true);
        for_rows("fft_conv: y", rows, L, StoreOutput<T>{channel_of(output, c), input, skip, product, s.n, s.step});
      }
    }
  }
}

template <class T>
void conv_rows_backward(TensorView<T, 3, Cuda> du, TensorView<T, 3, Cuda> dK, TensorView<T, 2, Cuda> dD,
                        TensorView<const T, 4, Cuda> dy, TensorView<const T, 3, Cuda> u, TensorView<const T, 3, Cuda> K,
                        TensorView<const T, 2, Cuda> D) {
  const index_t B = dy.size(0), C = dy.size(1), H = dy.size(2), L = dy.size(3);
  const bool input = wanted(du), kernel = wanted(dK);
  const auto s = ConvSlices::of(B, H, L, 2 * C, 3, sizeof(complex<T>));
  for (index_t h = 0; h < H; h += s.features) {
    const index_t h_end = std::min(H, h + s.features), features = h_end - h, room = s.entries * features * s.n;
    const index_t per_channel = features * s.n;
    ScratchOn<Cuda> scratch;
    const auto* kernels = input ? transform_kernels(K.slice(1, h, h_end), C, s, scratch) : nullptr;
    auto* dkernels = kernel ? scratch.take<complex<T>>(C * per_channel) : nullptr;
    auto* U = kernel ? scratch.take<complex<T>>(room) : nullptr;
    auto* dU = input ? scratch.take<complex<T>>(room) : nullptr;
    auto* Y = scratch.take<complex<T>>(room);
    if (kernel && B == 0) Memory<Cuda>::zero(dkernels, static_cast<std::size_t>(C * per_channel) * sizeof(complex<T>));
    for (index_t b = 0; b < B; b += s.entries) {
      const index_t b_end = std::min(B, b + s.entries), rows = (b_end - b) * features;
      const auto upstream = dy.slice(0, b, b_end).slice(2, h, h_end);
      if (kernel) {
        for_rows("fft_conv: u", rows, s.n, LoadSignal<T>{U, u.slice(0, b, b_end).slice(1, h, h_end), s.n, s.step});
        fft_complex(U, s.n, rows, false);
      }
      for (index_t c = 0; c < C; ++c) {
        for_rows("fft_conv: dy", rows, s.n, LoadSignal<T>{Y, channel_of(upstream, c), s.n, s.step});
        fft_complex(Y, s.n, rows, false);
        for_rows("fft_conv: correlations", features, s.n,
                 Correlate<T>{dU, kernel ? dkernels + c * per_channel : nullptr, Y, U,
                              input ? kernels + c * per_channel : nullptr, b_end - b, features, s.n, c == 0, b == 0});
      }
      if (!input) continue;
      fft_complex(dU, s.n, rows, true);
      for_rows("fft_conv: du", rows, L,
               StoreInput<T>{du.slice(0, b, b_end).slice(1, h, h_end), upstream, features_of(D, 1, h, h_end), dU, s.n,
                             s.step});
    }
    if (!kernel) continue;
    fft_complex(dkernels, s.n, C * features, true);
    for_rows("fft_conv: dK", C * features, dK.size(2),
             StoreKernels<T>{dK.slice(1, h, h_end), features_of(dD, 1, h, h_end), dkernels, C, s.n, s.step});
  }
}

}  // namespace longwave::cuda::detail
