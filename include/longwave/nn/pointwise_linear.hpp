// pointwise_linear.hpp - a Linear layer at every position: y[b, :, l] = W x[b, :, l] + b, x (B, I, L) -> (B, O, L).
// Parameters as those of Linear: weight (O, I), bias (O). With windows of s positions W is (O, I s) and sees
// x[b, i, m s + j] at column i s + j: x (B, I, L) -> (B, O, floor(L / s)), a convolution of width and stride s.
#pragma once

#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/nn/step_ops.hpp"

namespace longwave {

template <class T, device D = Host>
struct PointwiseLinear : Linear<T, D> {
  using Linear<T, D>::Linear;
  using Linear<T, D>::weight;
  using Linear<T, D>::bias;

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, index_t window = 1) {
    const Extents<3> taps{weight.value.size(0), weight.value.size(1) / window, window};
    return conv1d(x, weight.on(tape, taps, "weight"), this->options.bias ? bias.on(tape, "bias") : Var<T, 1, D>(),
                  {.stride = window});
  }

  // x (B, I) -> y (B, O), not in place.
  void step(TensorView<const T, 2, D> x, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    impl::affine_step(y, x, weight.value.view(), bias.value.view());
  }
};

}  // namespace longwave
