// conv1d.hpp - convolution along time with a short kernel (cross-correlation, as PyTorch).
//
//   y[b, o, l] = bias[o] + sum_{i, t} W[o, i, t] x[b, i', l stride + t dilation - padding],   x = 0 outside
//   with i' = i plus the first channel of o's group
//
//   x (B, I, L), W (O, I / groups, k), bias (O), y (B, O, M),  M = (L + 2 padding - dilation (k - 1) - 1) / stride + 1
//
//   dx = sum over the outputs an input reaches of W dy,   dW += sum_{b, l} dy x,   dbias += sum_{b, l} dy
//
// One tap (k = 1) is the position-wise linear layer on (B, H, L): one product per batch entry. Sums over I and taps run
// in T in order; dW is summed over fixed blocks of (b, l) combined in order, dbias in double over rows. On the device
// the products are cuBLAS's: one tap straight from x and dy, more of them from windows laid out in working memory.
//
// x and y in bfloat16, W and dW float: one tap without a bias. W is rounded to bfloat16, sums are float, y and dx are
// rounded once.
#pragma once

#include <string>

#include "longwave/cpu/conv1d.hpp"
#include "longwave/cuda/conv1d.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave {

// Length of the output for an input of length L and a kernel of k taps.
inline index_t conv1d_length(index_t L, index_t k, const Conv1dOptions& o) {
  auto at_least = [](const char* name, index_t value, index_t low) {
    if (value < low)
      throw_value_error(std::string("conv1d: ") + name + " is " + std::to_string(value) + ", expected at least " +
                        std::to_string(low));
  };
  at_least("stride", o.stride, 1);
  at_least("padding", o.padding, 0);
  at_least("dilation", o.dilation, 1);
  at_least("groups", o.groups, 1);
  at_least("the kernel's length", k, 1);
  const index_t padded = L + 2 * o.padding, span = o.dilation * (k - 1) + 1;
  if (padded == 0) return 0;
  if (padded < span)
    throw_shape_error("conv1d: the kernel spans " + std::to_string(span) + " samples, x has L=" + std::to_string(L) +
                      " and " + std::to_string(o.padding) + " of padding on each side");
  return (padded - span) / o.stride + 1;
}

namespace impl {

inline void conv1d_forward(TensorView<bfloat16, 3, Host> y, TensorView<const bfloat16, 3, Host> x,
                           TensorView<const float, 3, Host> W, TensorView<const float, 1, Host> bias,
                           const Conv1dOptions& options) {
  Scratch scratch;
  const TensorView<const bfloat16, 3> weight = cast_to<bfloat16>(scratch, W);
  const TensorView<float, 3> wide = scratch.tensor<float>(y.sizes());
  conv1d_forward<float>(wide, cast_to<float>(scratch, x), cast_to<float>(scratch, weight), bias, options);
  cast(y, TensorView<const float, 3>(wide));
}

inline void conv1d_backward(TensorView<const bfloat16, 3, Host> dy, TensorView<bfloat16, 3, Host> dx,
                            TensorView<float, 3, Host> dW, TensorView<float, 1, Host> dbias,
                            TensorView<const bfloat16, 3, Host> x, TensorView<const float, 3, Host> W,
                            const Conv1dOptions& options) {
  Scratch scratch;
  const TensorView<const bfloat16, 3> weight = cast_to<bfloat16>(scratch, W);
  const TensorView<const float, 3> wide_dy = cast_to<float>(scratch, dy), wide_x = cast_to<float>(scratch, x);
  const auto wide = wanted(dx) ? scratch.tensor<float>(dx.sizes()) : TensorView<float, 3>();
  conv1d_backward<float>(wide_dy, wide, dW, dbias, wide_x, cast_to<float>(scratch, weight), options);
  if (wanted(dx)) cast(dx, TensorView<const float, 3>(wide));
}

}  // namespace impl

namespace ops {

struct Conv1d {
  // bias may be left out (a default view).
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, In<Arithmetic<T>, 3, D> W, In<Arithmetic<T>, 1, D> bias,
                      const Conv1dOptions& options = {}) {
    check(y.sizes(), "y", x.sizes(), W.sizes(), options);
    if constexpr (std::is_same_v<T, bfloat16>) check_one_tap(W.sizes(), wanted(bias), options);
    check_gradient("conv1d", "bias", bias, Extents<1>{W.size(0)}, "O");
    impl::conv1d_forward(y, x, W, bias, options);
  }

  // dx is assigned, dW and dbias are added to; each may be left out.
  template <class T, device D>
  static void backward(Out<T, 3, D> dx, Out<Arithmetic<T>, 3, D> dW, Out<Arithmetic<T>, 1, D> dbias,
                       TensorView<const T, 3, D> dy, In<T, 3, D> x, In<Arithmetic<T>, 3, D> W,
                       const Conv1dOptions& options = {}) {
    check(dy.sizes(), "dy", x.sizes(), W.sizes(), options);
    if constexpr (std::is_same_v<T, bfloat16>) check_one_tap(W.sizes(), wanted(dbias), options);
    check_gradient("conv1d", "dx", dx, x.sizes(), "BIL");
    check_gradient("conv1d", "dW", dW, W.sizes(), "OIk");
    check_gradient("conv1d", "dbias", dbias, Extents<1>{W.size(0)}, "O");
    impl::conv1d_backward(dy, dx, dW, dbias, x, W, options);
  }

 private:
  static void check_one_tap(const Extents<3>& W, bool bias, const Conv1dOptions& o) {
    if (W[2] != 1 || bias || o.stride != 1 || o.padding != 0 || o.groups != 1)
      throw_value_error(
          "conv1d: in bfloat16 the kernel has one tap, stride and groups are 1, padding is 0 and there "
          "is no bias; cast x to float for others");
  }
  static void check(const Extents<3>& y, const char* y_name, const Extents<3>& x, const Extents<3>& W,
                    const Conv1dOptions& options) {
    const Extents<3> expected{x[0], W[0], conv1d_length(x[2], W[2], options)};
    if (x[1] != W[1] * options.groups)
      throw_shape_error("conv1d: x and W disagree on I: x is " + to_string(x, "BIL") + ", W is " + to_string(W, "OIk") +
                        " with groups=" + std::to_string(options.groups));
    if (W[0] % options.groups != 0)
      throw_shape_error("conv1d: O=" + std::to_string(W[0]) +
                        " is no multiple of groups=" + std::to_string(options.groups));
    if (!(y == expected))
      throw_shape_error(std::string("conv1d: ") + y_name + " is " + to_string(y, "BOL") + ", expected " +
                        to_string(expected, "BOL"));
  }
};

}  // namespace ops
}  // namespace longwave
