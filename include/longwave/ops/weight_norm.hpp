// weight_norm.hpp - a weight as length times direction, one row per output: W_o = g_o v_o / |v_o|.
//
//   dg_o = <dW_o, v_o> / |v_o|      dv_o = g_o / |v_o| (dW_o - <dW_o, v_o> / |v_o|^2 v_o)
//
// v, W (O, I), g (O). Norms and products in double. A row of zeros has no direction: NaN, as in PyTorch.
// Source: Salimans and Kingma 2016.
#pragma once

#include <cmath>

#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/weight_norm.hpp"

namespace longwave {

namespace impl {

template <class T>
double dot_in_double(TensorView<const T, 1> a, TensorView<const T, 1> b) {
  double sum = 0;
  for (index_t i = 0; i < a.size(0); ++i) sum += static_cast<double>(a(i)) * static_cast<double>(b(i));
  return sum;
}

template <class T>
void weight_norm_forward(TensorView<T, 2, Host> W, TensorView<const T, 1, Host> g, TensorView<const T, 2, Host> v) {
  const index_t n = v.size(1);
  parallel_for(
      v.size(0),
      [&](index_t o) {
        const double factor = static_cast<double>(g(o)) / std::sqrt(dot_in_double(v[o], v[o]));
        for (index_t i = 0; i < n; ++i) W(o, i) = static_cast<T>(factor * static_cast<double>(v(o, i)));
      },
      v.count());
}

template <class T>
void weight_norm_backward(TensorView<T, 1, Host> dg, TensorView<T, 2, Host> dv, TensorView<const T, 2, Host> dW,
                          TensorView<const T, 1, Host> g, TensorView<const T, 2, Host> v) {
  const index_t n = v.size(1);
  parallel_for(
      v.size(0),
      [&](index_t o) {
        const double norm = std::sqrt(dot_in_double(v[o], v[o])), along = dot_in_double(dW[o], v[o]) / norm;
        if (wanted(dg)) dg(o) += static_cast<T>(along);
        if (!wanted(dv)) return;
        const double factor = static_cast<double>(g(o)) / norm;
        for (index_t i = 0; i < n; ++i)
          dv(o, i) +=
              static_cast<T>(factor * (static_cast<double>(dW(o, i)) - along / norm * static_cast<double>(v(o, i))));
      },
      2 * v.count());
}

}  // namespace impl

namespace ops {

struct WeightNorm {
  template <class T, device D>
  static void forward(TensorView<T, 2, D> W, In<T, 1, D> g, In<T, 2, D> v) {
    check_same_shape("weight_norm", "W", W, "v", v);
    check_shape("weight_norm", "g", g, Extents<1>{v.size(0)}, "O");
    impl::weight_norm_forward(W, g, v);
  }

  // dg and dv are added to; each may be left out.
  template <class T, device D>
  static void backward(Out<T, 1, D> dg, Out<T, 2, D> dv, TensorView<const T, 2, D> dW, In<T, 1, D> g, In<T, 2, D> v) {
    check_same_shape("weight_norm", "dW", dW, "v", v);
    check_gradient("weight_norm", "dg", dg, Extents<1>{v.size(0)}, "O");
    check_gradient("weight_norm", "dv", dv, v.sizes(), "OI");
    impl::weight_norm_backward(dg, dv, dW, g, v);
  }
};

}  // namespace ops
}  // namespace longwave
