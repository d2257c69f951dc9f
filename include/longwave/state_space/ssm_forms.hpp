// ssm_forms.hpp - the arithmetic of ssm.hpp: channels, two-sided and anchored kernels and input weights on top of the
// forms of one channel (recurrence.hpp).
#pragma once

#include "longwave/core/fill.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave {

// Modes of a discretised diagonal system; as gradients: dL/dRe + i dL/dIm, assigned.
template <device D = Host>
struct DiagonalModes {
  TensorView<complex<double>, 2, D> x, b;  // (H, N); b has no data where the kernel has it folded into c
  TensorView<complex<double>, 3, D> c;     // (C, H, N)
};

struct SsmCall {
  Algorithm algorithm = Algorithm::auto_;
  bool bidirectional = false;
  double rate = 1;            // factor on dt
  index_t kernel_length = 0;  // samples of the kernel if it is shorter than the input; 0: as long
};

namespace impl {

// One row's modes, those that are anchored at the last sample (as e^{-x} and backwards) apart from the others.
struct SplitModes {
  Scratch& scratch;
  index_t N, n_forward = 0, n_backward = 0;
  complex<double>*x, *v;  // (N): forward ones from the front, backward ones from the end
  index_t* source;        // (N): which mode it was

  SplitModes(Scratch& s, TensorView<const complex<double>, 1> x_, TensorView<const complex<double>, 1> v_,
             bool anchored)
      : scratch(s),
        N(x_.size(0)),
        x(s.take<complex<double>>(N)),
        v(s.take<complex<double>>(N)),
        source(s.take<index_t>(N)) {
    for (index_t n = 0; n < N; ++n) {
      const bool back = anchored && x_(n).re > 0;
      const index_t at = back ? N - ++n_backward : n_forward++;
      x[at] = back ? -x_(n) : x_(n);
      v[at] = v_(n);
      source[at] = n;
    }
  }
  TensorView<const complex<double>, 1> part(const complex<double>* p, bool back) const {
    return back ? TensorView<const complex<double>, 1>(p + n_forward, Extents<1>{n_backward})
                : TensorView<const complex<double>, 1>(p, Extents<1>{n_forward});
  }
};

template <class T>
TensorView<T, 1> reversed(TensorView<T, 1> row) {
  return {row.data() + (row.size(0) - 1) * row.stride(0), row.sizes(), Extents<1>{-row.stride(0)}};
}

// K (C, H, M) from x (H, N), v (C, H, N), v = c b.
template <class T>
void modes_kernel_forward(TensorView<T, 3, Host> K, TensorView<const complex<double>, 2, Host> x,
                          TensorView<const complex<double>, 3, Host> v, bool anchored) {
  const index_t C = K.size(0), H = K.size(1), M = K.size(2);
  if (M == 0) return;
  parallel_for(
      C * H,
      [&](index_t task) {
        const index_t c = task / H, h = task % H;
        Scratch scratch;
        const SplitModes modes(scratch, x[h], v[c][h], anchored);
        vandermonde_forward_row(K[c][h], modes.part(modes.x, false), modes.part(modes.v, false));
        if (modes.n_backward == 0) return;
        const auto row = scratch.tensor<T>(Extents<1>{M});
        vandermonde_forward_row(row, modes.part(modes.x, true), modes.part(modes.v, true));
        for (index_t l = 0; l < M; ++l) K(c, h, l) += row(M - 1 - l);
      },
      v.count() * (100 + M));
}

template <class T>
void modes_kernel_backward(TensorView<complex<double>, 2, Host> dx, TensorView<complex<double>, 3, Host> dv,
                           TensorView<const T, 3, Host> dK, TensorView<const complex<double>, 2, Host> x,
                           TensorView<const complex<double>, 3, Host> v, bool anchored) {
  const index_t C = dK.size(0), H = dK.size(1), N = x.size(1), M = dK.size(2);
  parallel_for(
      H,
      [&](index_t h) {
        Scratch scratch;
        const auto sum0 = scratch.tensor<complex<double>>(Extents<1>{N});
        const auto sum1 = scratch.tensor<complex<double>>(Extents<1>{N});
        for (index_t n = 0; n < N; ++n) dx(h, n) = {};
        for (index_t c = 0; c < C; ++c) {
          const SplitModes modes(scratch, x[h], v[c][h], anchored);
          const index_t F = modes.n_forward;
          vandermonde_project_row(sum0.slice(0, 0, F), sum1.slice(0, 0, F), dK[c][h], modes.part(modes.x, false));
          if (F < N && M > 0)
            vandermonde_project_row(sum0.slice(0, F, N), sum1.slice(0, F, N), reversed(dK[c][h]),
                                    modes.part(modes.x, true));
          for (index_t i = 0; i < N; ++i) {
            const index_t n = modes.source[i];
            const bool none = i >= F && M == 0;
            dv(c, h, n) = none ? complex<double>() : 2.0 * sum0(i);
            if (!none) dx(h, n) += (i < F ? 2.0 : -2.0) * (conj(modes.v[i]) * sum1(i));
          }
        }
      },
      v.count() * (100 + 2 * M));
}

// A discretised layer: c = c b of the tape function, states in units of the input.
template <class T>
struct SsmInputs {
  TensorView<const T, 3> u;
  TensorView<const complex<double>, 2> x;
  TensorView<const complex<double>, 3> c;
  TensorView<const T, 2> skip;
  TensorView<const T, 4> state_in;
  SsmCall call;
  bool anchored;  // and there is a mode with Re x > 0

  index_t channels() const { return c.size(0) / (call.bidirectional ? 2 : 1); }
  index_t kernel_length() const { return call.kernel_length > 0 ? std::min(call.kernel_length, u.size(2)) : u.size(2); }
  bool kernel_form(Algorithm chosen) const {
    const bool only = call.bidirectional || anchored || kernel_length() < u.size(2);
    const bool many = call.algorithm == Algorithm::auto_ && fft_is_fast && channels() > 1;
    return u.size(2) > 0 && (only || many || chosen == Algorithm::fft);
  }
  DiagonalInputs<T> channel(index_t c_) const {
    return {u, x, c[c_], skip.data() != nullptr ? skip[c_] : TensorView<const T, 1>(), state_in};
  }
};

// Channel c of y (B, C, H, L) as (B, H, L).
template <class T>
TensorView<T, 3> channel_of(TensorView<T, 4> y, index_t c) {
  return {y.data() + c * y.stride(1), Extents<3>{y.size(0), y.size(2), y.size(3)},
          Extents<3>{y.stride(0), y.stride(2), y.stride(3)}};
}

template <class T>
void ssm_forward(TensorView<T, 4, Host> y, TensorView<T, 4, Host> state_out, const SsmInputs<T>& in) {
  const index_t C = in.channels(), H = in.u.size(1), L = in.u.size(2);
  const Algorithm algorithm =
      in.call.algorithm == Algorithm::auto_ ? choose_forward(in.u.size(0), in.x.size(1), L) : in.call.algorithm;
  const bool kernel_form = in.kernel_form(algorithm);
  if (kernel_form) {
    Scratch scratch;
    const auto K = scratch.tensor<T>(Extents<3>{in.c.size(0), H, in.kernel_length()});
    modes_kernel_forward(K, in.x, in.c, in.anchored);
    ops::FftConv::forward(y, in.u, K, in.skip);
  }
  for (index_t c = 0; c < C; ++c) {
    const DiagonalOutputs<T> out{channel_of(y, c), c == 0 ? state_out : TensorView<T, 4>()};
    const DiagonalInputs<T> one = in.channel(c);
    if (!kernel_form)
      Diagonal::forward(out, one, algorithm);
    else if (in.state_in.data() != nullptr || wanted(out.state_out))
      parallel_for(
          H, [&](index_t h) { add_state_terms(out, one, h); }, diagonal_work(one));
  }
}

// Gradients are assigned, dskip is added to; each may be left out but dx and dc.
template <class T>
struct SsmGradients {
  TensorView<T, 3> du;
  TensorView<complex<double>, 2> dx;
  TensorView<complex<double>, 3> dc;
  TensorView<T, 2> dskip;
  TensorView<T, 4> dstate_in;
};

template <class T>
void ssm_backward(const SsmGradients<T>& d, TensorView<const T, 4, Host> dy, TensorView<const T, 4, Host> dstate_out,
                  const SsmInputs<T>& in) {
  const index_t C = in.channels(), H = in.u.size(1), L = in.u.size(2);
  const Algorithm algorithm =
      in.call.algorithm == Algorithm::auto_ ? choose_backward(in.u.size(0), in.x.size(1), L) : in.call.algorithm;
  const bool kernel_form = in.kernel_form(algorithm);
  Scratch scratch;
  if (kernel_form) {
    const Extents<3> sizes{in.c.size(0), H, in.kernel_length()};
    const auto K = scratch.tensor<T>(sizes), dK = scratch.tensor<T>(sizes);
    modes_kernel_forward(K, in.x, in.c, in.anchored);
    ops::FftConv::backward(d.du, dK, d.dskip, dy, in.u, K, in.skip);
    modes_kernel_backward<T>(d.dx, d.dc, dK, in.x, in.c, in.anchored);
    if (in.state_in.data() == nullptr && dstate_out.data() == nullptr && !wanted(d.dstate_in)) return;
  }
  // Channels share u, x and the state: what the first one assigns, the others add to.
  const bool extra = C > 1;
  const auto du = extra && wanted(d.du) && !kernel_form ? scratch.tensor<T>(in.u.sizes()) : TensorView<T, 3>();
  const auto dx =
      extra && !kernel_form ? scratch.tensor<complex<double>>(in.x.sizes()) : TensorView<complex<double>, 2>();
  const auto dstate = extra && wanted(d.dstate_in) ? scratch.tensor<T>(d.dstate_in.sizes()) : TensorView<T, 4>();
  for (index_t c = 0; c < C; ++c) {
    const DiagonalInputs<T> one = in.channel(c);
    const bool first = c == 0;
    const DiagonalCotangents<T> from{channel_of(dy, c), first ? dstate_out : TensorView<const T, 4>()};
    DiagonalGradients<T> to{d.du, d.dx, d.dc[c], wanted(d.dskip) ? d.dskip[c] : TensorView<T, 1>(),
                            first ? d.dstate_in : dstate};
    if (kernel_form) {
      parallel_for(
          H, [&](index_t h) { add_state_gradients(to, from, one, h); }, 3 * diagonal_work(one));
    } else {
      if (!first) to.du = du, to.dx = dx;
      Diagonal::backward(to, from, one, algorithm);
      if (!first) detail::add_to(d.dx, TensorView<const complex<double>, 2>(dx));
      if (!first && wanted(du)) detail::add_to(d.du, TensorView<const T, 3>(du));
    }
    if (!first && wanted(dstate)) detail::add_to(d.dstate_in, TensorView<const T, 4>(dstate));
  }
}

// --- input weights: states in units of the modes (s, as the recurrence above has it) and of the input (s / b)
// ---------

inline complex<double> inverse_or_zero(complex<double> b) {
  const double square = norm2(b);
  return square > 1e-300 ? (1 / square) * conj(b) : complex<double>();  // a mode without input keeps no state
}

template <class T>
complex<double> state_at(const TensorView<T, 4>& s, index_t b, index_t n, index_t h) {
  return {static_cast<double>(s(b, 0, n, h)), static_cast<double>(s(b, 1, n, h))};
}
template <class T>
void set_state(const TensorView<T, 4>& s, index_t b, index_t n, index_t h, complex<double> z) {
  s(b, 0, n, h) = static_cast<T>(z.re);
  s(b, 1, n, h) = static_cast<T>(z.im);
}

// to = from f, f (H, N); with add_df: df += sum_b g conj(from), the gradient of f for a gradient g of `to`.
template <class T, class F>
void scale_states(TensorView<T, 4, Host> to, TensorView<const T, 4, Host> from, F f) {
  for (index_t b = 0; b < to.size(0); ++b)
    for (index_t n = 0; n < to.size(2); ++n)
      for (index_t h = 0; h < to.size(3); ++h) set_state(to, b, n, h, state_at(from, b, n, h) * f(h, n));
}
template <class T, class F>
void scale_states_backward(TensorView<T, 4, Host> dfrom, TensorView<const T, 4, Host> g,
                           TensorView<const T, 4, Host> from, F f, TensorView<complex<double>, 2, Host> df) {
  for (index_t b = 0; b < g.size(0); ++b)
    for (index_t n = 0; n < g.size(2); ++n)
      for (index_t h = 0; h < g.size(3); ++h) {
        const complex<double> cotangent = state_at(g, b, n, h);
        df(h, n) += cotangent * conj(state_at(from, b, n, h));
        if (wanted(dfrom)) set_state(dfrom, b, n, h, cotangent * conj(f(h, n)));
      }
}

// v = c b
inline void weight_modes(TensorView<complex<double>, 3, Host> v, const DiagonalModes<Host>& m) {
  for (index_t c = 0; c < v.size(0); ++c)
    for (index_t h = 0; h < v.size(1); ++h)
      for (index_t n = 0; n < v.size(2); ++n) v(c, h, n) = m.c(c, h, n) * m.b(h, n);
}
// dc = dv conj(b), db += sum_c dv conj(c); dv and dc may be the same memory.
inline void weight_modes_backward(const DiagonalModes<Host>& d, TensorView<const complex<double>, 3, Host> dv,
                                  const DiagonalModes<Host>& m) {
  for (index_t c = 0; c < dv.size(0); ++c)
    for (index_t h = 0; h < dv.size(1); ++h)
      for (index_t n = 0; n < dv.size(2); ++n) {
        const complex<double> g = dv(c, h, n);
        d.b(h, n) += g * conj(m.c(c, h, n));
        d.c(c, h, n) = g * conj(m.b(h, n));
      }
}

inline bool any_growing(TensorView<const complex<double>, 2, Host> x) {
  for (index_t h = 0; h < x.size(0); ++h)
    for (index_t n = 0; n < x.size(1); ++n)
      if (x(h, n).re > 0) return true;
  return false;
}

}  // namespace impl

}  // namespace longwave
