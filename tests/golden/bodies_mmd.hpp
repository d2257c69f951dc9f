// bodies_mmd.hpp - mmd_unbiased and mmd_loss for any device.
#pragma once

#include "case.hpp"
#include "longwave/autograd/functions/mmd.hpp"
#include "longwave/metrics/mmd.hpp"

namespace longwave::golden {

template <class T>
Tensor<double, 2> in_double(TensorView<const T, 2> x) {
  Tensor<double, 2> out(x.sizes());
  for (index_t i = 0; i < x.size(0); ++i)
    for (index_t k = 0; k < x.size(1); ++k) out(i, k) = static_cast<double>(x(i, k));
  return out;
}

template <class T>
Tensor<T, 2> in_own_type(TensorView<const double, 2> x) {
  Tensor<T, 2> out(x.sizes());
  for (index_t i = 0; i < x.size(0); ++i)
    for (index_t k = 0; k < x.size(1); ++k) out(i, k) = static_cast<T>(x(i, k));
  return out;
}

// What only says how the samples were drawn.
inline void skip_draw(const Config& config) {
  for (const char* key : {"n", "m", "d", "shift"})
    if (config.has(key)) static_cast<void>(config.number(key));
}

// mmd2(x, y, kernel) of host tensors of T.
template <class T, class F>
void mmd_unbiased_case(Case<T>& c, F mmd2) {
  skip_draw(c.config);
  auto x = in_double<T>(c.template in<2>("x").value()), y = in_double<T>(c.template in<2>("y").value());
  if (c.config.flag("standardise", false)) {
    const auto moments = detail::column_moments({x});
    moments.apply(x);
    moments.apply(y);
    c.out("x_norm", to_doubles(TensorView<const double, 2>(x)));
    c.out("y_norm", to_doubles(TensorView<const double, 2>(y)));
  }
  const double median = median_distance(x, y);
  c.out("sigma_median", std::vector<double>{median});
  c.out("sigma_median_x", std::vector<double>{median_distance(x)});
  const RbfMixture kernel(c.config.number("sigma", median));
  const double value = mmd2(in_own_type<T>(x), in_own_type<T>(y), kernel);
  c.out("mmd2", std::vector<double>{value});
  c.out("mmd2_blockwise", std::vector<double>{value});
}

}  // namespace longwave::golden
