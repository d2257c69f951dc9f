// step.hpp - one sample through a diagonal state-space layer: what streaming does with a trained layer.
//
//   s[n] = e^x s[n] + b u,   y[c] = 2 Re sum_n c s[n] + D u     u (B, H)   y (B, C H)   state (B, 2, N, H): Re, Im
//
// Channels are the lanes and every table is read once, front to back. 6 N multiply-adds and 24 N bytes per channel in
// float: at d_model 256, N = 32 the 200 KB of tables and state come from the second-level cache, which is the limit.
#pragma once

#include <algorithm>

#include "longwave/core/complex.hpp"
#include "longwave/core/names.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cpu/simd.hpp"
#include "longwave/cuda/memory.hpp"

namespace longwave {

// How a system that is not diagonal takes a step: by its diagonal plus low rank form, by dense matrices, or in the
// basis of its eigenvectors. Diagonal systems have one way and take any of them for it.
enum class StepMode { linear, dense, diagonal };

inline constexpr Named<StepMode> step_mode_names[] = {
    {"linear", StepMode::linear}, {"dense", StepMode::dense}, {"diagonal", StepMode::diagonal}};

inline StepMode parse_step_mode(std::string_view name) { return value_of_name("step_mode", name, step_mode_names); }

// What tables for stepping are made for.
struct StepOptions {
  double rate = 1;     // factor on dt
  index_t length = 0;  // samples of the kernel to be equalled, for kernels that depend on it (DSS's softmax)
  StepMode mode = StepMode::linear;
};

template <class T, device D = Host>
struct StepTables;

namespace impl {

template <class T>
void diagonal_step(T* y, T* state, const T* u, const StepTables<T>& t, const T* D) noexcept;

}  // namespace impl

// exp(x), b and 2 c as planes for stepping: index (0 Re / 1 Im, n, h). 2 Re(c s) = c_0 Re s + c_1 Im s.
template <class T, device D>
struct StepTables {
  Tensor<T, 3, D> a, b;  // (2, N, H); b is empty where every weight is 1
  Tensor<T, 4, D> c;     // (C, 2, N, H)

  StepTables() = default;

  // x, b (H, N), c (C, H, N); b without data where every weight is 1.
  StepTables(TensorView<const complex<double>, 2> x, TensorView<const complex<double>, 2> b_,
             TensorView<const complex<double>, 3> c_) requires(std::same_as<D, Host>)
      : a(plane(x, [](complex<double> z) { return exp(z); })), c(c_.size(0), 2, x.size(1), x.size(0)) {
    if (wanted(b_)) b = plane(b_, [](complex<double> z) { return z; });
    for (index_t i = 0; i < c_.size(0); ++i) {
      const Tensor<T, 3> one = plane(c_[i], [](complex<double> z) { return 2.0 * conj(z); });
      std::copy(one.data(), one.data() + one.count(), c.data() + i * one.count());
    }
  }

  index_t modes() const { return a.size(1); }

  // y (C H), u (H), skip (C H), state (2, N, H), all dense. All streams on the device: cuda/step.hpp.
  void step(T* y, T* state, const T* u, const T* skip) const noexcept requires(std::same_as<D, Host>) {
    impl::diagonal_step(y, state, u, *this, skip);
  }

 private:
  template <class F>
  static Tensor<T, 3> plane(TensorView<const complex<double>, 2> z, F f) {
    Tensor<T, 3> p(2, z.size(1), z.size(0));
    for (index_t h = 0; h < z.size(0); ++h)
      for (index_t n = 0; n < z.size(1); ++n) {
        const complex<double> w = f(z(h, n));
        p(0, n, h) = static_cast<T>(w.re);
        p(1, n, h) = static_cast<T>(w.im);
      }
    return p;
  }
};

// The same tables for steps on the device.
template <class T>
StepTables<T, Cuda> to_device(const StepTables<T>& tables) {
  StepTables<T, Cuda> there;
  there.a = cuda::to_device(tables.a);
  there.b = cuda::to_device(tables.b);
  there.c = cuda::to_device(tables.c);
  return there;
}

namespace impl {

// One mode of all features, V lanes of T at a time from h on; returns where it stopped. Rows of a table are (Re, Im).
template <class V, bool weighted, class T>
index_t step_mode(T* y, T* const s[2], const T* u, const T* const a[2], const T* const b[2], const T* const c[2],
                  index_t h, index_t H) {
  constexpr index_t W = sizeof(V) / sizeof(T);
  constexpr auto load = simd::load_as<V, T>;
  constexpr auto store = simd::store_as<V, T>;
  for (; h + W <= H; h += W) {
    const V re0 = load(s[0] + h), im0 = load(s[1] + h), ar = load(a[0] + h), ai = load(a[1] + h), in = load(u + h);
    V re = ar * re0 - ai * im0, im = ar * im0 + ai * re0;
    if constexpr (weighted) {
      re += load(b[0] + h) * in;
      im += load(b[1] + h) * in;
    } else {
      re += in;
    }
    store(s[0] + h, re);
    store(s[1] + h, im);
    store(y + h, load(y + h) + load(c[0] + h) * re + load(c[1] + h) * im);
  }
  return h;
}

// y (C H), u (H), D (C H) dense; state (2, N, H) dense.
template <class T>
void diagonal_step(T* y, T* state, const T* u, const StepTables<T>& t, const T* D) noexcept {
  const index_t C = t.c.size(0), N = t.a.size(1), H = t.a.size(2), plane = N * H;
  for (index_t c = 0; c < C; ++c)
    for (index_t h = 0; h < H; ++h) y[c * H + h] = D[c * H + h] * u[h];
  for (index_t n = 0; n < N; ++n) {
    const index_t at = n * H;
    T* const s[2] = {state + at, state + plane + at};
    const T* const a[2] = {t.a.data() + at, t.a.data() + plane + at};
    const T* const c[2] = {t.c.data() + at, t.c.data() + plane + at};
    if (t.b.count() == 0) {
      const index_t h = step_mode<simd::Lanes<T>, false>(y, s, u, a, a, c, 0, H);
      step_mode<T, false>(y, s, u, a, a, c, h, H);
    } else {
      const T* const b[2] = {t.b.data() + at, t.b.data() + plane + at};
      const index_t h = step_mode<simd::Lanes<T>, true>(y, s, u, a, b, c, 0, H);
      step_mode<T, true>(y, s, u, a, b, c, h, H);
    }
    for (index_t k = 1; k < C; ++k) {
      const T *re = c[0] + 2 * k * plane, *im = c[1] + 2 * k * plane;
      for (index_t h = 0; h < H; ++h) y[k * H + h] += re[h] * s[0][h] + im[h] * s[1][h];
    }
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
