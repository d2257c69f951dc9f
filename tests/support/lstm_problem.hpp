// lstm_problem.hpp - what one direction of one LSTM layer takes, for tests on any device.
#pragma once

#include <cmath>

#include "check.hpp"
#include "longwave/core/lstm_views.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::test {

struct LstmSizes {
  index_t B, L, I, H;
};

// Everything one direction takes, drawn in double and rounded to T. Weights of wide layers are small enough that
// rounding errors do not grow from step to step.
template <class T>
struct LstmProblem {
  LstmSizes n;
  Tensor<T, 3> x, dy;
  Tensor<T, 2> W_ih, W_hh, h0, c0, dh, dc;
  Tensor<T, 1> b_ih, b_hh;

  explicit LstmProblem(LstmSizes s)
      : n(s),
        x(drawn(Extents<3>{s.B, s.L, s.I}, 1, 1)),
        dy(drawn(Extents<3>{s.B, s.L, s.H}, 2, 1)),
        W_ih(drawn(Extents<2>{4 * s.H, s.I}, 3, deviation(s.I))),
        W_hh(drawn(Extents<2>{4 * s.H, s.H}, 4, deviation(s.H))),
        h0(drawn(Extents<2>{s.B, s.H}, 5, 0.5)),
        c0(drawn(Extents<2>{s.B, s.H}, 6, 1)),
        dh(drawn(Extents<2>{s.B, s.H}, 7, 1)),
        dc(drawn(Extents<2>{s.B, s.H}, 8, 1)),
        b_ih(drawn(Extents<1>{4 * s.H}, 9, 0.5)),
        b_hh(drawn(Extents<1>{4 * s.H}, 10, 0.5)) {}

  LstmWeightViews<const T> weights(bool bias = true) const {
    LstmWeightViews<const T> w{W_ih.view(), W_hh.view(), {}, {}};
    if (bias) w.b_ih = b_ih.view(), w.b_hh = b_hh.view();
    return w;
  }
  LstmStateViews<const T> start() const { return {h0.view(), c0.view()}; }

 private:
  static double deviation(index_t terms) { return terms > 4 ? 1 / std::sqrt(static_cast<double>(terms)) : 0.5; }
  template <int N>
  static Tensor<T, N> drawn(Extents<N> sizes, std::uint64_t seed, double spread) {
    const auto exact = random<double>(sizes, seed, spread);
    Tensor<T, N> t(sizes);
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] = static_cast<T>(static_cast<float>(exact.data()[i]));
    return t;
  }
};

}  // namespace longwave::test
