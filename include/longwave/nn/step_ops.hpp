// step_ops.hpp - one sample through the position-wise layers: what a streaming step does between state-space layers.
//
//   affine_step       y = W x + b                            x (B, I), W (O, I), b (O) or empty, y (B, O)
//   layer_norm_step   y = w x_hat + b over the features      x, y (B, H), w, b (H) or empty; y may be x
//   batch_norm_step   y = w (x - mean) / sqrt(var + eps) + b from running statistics; y may be x
//   add_step          x += v
//   add_layer_norm_step   y = layer_norm(x + v); y may be x or v
//   copy_step         y = x
//   repeat_step       every feature repeated: x (B, H) -> y (B, e H)
//   pool_step         the mean of a stream's samples so far, their sum, the first or the last one
//
// On the host no allocation, no lock, no exception; rows have unit stride, else they are walked element by element. On
// the device all are queued on the current stream; rows have unit stride (cuda/step.hpp).
#pragma once

#include <algorithm>
#include <cmath>

#include "longwave/core/fill.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cpu/lane_sum.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/cuda/step.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/matmul.hpp"

namespace longwave::impl {

template <class T>
T dot(const T* a, const T* b, index_t b_step, index_t n) noexcept {
  if (n < 16) {  // less than the lanes take to be added up
    T sum = 0;
    for (index_t i = 0; i < n; ++i) sum += a[i] * b[i * b_step];
    return sum;
  }
  if (b_step == 1) return lane_sum<T>(n, [=](index_t i) { return a[i] * b[i]; });
  return lane_sum<T>(n, [=](index_t i) { return a[i] * b[i * b_step]; });
}

template <class T>
void affine_step(TensorView<T, 2> y, In<T, 2> x, In<T, 2> W, In<T, 1> b) noexcept {
  const index_t I = x.size(1);
  for (index_t n = 0; n < y.size(0); ++n) {
    const T* in = x.data() + n * x.stride(0);
    if (I == 1 && y.stride(1) == 1 && b.size(0) > 0) {  // what vectorises: an encoder of one channel
      T* out = y.data() + n * y.stride(0);
      const T *scale = W.data(), *shift = b.data();
      for (index_t o = 0; o < y.size(1); ++o) out[o] = shift[o] + scale[o] * *in;
      continue;
    }
    for (index_t o = 0; o < y.size(1); ++o)
      y(n, o) = (b.size(0) > 0 ? b(o) : T(0)) + dot(W.data() + o * I, in, x.stride(1), I);
  }
}

// The deviations' sum of squares of x (H) and its mean.
template <class T>
struct Moments {
  T mean, square;

  Moments(const T* x, index_t step, index_t H) noexcept
      : mean(lane_sum<T>(H, [=](index_t h) { return x[h * step]; }) / static_cast<T>(H)),
        square(lane_sum<T>(H, [=, m = mean](index_t h) { return (x[h * step] - m) * (x[h * step] - m); })) {}

  T rstd(index_t H, double eps) const noexcept {
    return T(1) / std::sqrt(square / static_cast<T>(H) + static_cast<T>(eps));
  }
};

template <class T>
void layer_norm_step(TensorView<T, 2> y, In<T, 2> x, In<T, 1> w, In<T, 1> b, double eps) noexcept {
  const index_t H = x.size(1);
  for (index_t n = 0; n < x.size(0); ++n) {
    const Moments<T> moments(x.data() + n * x.stride(0), x.stride(1), H);
    const T rstd = moments.rstd(H, eps);
    if (x.stride(1) == 1 && y.stride(1) == 1 && w.size(0) > 0 && b.size(0) > 0) {  // what vectorises
      T* out = y.data() + n * y.stride(0);
      const T *in = x.data() + n * x.stride(0), *scale = w.data(), *shift = b.data();
      for (index_t h = 0; h < H; ++h) out[h] = (in[h] - moments.mean) * rstd * scale[h] + shift[h];
      continue;
    }
    for (index_t h = 0; h < H; ++h)
      y(n, h) = (x(n, h) - moments.mean) * rstd * (w.size(0) > 0 ? w(h) : T(1)) + (b.size(0) > 0 ? b(h) : T(0));
  }
}

// s (x - mean + m) / deviation
template <class T>
void scalar_layer_norm_step(TensorView<T, 2> y, In<T, 2> x, In<T, 1> scale, In<T, 1> shift, double eps) noexcept {
  const T s = scale(0), m = shift(0);
  const index_t H = x.size(1);
  for (index_t n = 0; n < x.size(0); ++n) {
    const Moments<T> moments(x.data() + n * x.stride(0), x.stride(1), H);
    const T factor = s * moments.rstd(H, eps);
    for (index_t h = 0; h < H; ++h) y(n, h) = (x(n, h) - moments.mean + m) * factor;
  }
}

template <class T>
void batch_norm_step(TensorView<T, 2> y, In<T, 2> x, In<T, 1> mean, In<T, 1> var, In<T, 1> w, In<T, 1> b,
                     double eps) noexcept {
  for (index_t n = 0; n < x.size(0); ++n)
    for (index_t h = 0; h < x.size(1); ++h)
      y(n, h) = (x(n, h) - mean(h)) / std::sqrt(var(h) + static_cast<T>(eps)) * w(h) + b(h);
}

template <class T>
void repeat_step(TensorView<T, 2> y, In<T, 2> x) noexcept {
  const index_t times = y.size(1) / std::max<index_t>(x.size(1), 1);
  for (index_t b = 0; b < y.size(0); ++b)
    for (index_t h = 0; h < x.size(1); ++h)
      for (index_t k = 0; k < times; ++k) y(b, h * times + k) = x(b, h);
}

// y may be x.
template <class T>
void copy_step(TensorView<T, 2> y, In<T, 2> x) noexcept {
  for (index_t b = 0; b < y.size(0); ++b) {
    const T* row = x.data() + b * x.stride(0);
    if (y.stride(1) == 1 && x.stride(1) == 1)
      std::copy(row, row + x.size(1), y.data() + b * y.stride(0));
    else
      for (index_t h = 0; h < y.size(1); ++h) y(b, h) = x(b, h);
  }
}

// Dense views of one shape.
template <class T>
void add_step(TensorView<T, 2> x, In<T, 2> v) noexcept {
  const index_t n = x.count();
  for (index_t k = 0; k < n; ++k) x.data()[k] += v.data()[k];
}

// z = a x + b y by rows of unit stride; z may be x or y. a = 0: x does not count, whatever it holds.
template <class T>
void weighted_sum_step(TensorView<T, 2> z, In<T, 2> x, In<T, 2> y, T a, T b) noexcept {
  for (index_t n = 0; n < z.size(0); ++n) {
    T* out = z.data() + n * z.stride(0);
    const T *p = x.data() + n * x.stride(0), *q = y.data() + n * y.stride(0);
    const index_t H = z.size(1);
    if (a == T(0))
      for (index_t h = 0; h < H; ++h) out[h] = b * q[h];
    else
      for (index_t h = 0; h < H; ++h) out[h] = a * p[h] + b * q[h];
  }
}

template <class T>
void add_layer_norm_step(TensorView<T, 2> y, In<T, 2> x, In<T, 2> v, In<T, 1> w, In<T, 1> b, double eps) noexcept {
  weighted_sum_step<T>(y, x, v, 1, 1);
  layer_norm_step(y, y, w, b, eps);
}

// Samples so far: on the device, where steps are replayed, a number in its memory.
template <device D>
using SampleCount = std::conditional_t<std::is_same_v<D, Host>, index_t, Tensor<index_t, 1, Cuda>>;

inline index_t no_samples(Host) { return 0; }
inline Tensor<index_t, 1, Cuda> no_samples(Cuda) { return Tensor<index_t, 1, Cuda>(1); }
inline index_t samples_so_far(index_t samples) noexcept { return samples; }
inline index_t samples_so_far(const Tensor<index_t, 1, Cuda>& samples) { return cuda::to_host(samples)(0); }
inline void set_samples(index_t& samples, index_t n) noexcept { samples = n; }
inline void set_samples(Tensor<index_t, 1, Cuda>& samples, index_t n) { detail::fill(samples.view(), n); }

// ++samples;  seen (B, H): the sum of all x (B, H), the first or the last;  now = seen, for a mean / samples. Unit
// stride in the features.
template <class T>
void pool_step(TensorView<T, 2> seen, Out<T, 2> now, In<T, 2> x, index_t& samples, StepPool pool) noexcept {
  ++samples;
  const bool replaces = pool == StepPool::last || (pool == StepPool::first && samples == 1);
  const T weight = T(1) / static_cast<T>(pool == StepPool::mean ? samples : 1);
  for (index_t b = 0; b < seen.size(0); ++b) {
    T *sum = seen.data() + b * seen.stride(0), *out = now.data() + b * now.stride(0);
    const T* in = x.data() + b * x.stride(0);
    for (index_t h = 0; h < seen.size(1); ++h) {
      if (replaces)
        sum[h] = in[h];
      else if (pool != StepPool::first)
        sum[h] += in[h];
      out[h] = sum[h] * weight;
    }
  }
}

// --- on the device
// ----------------------------------------------------------------------------------------------------

template <class T>
void affine_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 2, Cuda> W, In<T, 1, Cuda> b) {
  const bool wide = W.size(0) > 16 && W.size(1) > 8;
  if (!wide || y.size(0) <= cuda::fused_linear_streams) return cuda::affine_step(y, x, W, b);
  matmul(y, x, W.transpose(0, 1), false);
  if (b.size(0) > 0) cuda::bias_step<T>(y, y, b, Activation::none);
}

template <class T>
void copy_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x) {
  copy(y, x);
}

template <class T>
void repeat_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x) {
  const index_t times = y.size(1) / std::max<index_t>(x.size(1), 1);
  const Extents<3> sizes{y.size(0), x.size(1), times};
  copy(TensorView<T, 3, Cuda>(y.data(), sizes, Extents<3>{y.stride(0), times * y.stride(1), y.stride(1)}),
       TensorView<const T, 3, Cuda>(x.data(), sizes, Extents<3>{x.stride(0), x.stride(1), 0}));
}

template <class T>
void layer_norm_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 1, Cuda> w, In<T, 1, Cuda> b, double eps) {
  cuda::layer_norm_step<T>(y, x, {}, w, b, eps);
}

template <class T>
void scalar_layer_norm_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 1, Cuda> s, In<T, 1, Cuda> m,
                            double eps) {
  cuda::scalar_layer_norm_step<T>(y, x, s, m, eps);
}

template <class T>
void batch_norm_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 1, Cuda> mean, In<T, 1, Cuda> var,
                     In<T, 1, Cuda> w, In<T, 1, Cuda> b, double eps) {
  cuda::batch_norm_step<T>(y, x, mean, var, w, b, eps);
}

template <class T>
void add_layer_norm_step(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 2, Cuda> v, In<T, 1, Cuda> w,
                         In<T, 1, Cuda> b, double eps) {
  cuda::layer_norm_step<T>(y, x, v, w, b, eps);
}

template <class T>
void add_step(TensorView<T, 2, Cuda> x, In<T, 2, Cuda> v) {
  detail::add_to(x, v);
}

template <class T>
void pool_step(TensorView<T, 2, Cuda> seen, Out<T, 2, Cuda> now, In<T, 2, Cuda> x, Tensor<index_t, 1, Cuda>& samples,
               StepPool pool) {
  cuda::pool_step(seen, now, x, samples.view(), pool);
}

}  // namespace longwave::impl
