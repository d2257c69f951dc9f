// mmd_unbiased, mmd_loss, minmax_scaler.
#include "case.hpp"
#include "longwave/autograd/functions/mmd.hpp"
#include "longwave/data/column_scaler.hpp"
#include "longwave/metrics/mmd.hpp"

namespace longwave::golden {
namespace {

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
void skip_draw(const Config& config) {
  for (const char* key : {"n", "m", "d", "shift"})
    if (config.has(key)) static_cast<void>(config.number(key));
}

const Op mmd_unbiased_op("mmd_unbiased", []<class T>(Case<T>& c) {
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
  const auto xt = in_own_type<T>(x), yt = in_own_type<T>(y);
  Tensor<T, 0> value{Extents<0>()};
  ops::Mmd::forward(value.view(), xt, yt, kernel);
  c.out("mmd2", std::vector<double>{static_cast<double>(value())});
  c.out("mmd2_blockwise", std::vector<double>{static_cast<double>(value())});
});

const Op mmd_loss_op("mmd_loss", []<class T>(Case<T>& c) {
  skip_draw(c.config);
  const auto x = c.template in<2>("x"), y = c.template in<2>("y");
  c.out("mmd2", mmd(x, y, RbfMixture(c.config.number("sigma"))));
});

const Op minmax_scaler_op("minmax_scaler", []<class T>(Case<T>& c) {
  for (const char* key : {"n", "d", "offset", "spread"})
    if (c.config.has(key)) static_cast<void>(c.config.number(key));
  if (c.config.has("constant")) static_cast<void>(c.config.flag("constant"));
  const auto fit = in_double<T>(c.template in<2>("fit").value()), x = in_double<T>(c.template in<2>("x").value());
  const auto scaled = in_double<T>(c.template in<2>("scaled").value());
  const ColumnScaler scaler = ColumnScaler::fit(fit);
  std::vector<double> low, high;
  for (index_t k = 0; k < scaler.columns(); ++k) {
    low.push_back(scaler.min(k));
    high.push_back(scaler.max(k));
  }
  c.out("data_min", low);
  c.out("data_max", high);
  Tensor<double, 2> fit_scaled(fit.sizes()), x_scaled(x.sizes()), inverse(scaled.sizes());
  scaler.scale(fit_scaled.view(), fit);
  scaler.scale(x_scaled.view(), x);
  scaler.unscale(inverse.view(), scaled.view());
  c.out("fit_scaled", to_doubles(TensorView<const double, 2>(fit_scaled)));
  c.out("x_scaled", to_doubles(TensorView<const double, 2>(x_scaled)));
  c.out("inverse", to_doubles(TensorView<const double, 2>(inverse)));
});

}  // namespace
}  // namespace longwave::golden
