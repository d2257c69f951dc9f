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
// in an order that depends on the sizes alone. On the host: cpu/mmd.hpp.
#pragma once

#include "longwave/core/each.hpp"
#include "longwave/core/math.hpp"
#include "longwave/cpu/mmd.hpp"

namespace longwave {

enum class MmdForm { unbiased, biased };

namespace detail {

// What the three sums are multiplied by, and what the pairs i = j add.
struct MmdFactors {
  double xx, yy, xy, constant;

  MmdFactors(index_t rows_x, index_t rows_y, double at_zero, MmdForm form) {
    const double n = static_cast<double>(rows_x), m = static_cast<double>(rows_y);
    const bool biased = form == MmdForm::biased;
    xx = biased ? 1 / (n * n) : 1 / (n * (n - 1));
    yy = biased ? 1 / (m * m) : 1 / (m * (m - 1));
    xy = -2 / (n * m);
    constant = biased ? at_zero * (1 / n + 1 / m) : 0;
  }
};

}  // namespace detail

namespace impl {

// On a device, one row of the samples per thread: part[i] = its share of the value.
template <class T, device D>
struct MmdRowValue {
  static constexpr const char* name = "mmd";
  TensorView<double, 1, D> part;  // (n + m)
  TensorView<const T, 2, D> x, y;
  RbfMixture kernel;
  double xx, yy, xy;  // factors of the three sums

  LONGWAVE_HD double sum(const TensorView<const T, 2, D>& a, index_t i, const TensorView<const T, 2, D>& b,
                         bool same) const {
    double total = 0;
    for (index_t j = 0; j < b.size(0); ++j) {
      if (same && i == j) continue;
      double distance = 0;
      for (index_t k = 0; k < a.size(1); ++k) {
        const double difference = static_cast<double>(a(i, k)) - static_cast<double>(b(j, k));
        distance += difference * difference;
      }
      for (int s = 0; s < kernel.terms; ++s) total += kernel.weight[s] * math::exp(-distance * kernel.rate[s]);
    }
    return total;
  }
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t n = x.size(0);
    part(i) = i < n ? xx * sum(x, i, x, true) + xy * sum(x, i, y, false) : yy * sum(y, i - n, y, true);
  }
};

// value = constant + the sum of the parts, by one thread and in order.
template <class T, device D>
struct MmdTotal {
  static constexpr const char* name = "mmd";
  TensorView<T, 0, D> value;
  TensorView<const double, 1, D> part;
  double constant;

  LONGWAVE_HD void operator()(index_t) const {
    double total = constant;
    for (index_t i = 0; i < part.size(0); ++i) total += part(i);
    value() = static_cast<T>(total);
  }
};

// dx_i, assigned: dvalue (within sum_j dk(x_i, x_j)/dx_i + across sum_j dk(x_i, y_j)/dx_i).
template <class T, device D>
struct MmdRowGradient {
  static constexpr const char* name = "mmd";
  TensorView<T, 2, D> dx;
  TensorView<const T, 0, D> dvalue;
  TensorView<const T, 2, D> x, y;
  RbfMixture kernel;
  double within, across;

  LONGWAVE_HD void add(index_t i, const TensorView<const T, 2, D>& b, double factor) const {
    for (index_t j = 0; j < b.size(0); ++j) {
      double distance = 0, slope = 0;
      for (index_t k = 0; k < x.size(1); ++k) {
        const double difference = static_cast<double>(x(i, k)) - static_cast<double>(b(j, k));
        distance += difference * difference;
      }
      for (int s = 0; s < kernel.terms; ++s)
        slope -= 2 * kernel.rate[s] * kernel.weight[s] * math::exp(-distance * kernel.rate[s]);
      for (index_t k = 0; k < x.size(1); ++k)
        dx(i, k) += static_cast<T>(factor * slope * (static_cast<double>(x(i, k)) - static_cast<double>(b(j, k))));
    }
  }
  LONGWAVE_HD void operator()(index_t i) const {
    for (index_t k = 0; k < x.size(1); ++k) dx(i, k) = T(0);
    add(i, x, within * static_cast<double>(dvalue()));
    add(i, y, across * static_cast<double>(dvalue()));
  }
};

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

template <class T>
void mmd_forward(TensorView<T, 0, Cuda> value, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y,
                 const RbfMixture& kernel, const detail::MmdFactors& factor) {
  ScratchOn<Cuda> scratch;
  const auto part = scratch.tensor<double>(Extents<1>{x.size(0) + y.size(0)});
  for_each_index<Cuda>(part.size(0), MmdRowValue<T, Cuda>{part, x, y, kernel, factor.xx, factor.yy, factor.xy});
  for_each_index<Cuda>(1, MmdTotal<T, Cuda>{value, part, factor.constant});
}

template <class T>
void mmd_backward(TensorView<T, 2, Cuda> dx, TensorView<const T, 0, Cuda> dvalue, TensorView<const T, 2, Cuda> x,
                  TensorView<const T, 2, Cuda> y, const RbfMixture& kernel, double within, double across) {
  for_each_index<Cuda>(x.size(0), MmdRowGradient<T, Cuda>{dx, dvalue, x, y, kernel, within, across});
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
