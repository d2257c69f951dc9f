// diagonal_modes.hpp - the modes that a diagonal kernel brings to ssm.hpp, and the small maps between them, gradients
// and states. Bodies of loops (core/each.hpp, core/each_row.hpp) that run on either device.
//
//   v = c b                     weights of the modes with the input's folded in       c, v (C, H, N)   b (H, N)
//   s' = s f, f = b or 1 / b    states in units of the modes and of the input         states (B, 2, N, H)
//
// All small: tens of kilobytes, a few us on a device, most of it the launch.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/each_row.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

// Modes of a discretised diagonal system; as gradients: dL/dRe + i dL/dIm, assigned.
template <device D = Host>
struct DiagonalModes {
  TensorView<complex<double>, 2, D> x, b;  // (H, N); b has no data where the kernel has it folded into c
  TensorView<complex<double>, 3, D> c;     // (C, H, N)
};

// What modes may depend on besides the parameters.
struct ModeCall {
  index_t L = 0;    // samples of the kernel
  double rate = 1;  // factor on dt: 2 for input at half the sampling frequency
};

namespace impl {

template <class T, device D>
LONGWAVE_HD complex<double> state_at(const TensorView<T, 4, D>& s, index_t b, index_t n, index_t h) {
  return {static_cast<double>(s(b, 0, n, h)), static_cast<double>(s(b, 1, n, h))};
}
template <class T, device D>
LONGWAVE_HD void set_state(const TensorView<T, 4, D>& s, index_t b, index_t n, index_t h, complex<double> z) {
  s(b, 0, n, h) = static_cast<T>(z.re);
  s(b, 1, n, h) = static_cast<T>(z.im);
}

template <device D>
struct InputWeight {
  TensorView<const complex<double>, 2, D> b;
  LONGWAVE_HD complex<double> operator()(index_t h, index_t n) const { return b(h, n); }
};

template <device D>
struct InverseInputWeight {
  TensorView<const complex<double>, 2, D> b;
  LONGWAVE_HD complex<double> operator()(index_t h, index_t n) const {
    const double square = norm2(b(h, n));
    return square > 1e-300 ? (1 / square) * conj(b(h, n)) : complex<double>();  // a mode without input keeps no state
  }
};

// to = from f, f (H, N)
template <class T, device D, class F>
struct ScaleStates {
  static constexpr const char* name = "scale_states";
  TensorView<T, 4, D> to;
  TensorView<const T, 4, D> from;
  F f;

  LONGWAVE_HD void operator()(index_t i) const {  // (b, n, h)
    const index_t H = to.size(3), h = i % H, row = i / H, n = row % to.size(2), b = row / to.size(2);
    set_state(to, b, n, h, state_at(from, b, n, h) * f(h, n));
  }
};

// dfrom = g conj(f), df += sum_b g conj(from), for a gradient g of `to`. Rows (n, h), columns b.
template <class T, device D, class F>
struct ScaleStatesBackward {
  static constexpr const char* name = "scale_states_backward";
  TensorView<T, 4, D> dfrom;  // may be left out
  TensorView<const T, 4, D> g, from;
  F f;
  TensorView<complex<double>, 2, D> df;

  LONGWAVE_HD Sums<2> operator()(index_t row, index_t b) const {
    const index_t H = g.size(3), h = row % H, n = row / H;
    const complex<double> cotangent = state_at(g, b, n, h);
    const complex<double> part = cotangent * conj(state_at(from, b, n, h));
    if (wanted(dfrom)) set_state(dfrom, b, n, h, cotangent * conj(f(h, n)));
    return {{part.re, part.im}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<2>& sum) const {
    const index_t H = g.size(3);
    df(row % H, row / H) += complex<double>(sum.at[0], sum.at[1]);
  }
};

// db -= d(1/b) / b^2
template <device D>
struct InverseWeightGradient {
  static constexpr const char* name = "inverse_weight_gradient";
  TensorView<complex<double>, 2, D> db;
  TensorView<const complex<double>, 2, D> dinverse;
  InverseInputWeight<D> inverse;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / db.size(1), n = i % db.size(1);
    const complex<double> r = conj(inverse(h, n));
    db(h, n) -= dinverse(h, n) * r * r;
  }
};

template <class T, device D, class F>
void scale_states(TensorView<T, 4, D> to, In<T, 4, D> from, F f) {
  for_each_index<D>(to.count() / 2, ScaleStates<T, D, F>{to, from, f}, 10);
}
template <class T, device D, class F>
void scale_states_backward(TensorView<T, 4, D> dfrom, In<T, 4, D> g, In<T, 4, D> from, F f,
                           TensorView<complex<double>, 2, D> df) {
  for_each_row<D>(g.size(2) * g.size(3), g.size(0), ScaleStatesBackward<T, D, F>{dfrom, g, from, f, df}, 20);
}

// v = c b
template <device D>
struct WeightModes {
  static constexpr const char* name = "weight_modes";
  TensorView<complex<double>, 3, D> v;
  DiagonalModes<D> m;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / v.size(2), n = i % v.size(2);
    for (index_t c = 0; c < v.size(0); ++c) v(c, h, n) = m.c(c, h, n) * m.b(h, n);
  }
};

// dc = dv conj(b), db = sum_c dv conj(c), added to what is there if `add`; dv and dc may be the same memory.
template <device D>
struct WeightModesBackward {
  static constexpr const char* name = "weight_modes_backward";
  DiagonalModes<D> d;
  TensorView<const complex<double>, 3, D> dv;
  DiagonalModes<D> m;
  bool add;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / dv.size(2), n = i % dv.size(2);
    complex<double> db = add ? d.b(h, n) : complex<double>();
    for (index_t c = 0; c < dv.size(0); ++c) {
      const complex<double> g = dv(c, h, n);
      db += g * conj(m.c(c, h, n));
      d.c(c, h, n) = g * conj(m.b(h, n));
    }
    d.b(h, n) = db;
  }
};

template <device D>
void weight_modes(TensorView<complex<double>, 3, D> v, const DiagonalModes<D>& m) {
  for_each_index<D>(v.size(1) * v.size(2), WeightModes<D>{v, m}, 10 * v.size(0));
}
template <device D>
void weight_modes_backward(const DiagonalModes<D>& d, In<complex<double>, 3, D> dv, const DiagonalModes<D>& m,
                           bool add) {
  for_each_index<D>(dv.size(1) * dv.size(2), WeightModesBackward<D>{d, dv, m, add}, 20 * dv.size(0));
}

// sum += x, for the few gradients in double.
template <device D>
struct AddModes {
  static constexpr const char* name = "add_modes";
  TensorView<complex<double>, 2, D> sum;
  TensorView<const complex<double>, 2, D> x;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t h = i / sum.size(1), n = i % sum.size(1);
    sum(h, n) += x(h, n);
  }
};

template <device D>
void add_modes(TensorView<complex<double>, 2, D> sum, In<complex<double>, 2, D> x) {
  for_each_index<D>(sum.count(), AddModes<D>{sum, x}, 4);
}

}  // namespace impl
}  // namespace longwave
