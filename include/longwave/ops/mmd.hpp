// mmd.hpp - the squared maximum mean discrepancy of two samples x (n, d) and y (m, d) under a kernel k (Gretton et al.
// 2012, "A kernel two-sample test", equations 3 and 5).
//
//   unbiased   1 / (n (n-1)) sum_{i != j} k(x_i, x_j) + 1 / (m (m-1)) sum_{i != j} k(y_i, y_j)
//              - 2 / (n m) sum_{i, j} k(x_i, y_j)                  may be negative; needs two points of each
//   biased     the same with n^2 and m^2 and with the pairs i = j, where k = k(0); never negative but for rounding
//
//   dx_i = 2 / (n (n-1)) sum_j dk(x_i, x_j)/dx_i - 2 / (n m) sum_j dk(x_i, y_j)/dx_i,  dk/dx = -(x - y) k / sigma^2
//
// Pairs i = j are left out by their index, never by their distance. Exact over all pairs; sums are carried in double,
// in an order that depends on the sizes alone. On the host: cpu/mmd.hpp, on a device: cuda/kernels/mmd.cuh.
#pragma once

#include "longwave/cpu/mmd.hpp"
#include "longwave/cuda/mmd.hpp"

namespace longwave {

namespace impl {

template <class T>
void mmd_forward(TensorView<T, 0, Host> value, TensorView<const T, 2, Host> x, TensorView<const T, 2, Host> y,
                 const RbfMixture& kernel, const detail::MmdFactors& factor) {
  const MmdSums sums = mmd_sums(x, y, kernel);
  value() = static_cast<T>(factor.xx * sums.xx + factor.yy * sums.yy + factor.xy * sums.xy + factor.constant);
}

template <class T>
void mmd_backward(TensorView<T, 2, Host> dx, TensorView<const T, 0, Host> dvalue, TensorView<const T, 2, Host> x,
                  TensorView<const T, 2, Host> y, const RbfMixture& kernel, double within, double across) {
  mmd_gradient(dx, x, y, within * static_cast<double>(dvalue()), across * static_cast<double>(dvalue()), kernel);
}

}  // namespace impl

namespace ops {

struct Mmd {
  template <class T, device D>
  static void forward(TensorView<T, 0, D> value, In<T, 2, D> x, In<T, 2, D> y, const RbfMixture& kernel,
                      MmdForm form = MmdForm::unbiased) {
    check(x.sizes(), y.sizes(), form);
    impl::mmd_forward(value, x, y, kernel, detail::MmdFactors(x.size(0), y.size(0), kernel.at_zero(), form));
  }

  // dx and dy are assigned; either may be left out.
  template <class T, device D>
  static void backward(TensorView<T, 2, D> dx, Out<T, 2, D> dy, In<T, 0, D> dvalue, In<T, 2, D> x, In<T, 2, D> y,
                       const RbfMixture& kernel, MmdForm form = MmdForm::unbiased) {
    check(x.sizes(), y.sizes(), form);
    check_gradient("mmd", "dx", dx, x.sizes(), "nd");
    check_gradient("mmd", "dy", dy, y.sizes(), "md");
    const detail::MmdFactors factor(x.size(0), y.size(0), kernel.at_zero(), form);
    if (wanted(dx)) impl::mmd_backward(dx, dvalue, x, y, kernel, 2 * factor.xx, factor.xy);
    if (wanted(dy)) impl::mmd_backward(dy, dvalue, y, x, kernel, 2 * factor.yy, factor.xy);
  }

 private:
  static void check(const Extents<2>& x, const Extents<2>& y, MmdForm form) {
    if (x[1] != y[1])
      throw_shape_error("mmd: x and y disagree on d: x is " + to_string(x, "nd") + ", y is " + to_string(y, "md"));
    const index_t least = form == MmdForm::unbiased ? 2 : 1;
    if (x[0] < least || y[0] < least)
      throw_value_error("mmd: x is " + to_string(x, "nd") + ", y is " + to_string(y, "md") + "; the " +
                        (least == 2 ? "unbiased form needs two points" : "biased form needs one point") + " of each");
  }
};

}  // namespace ops
}  // namespace longwave
