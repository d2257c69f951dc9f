// step_ops.hpp - one sample through the position-wise layers: what a streaming step does between state-space layers.
//
//   affine_step       y = W x + b                            x (B, I), W (O, I), b (O) or empty, y (B, O)
//   layer_norm_step   y = w x_hat + b over the features      x, y (B, H), w, b (H) or empty; y may be x
//   batch_norm_step   y = w (x - mean) / sqrt(var + eps) + b from running statistics; y may be x
//
// No allocation, no lock, no exception; rows have unit stride, else they are walked element by element.
#pragma once

#include <cmath>

#include "longwave/core/view.hpp"
#include "longwave/cpu/lane_sum.hpp"

namespace longwave::impl {

template <class T>
T dot(const T* a, const T* b, index_t b_step, index_t n) noexcept {
  if (b_step == 1) return lane_sum<T>(n, [=](index_t i) { return a[i] * b[i]; });
  return lane_sum<T>(n, [=](index_t i) { return a[i] * b[i * b_step]; });
}

template <class T>
void affine_step(TensorView<T, 2> y, In<T, 2> x, In<T, 2> W, In<T, 1> b) noexcept {
  const index_t I = x.size(1);
  for (index_t n = 0; n < y.size(0); ++n)
    for (index_t o = 0; o < y.size(1); ++o)
      y(n, o) = (b.size(0) > 0 ? b(o) : T(0)) + dot(W.data() + o * I, x.data() + n * x.stride(0), x.stride(1), I);
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
void scalar_layer_norm_step(TensorView<T, 2> y, In<T, 2> x, T s, T m, double eps) noexcept {
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

}  // namespace longwave::impl
