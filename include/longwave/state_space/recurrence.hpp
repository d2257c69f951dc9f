// recurrence.hpp - a diagonal state-space layer (arguments: ops/diagonal.hpp) in any of its equal forms.
//
//   Algorithm::scan    the recurrence, step by step                 ops/diag_scan.hpp
//   Algorithm::chunk   the recurrence in chunks, dense products     ops/chunk_scan.hpp
//   Algorithm::fft     the kernel, then a convolution by FFT        ops/vandermonde.hpp, ops/fft_conv.hpp
//   Algorithm::auto_   whichever was measured to be the fastest at these sizes and in this direction
//
// All take and give the same states, so a sequence may be cut anywhere and its pieces may use different forms.
#pragma once

#include "longwave/ops/chunk_scan.hpp"
#include "longwave/ops/diag_scan.hpp"
#include "longwave/ops/fft_conv.hpp"
#include "longwave/ops/vandermonde.hpp"
#include "longwave/state_space/state_terms.hpp"

namespace longwave {

enum class Algorithm { auto_, fft, scan, chunk };

namespace impl {

// The state's part in the convolution form, one channel at a time:
//   y_l += 2 Re sum_n c a^{l+1} s,    s_out = a^L s + sum_l a^{L-1-l} u_l
template <class T>
struct StateTerms {
  const DiagonalInputs<T>& in;
  index_t h, L = in.L(), N = in.N();
  Scratch scratch;
  TensorView<complex<double>, 1> a = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<complex<double>, 1> a_L = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<complex<double>, 1> s = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<complex<double>, 1> v = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<complex<double>, 1> sum0 = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<complex<double>, 1> sum1 = scratch.tensor<complex<double>>(Extents<1>{N});
  TensorView<T, 1> row = scratch.tensor<T>(Extents<1>{L});

  StateTerms(const DiagonalInputs<T>& in_, index_t h_) : in(in_), h(h_) {
    for (index_t n = 0; n < N; ++n) {
      a(n) = exp(in.x(h, n));
      a_L(n) = exp(static_cast<double>(L) * in.x(h, n));
    }
  }

  static void load(TensorView<complex<double>, 1> to, TensorView<const T, 4> state, index_t b, index_t h) {
    for (index_t n = 0; n < to.size(0); ++n)
      to(n) = state.data() == nullptr
                  ? complex<double>()
                  : complex<double>(static_cast<double>(state(b, 0, n, h)), static_cast<double>(state(b, 1, n, h)));
  }
  static void store(TensorView<T, 4> state, TensorView<complex<double>, 1> from, index_t b, index_t h) {
    for (index_t n = 0; n < from.size(0); ++n) {
      state(b, 0, n, h) = static_cast<T>(from(n).re);
      state(b, 1, n, h) = static_cast<T>(from(n).im);
    }
  }

  // sum0_n = sum_l conj(a^{L-1-l}) u_l, sum1_n the same with the factor L-1-l
  void project_reversed(index_t b, bool moments) {
    const T* last = in.u.data() + b * in.u.stride(0) + h * in.u.stride(1) + (L - 1) * in.u.stride(2);
    const TensorView<const T, 1> reversed(last, Extents<1>{L}, Extents<1>{-in.u.stride(2)});
    vandermonde_project_row(sum0, moments ? sum1 : TensorView<complex<double>, 1>(), reversed, in.x[h]);
  }
};

template <class T>
void add_feature_state_terms(const DiagonalOutputs<T>& out, const DiagonalInputs<T>& in, index_t h) {
  StateTerms<T> t(in, h);
  for (index_t b = 0; b < in.B(); ++b) {
    t.load(t.s, in.state_in, b, h);
    if (in.state_in.data() != nullptr) {
      for (index_t n = 0; n < t.N; ++n) t.v(n) = in.c(h, n) * t.a(n) * t.s(n);
      vandermonde_forward_row(t.row, in.x[h], TensorView<const complex<double>, 1>(t.v));
      for (index_t l = 0; l < t.L; ++l) out.y(b, h, l) += t.row(l);
    }
    if (wanted(out.state_out)) {
      t.project_reversed(b, false);
      for (index_t n = 0; n < t.N; ++n) t.v(n) = t.a_L(n) * t.s(n) + conj(t.sum0(n));
      t.store(out.state_out, t.v, b, h);
    }
  }
}

template <class T>
void add_feature_state_gradients(const DiagonalGradients<T>& d, const DiagonalCotangents<T>& from,
                                 const DiagonalInputs<T>& in, index_t h) {
  StateTerms<T> t(in, h);
  const auto r = t.scratch.template tensor<complex<double>>(Extents<1>{t.N});  // dL/ds_out
  for (index_t b = 0; b < in.B(); ++b) {
    t.load(t.s, in.state_in, b, h);
    t.load(r, from.dstate_out, b, h);
    vandermonde_project_row(t.sum0, t.sum1, from.dy[b][h], in.x[h]);
    for (index_t n = 0; n < t.N; ++n) {
      const complex<double> as = t.a(n) * t.s(n), aLs = t.a_L(n) * t.s(n);
      const complex<double> dv = 2.0 * t.sum0(n);  // of v = c a s
      d.dc(h, n) += dv * conj(as);
      d.dx(h, n) += conj(in.c(h, n) * as) * (2.0 * t.sum1(n) + dv) + static_cast<double>(t.L) * (conj(aLs) * r(n));
      t.s(n) = dv * conj(in.c(h, n) * t.a(n)) + conj(t.a_L(n)) * r(n);  // dL/ds_in from here on
    }
    if (wanted(d.dstate_in)) t.store(d.dstate_in, t.s, b, h);
    if (from.dstate_out.data() == nullptr) continue;
    t.project_reversed(b, true);
    for (index_t n = 0; n < t.N; ++n) {
      d.dx(h, n) += t.sum1(n) * r(n);
      t.v(n) = 0.5 * conj(r(n));
    }
    if (!wanted(d.du)) continue;
    vandermonde_forward_row(t.row, in.x[h], TensorView<const complex<double>, 1>(t.v));
    for (index_t l = 0; l < t.L; ++l) d.du(b, h, l) += t.row(t.L - 1 - l);
  }
}

template <class T>
void add_state_terms(const DiagonalOutputs<T, Host>& out, const DiagonalInputs<T, Host>& in) {
  if (in.state_in.data() == nullptr && !wanted(out.state_out)) return;
  parallel_for(
      in.H(), [&](index_t h) { add_feature_state_terms(out, in, h); }, diagonal_work(in));
}

template <class T>
void add_state_gradients(const DiagonalGradients<T, Host>& d, const DiagonalCotangents<T, Host>& from,
                         const DiagonalInputs<T, Host>& in) {
  if (in.state_in.data() == nullptr && from.dstate_out.data() == nullptr && !wanted(d.dstate_in)) return;
  parallel_for(
      in.H(), [&](index_t h) { add_feature_state_gradients(d, from, in, h); }, 3 * diagonal_work(in));
}

template <class T, device D>
void fft_form_forward(const DiagonalOutputs<T, D>& out, const DiagonalInputs<T, D>& in) {
  ScratchOn<D> scratch;
  const TensorView<T, 2, D> K = scratch.template tensor<T>(Extents{in.H(), in.L()});
  vandermonde_forward<T>(K, in.x, in.c);
  ops::FftConv::forward(out.y, in.u, K, in.skip);
  add_state_terms(out, in);
}

template <class T, device D>
void fft_form_backward(DiagonalGradients<T, D> d, const DiagonalCotangents<T, D>& from,
                       const DiagonalInputs<T, D>& in) {
  ScratchOn<D> scratch;
  const TensorView<T, 2, D> K = scratch.template tensor<T>(Extents{in.H(), in.L()});
  const TensorView<T, 2, D> dK = scratch.template tensor<T>(Extents{in.H(), in.L()});
  vandermonde_forward<T>(K, in.x, in.c);
  ops::FftConv::backward(d.du, dK, d.dskip, from.dy, in.u, K, in.skip);
  if (!wanted(d.dx)) d.dx = scratch.template tensor<complex<double>>(in.x.sizes());
  if (!wanted(d.dc)) d.dc = scratch.template tensor<complex<double>>(in.x.sizes());
  vandermonde_backward<T>(d.dx, d.dc, dK, in.x, in.c);
  add_state_gradients(d, from, in);
}

}  // namespace impl

// The measured choices on the CPU (docs/performance.md, table "forms"; N counts the modes given, one of each pair).
// Few modes: the recurrence is nearly free. Up to one chunk of many sequences: a single triangular product. Middle
// lengths: transforms that fit the cache, where there is FFTW and a batch that shares the kernel. Long sequences:
// chunks, also where the recurrence would be a little faster, for its float transition weights drift by 3e-8 a step.
#if defined(LONGWAVE_FFTW)
inline constexpr bool fft_is_fast = true;
#else
inline constexpr bool fft_is_fast = false;
#endif

inline constexpr index_t longest_scan = 2048;

inline Algorithm choose_forward(index_t B, index_t N, index_t L) {
  if (L <= impl::chunk_steps) return B >= 32 && L > 8 && N >= 8 ? Algorithm::chunk : Algorithm::scan;
  if (L > longest_scan) return fft_is_fast && N >= 48 && B >= 16 && L <= 8192 ? Algorithm::fft : Algorithm::chunk;
  if (N < 24) return Algorithm::scan;
  if (fft_is_fast && B >= 16) return Algorithm::fft;
  return B * L >= 32768 ? Algorithm::chunk : Algorithm::scan;
}

inline Algorithm choose_backward(index_t B, index_t N, index_t L) {
  if (L <= impl::chunk_steps) return L > 8 && B >= (N < 24 ? 32 : 16) ? Algorithm::chunk : Algorithm::scan;
  if (N < 24) {
    if (L > longest_scan) return Algorithm::chunk;
    if (fft_is_fast && N > 4 && B >= 16) return Algorithm::fft;
    return N > 4 && B * L >= 16384 ? Algorithm::chunk : Algorithm::scan;
  }
  if (fft_is_fast && B >= 4 && L <= (N >= 48 ? 8192 : 2048)) return Algorithm::fft;
  return B * L >= 1024 ? Algorithm::chunk : Algorithm::scan;
}

// The choices on the device: few modes leave little to do beside reading and writing, which the recurrence does once;
// more of them are products for tensor cores, in float alone.
inline constexpr index_t few_modes = 12;

namespace impl {

template <class T, device D>
Algorithm chosen_forward(index_t B, index_t N, index_t L) {
  if constexpr (std::is_same_v<D, Host>) return choose_forward(B, N, L);
  return sizeof(T) == 4 && N > few_modes && L > chunk_steps ? Algorithm::chunk : Algorithm::scan;
}

// Numbers that the form may keep for its backward pass: DiagonalOutputs::kept.
template <class T, device D, class S>
index_t kept_numbers([[maybe_unused]] const DiagonalInputs<T, D, S>& in, [[maybe_unused]] Algorithm algorithm) {
  if constexpr (std::is_same_v<D, Cuda> && std::is_same_v<T, float>)
    if (algorithm == Algorithm::chunk) return kept_numbers(in);
  return 0;
}

// Whether backward can add to du, if no gradient of an end state arrives.
template <class T, device D>
constexpr bool adds_du(Algorithm algorithm) {
  return std::is_same_v<D, Cuda> && std::is_same_v<T, float> && algorithm == Algorithm::chunk;
}

template <class T, device D>
Algorithm chosen_backward(index_t B, index_t N, index_t L) {
  if constexpr (std::is_same_v<D, Host>) return choose_backward(B, N, L);
  return chosen_forward<T, D>(B, N, L);
}

}  // namespace impl

// u and y in bfloat16: chunks take them as they are, the other forms as floats in working memory.
struct Diagonal {
  template <class T, device D, class S>
  static void forward(const DiagonalOutputs<T, D, S>& out, const DiagonalInputs<T, D, S>& in,
                      Algorithm algorithm = Algorithm::auto_) {
    detail::check_diagonal("diagonal", out, in);
    if (algorithm == Algorithm::auto_ || in.L() == 0) algorithm = impl::chosen_forward<T, D>(in.B(), in.N(), in.L());
    if (algorithm == Algorithm::chunk) return impl::chunk_scan_forward(out, in);
    if constexpr (!std::is_same_v<S, T>)
      impl::widened_forward(out, in, [=](const auto& to, const auto& from) { forward(to, from, algorithm); });
    else if (algorithm == Algorithm::fft)
      impl::fft_form_forward(out, in);
    else
      impl::diag_scan_forward(out, in);
  }

  template <class T, device D, class S>
  static void backward(const DiagonalGradients<T, D, S>& d, const DiagonalCotangents<T, D, S>& from,
                       const DiagonalInputs<T, D, S>& in, Algorithm algorithm = Algorithm::auto_) {
    detail::check_diagonal("diagonal", d, from, in);
    if (algorithm == Algorithm::auto_ || in.L() == 0) algorithm = impl::chosen_backward<T, D>(in.B(), in.N(), in.L());
    if (algorithm == Algorithm::chunk) return impl::chunk_scan_backward(d, from, in);
    if constexpr (!std::is_same_v<S, T>)
      impl::widened_backward(d, from, in, [=](const auto& to, const auto& arriving, const auto& inputs) {
        backward(to, arriving, inputs, algorithm);
      });
    else if (algorithm == Algorithm::fft)
      impl::fft_form_backward(d, from, in);
    else
      impl::diag_scan_backward(d, from, in);
  }
};

}  // namespace longwave
