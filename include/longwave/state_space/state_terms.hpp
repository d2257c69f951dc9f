// state_terms.hpp - the state's part of the convolution form (recurrence.hpp) on the device, as kernels and projections
// of ops/vandermonde.hpp with one set of weights per entry of the batch:
//
//   y_l += 2 Re sum_n c a^{l+1} s           v = c a s
//   s_out = a^L s + sum_l a^{L-1-l} u_l     projection of u from its end
//   du_l += Re sum_n a^{L-1-l} conj(r)      v = conj(r) / 2 from the end of du,   r = dL/ds_out
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/vandermonde.hpp"
#include "longwave/ops/diagonal.hpp"
#include "longwave/state_space/diagonal_modes.hpp"

namespace longwave::impl {

// v (B, H, N) = c a s
template <class T>
struct StateWeights {
  static constexpr const char* name = "state_weights";
  TensorView<complex<double>, 3, Cuda> v;
  DiagonalInputs<T, Cuda> in;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t n = i % in.N(), row = i / in.N(), h = row % in.H(), b = row / in.H();
    v(b, h, n) = in.c(h, n) * exp(in.x(h, n)) * state_at(in.state_in, b, n, h);
  }
};

// s_out = a^L s + projection; twice_conj (B, H, N): twice the conjugate of the projection.
template <class T>
struct EndStates {
  static constexpr const char* name = "end_states";
  TensorView<T, 4, Cuda> state_out;
  TensorView<const complex<double>, 3, Cuda> twice_conj;
  DiagonalInputs<T, Cuda> in;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t n = i % in.N(), row = i / in.N(), h = row % in.H(), b = row / in.H();
    complex<double> s = 0.5 * conj(twice_conj(b, h, n));
    if (in.state_in.data() != nullptr)
      s += exp(static_cast<double>(in.L()) * in.x(h, n)) * state_at(in.state_in, b, n, h);
    set_state(state_out, b, n, h, s);
  }
};

// v = conj(r) / 2
template <class T>
struct EndWeights {
  static constexpr const char* name = "end_weights";
  TensorView<complex<double>, 3, Cuda> v;
  TensorView<const T, 4, Cuda> dstate_out;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t n = i % v.size(2), row = i / v.size(2), h = row % v.size(1), b = row / v.size(1);
    v(b, h, n) = 0.5 * conj(state_at(dstate_out, b, n, h));
  }
};

// What s and r add to the gradients. Rows (h, n), columns b; the sums are dx and dc. dv (B, H, N): that of v = c a s.
template <class T>
struct StateGradients {
  static constexpr const char* name = "state_gradients";
  DiagonalGradients<T, Cuda> d;
  TensorView<const T, 4, Cuda> dstate_out;
  TensorView<const complex<double>, 3, Cuda> dv;
  DiagonalInputs<T, Cuda> in;

  LONGWAVE_HD Sums<4> operator()(index_t row, index_t b) const {
    const index_t h = row / in.N(), n = row % in.N();
    const double L = static_cast<double>(in.L());
    const complex<double> a = exp(in.x(h, n)), a_L = exp(L * in.x(h, n)), g = dv(b, h, n);
    complex<double> s, r;
    if (in.state_in.data() != nullptr) s = state_at(in.state_in, b, n, h);
    if (dstate_out.data() != nullptr) r = state_at(dstate_out, b, n, h);
    if (wanted(d.dstate_in)) set_state(d.dstate_in, b, n, h, g * conj(in.c(h, n) * a) + conj(a_L) * r);
    const complex<double> dc = g * conj(a * s);
    const complex<double> dx = conj(in.c(h, n) * a * s) * g + L * (conj(a_L * s) * r);
    return {{dx.re, dx.im, dc.re, dc.im}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<4>& sum) const {
    const index_t h = row / in.N(), n = row % in.N();
    d.dx(h, n) += complex<double>(sum.at[0], sum.at[1]);
    d.dc(h, n) += complex<double>(sum.at[2], sum.at[3]);
  }
};

template <class T>
void add_state_terms(const DiagonalOutputs<T, Cuda>& out, const DiagonalInputs<T, Cuda>& in) {
  const Extents<3> sizes{in.B(), in.H(), in.N()};
  if (in.state_in.data() == nullptr && !wanted(out.state_out)) return;
  ScratchOn<Cuda> scratch;
  const auto v = scratch.tensor<complex<double>>(sizes);
  if (in.state_in.data() != nullptr) {
    for_each_index<Cuda>(v.count(), StateWeights<T>{v, in});
    cuda::vandermonde_forward<T>(out.y, in.x, v, cuda::Modes::all, true);
  }
  if (!wanted(out.state_out)) return;
  cuda::vandermonde_backward<T>({}, v, cuda::reversed(in.u), in.x, v, cuda::Modes::all);
  for_each_index<Cuda>(v.count(), EndStates<T>{out.state_out, v, in});
}

// Adds to dx, dc and du, assigns dstate_in.
template <class T>
void add_state_gradients(const DiagonalGradients<T, Cuda>& d, const DiagonalCotangents<T, Cuda>& from,
                         const DiagonalInputs<T, Cuda>& in) {
  const bool start = in.state_in.data() != nullptr, end = from.dstate_out.data() != nullptr;
  if (!start && !end && !wanted(d.dstate_in)) return;
  ScratchOn<Cuda> scratch;
  const Extents<3> sizes{in.B(), in.H(), in.N()};
  const auto v = scratch.tensor<complex<double>>(sizes), dv = scratch.tensor<complex<double>>(sizes);
  const auto dx = scratch.tensor<complex<double>>(in.x.sizes());
  if (start)
    for_each_index<Cuda>(v.count(), StateWeights<T>{v, in});
  else
    longwave::detail::fill(v, complex<double>());
  cuda::vandermonde_backward<T>(dx, dv, from.dy, in.x, v, cuda::Modes::all);
  if (start) add_modes<Cuda>(d.dx, dx);
  for_each_row<Cuda>(in.H() * in.N(), in.B(), StateGradients<T>{d, from.dstate_out, dv, in});
  if (!end) return;
  for_each_index<Cuda>(v.count(), EndWeights<T>{v, from.dstate_out});
  cuda::vandermonde_backward<T>(dx, {}, cuda::reversed(in.u), in.x, v, cuda::Modes::all);
  add_modes<Cuda>(d.dx, dx);
  if (wanted(d.du)) cuda::vandermonde_forward<T>(cuda::reversed(d.du), in.x, v, cuda::Modes::all, true);
}

}  // namespace longwave::impl
