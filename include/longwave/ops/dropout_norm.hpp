// dropout_norm.hpp - how a post-norm residual block ends: layer norm of its input and what it keeps of its layer's
// output.
//
//   sum = x + r k / (1 - p),   y = weight x_hat + bias,   x_hat = (sum - mean) rstd       k: tied, one per row of the
//   dx = the gradient of sum (ops/norm.hpp),   dr = dx k / (1 - p)                        last axis (ops/dropout.hpp)
//
// x, r, sum, y: same shape, (B, H, L) with H normalised unless another axis is asked for; weight, bias (H). The values
// are those of the ops one after the other. On the device 4 passes over memory each way, for 5 and 6: x and r, sum and
// y; dy and sum, dx and dr.
#pragma once

#include "longwave/core/fill.hpp"
#include "longwave/cuda/dropout_norm.hpp"
#include "longwave/ops/dropout.hpp"
#include "longwave/ops/norm.hpp"

namespace longwave {

namespace impl {

template <class T, int N>
void dropout_add_norm_forward(TensorView<T, N, Host> y, Out<T, N> sum, Out<T, N - 1> mean, Out<T, N - 1> rstd,
                              In<T, N> x, In<T, N> r, In<T, 1> weight, In<T, 1> bias, PhiloxKey key, double p, int axis,
                              T eps) {
  if (p > 0)
    dropout_sum_forward<T, N>(sum, x, r, 1, 1, key, p, true);
  else
    binary_forward(sum, x, r, AddRule());
  layer_norm_forward<T, N>(y, mean, rstd, sum, weight, bias, axis, eps);
}

template <class T, int N>
void dropout_add_norm_backward(Out<T, N> dx, Out<T, N> dr, Out<T, 1> dweight, Out<T, 1> dbias,
                               TensorView<const T, N, Host> dy, In<T, N - 1> mean, In<T, N - 1> rstd, In<T, N> sum,
                               In<T, 1> weight, PhiloxKey key, double p, int axis) {
  const TensorView<T, N, Host> to = wanted(dx) ? dx : dr;
  layer_norm_backward<T, N>(dy, to, dweight, dbias, mean, rstd, sum, weight, axis);
  if (!wanted(dr)) return;
  if (p > 0)
    dropout<T, N>(dr, to, key, p, true);
  else if (wanted(dx))
    copy(dr, TensorView<const T, N, Host>(dx));
}

}  // namespace impl

namespace ops {

struct DropoutAddNorm {
  // key: Generator::next() of the step, the same in backward; 0 <= p < 1, p = 0: nothing is dropped. mean and rstd
  // (saved for backward), weight and bias may be left out as default views. sum is neither x nor r.
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, TensorView<T, N, D> sum, Out<T, N - 1, D> mean, Out<T, N - 1, D> rstd,
                      In<T, N, D> x, In<T, N, D> r, In<T, 1, D> weight, In<T, 1, D> bias, PhiloxKey key, double p,
                      LayerNormOptions options = {}) {
    const int axis = LayerNorm::check_forward<T, N, D>(y, mean, rstd, x, weight, bias, options);
    check_same_shape("dropout_add_norm", "r", r, "x", x);
    check_same_shape("dropout_add_norm", "sum", sum, "x", x);
    Dropout::check_probability(p);
    impl::dropout_add_norm_forward<T, N>(y, sum, mean, rstd, x, r, weight, bias, key, p, axis,
                                         static_cast<T>(options.eps));
  }

  // dx and dr are assigned, dweight and dbias are added to; each may be left out. dx and dr are not the same.
  template <class T, int N, device D>
  static void backward(Out<T, N, D> dx, Out<T, N, D> dr, Out<T, 1, D> dweight, Out<T, 1, D> dbias,
                       TensorView<const T, N, D> dy, In<T, N - 1, D> mean, In<T, N - 1, D> rstd, In<T, N, D> sum,
                       In<T, 1, D> weight, PhiloxKey key, double p, LayerNormOptions options = {}) {
    const int axis = LayerNorm::check_backward<T, N, D>(dx, dweight, dbias, dy, mean, rstd, sum, weight, options);
    check_gradient("dropout_add_norm", "dr", dr, sum.sizes());
    Dropout::check_probability(p);
    impl::dropout_add_norm_backward<T, N>(dx, dr, dweight, dbias, dy, mean, rstd, sum, weight, key, p, axis);
  }
};

}  // namespace ops
}  // namespace longwave
