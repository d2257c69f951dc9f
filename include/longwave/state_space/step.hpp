// step.hpp - one sample through a diagonal state-space layer: what streaming does with a trained layer.
//
//   s[n] = a_n s[n] + u,   y = 2 Re sum_n c_n s[n] + D u        u, y (B, H)   state (B, 2, N, H): Re and Im planes
//
// Channels are the lanes and every table is read once, front to back. 6 N multiply-adds and 24 N bytes per channel in
// float: at d_model 256, N = 32 the 200 KB of tables and state come from the second-level cache, which is the limit.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cpu/simd.hpp"

namespace longwave {

// a = exp(x) and 2 c as planes for stepping: index (0 Re / 1 Im, n, h). 2 Re(c s) = c_0 Re s + c_1 Im s.
template <class T>
struct StepTables {
  Tensor<T, 3> a, c;

  StepTables() = default;
  StepTables(TensorView<const complex<double>, 2> x, TensorView<const complex<double>, 2> weights)
      : a(2, x.size(1), x.size(0)), c(2, x.size(1), x.size(0)) {
    for (index_t h = 0; h < x.size(0); ++h)
      for (index_t n = 0; n < x.size(1); ++n) {
        const complex<double> z = exp(x(h, n)), w = weights(h, n);
        a(0, n, h) = static_cast<T>(z.re);
        a(1, n, h) = static_cast<T>(z.im);
        c(0, n, h) = static_cast<T>(2 * w.re);
        c(1, n, h) = static_cast<T>(-2 * w.im);
      }
  }
};

namespace impl {

// One mode of all channels, V lanes of T at a time from h on; returns where it stopped.
template <class V, class T>
index_t step_mode(T* y, T* s_re, T* s_im, const T* u, const T* a_re, const T* a_im, const T* c_re, const T* c_im,
                  index_t h, index_t H) {
  constexpr index_t W = sizeof(V) / sizeof(T);
  auto load = [](const T* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  auto store = [](T* p, V v) { std::memcpy(p, &v, sizeof v); };
  for (; h + W <= H; h += W) {
    const V re0 = load(s_re + h), im0 = load(s_im + h), ar = load(a_re + h), ai = load(a_im + h);
    const V re = ar * re0 + load(u + h) - ai * im0;
    const V im = ar * im0 + ai * re0;
    store(s_re + h, re);
    store(s_im + h, im);
    store(y + h, load(y + h) + load(c_re + h) * re + load(c_im + h) * im);
  }
  return h;
}

// y, u (H) dense; state (2, N, H) dense.
template <class T>
void diagonal_step(T* y, T* state, const T* u, const StepTables<T>& t, const T* D) noexcept {
  const index_t N = t.a.size(1), H = t.a.size(2);
  for (index_t h = 0; h < H; ++h) y[h] = D[h] * u[h];
  for (index_t n = 0; n < N; ++n) {
    T *re = state + n * H, *im = state + (N + n) * H;
    const T *a_re = t.a.data() + n * H, *a_im = t.a.data() + (N + n) * H;
    const T *c_re = t.c.data() + n * H, *c_im = t.c.data() + (N + n) * H;
    const index_t h = step_mode<simd::Lanes<T>>(y, re, im, u, a_re, a_im, c_re, c_im, 0, H);
    step_mode<T>(y, re, im, u, a_re, a_im, c_re, c_im, h, H);
  }
}

// y (O) += x (I) W, W (I, O) dense: rows of W are read once, four at a time so that y is loaded a quarter as often.
template <class T>
void gemv_add(T* y, const T* W, const T* x, index_t I, index_t O) noexcept {
  constexpr index_t lanes = simd::width<T>;
  index_t i = 0;
  for (; i + 4 <= I; i += 4) {
    const T *w0 = W + i * O, *w1 = w0 + O, *w2 = w1 + O, *w3 = w2 + O;
    index_t o = 0;
    for (; o + lanes <= O; o += lanes)
      simd::store(y + o, simd::load(y + o) + x[i] * simd::load(w0 + o) + x[i + 1] * simd::load(w1 + o) +
                             x[i + 2] * simd::load(w2 + o) + x[i + 3] * simd::load(w3 + o));
    for (; o < O; ++o) y[o] += x[i] * w0[o] + x[i + 1] * w1[o] + x[i + 2] * w2[o] + x[i + 3] * w3[o];
  }
  for (; i < I; ++i)
    for (index_t o = 0; o < O; ++o) y[o] += x[i] * W[i * O + o];
}

}  // namespace impl
}  // namespace longwave
