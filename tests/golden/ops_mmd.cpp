// mmd_unbiased, mmd_loss, minmax_scaler.
#include "bodies_mmd.hpp"
#include "longwave/data/column_scaler.hpp"

namespace longwave::golden {
namespace {

const Op mmd_unbiased_op("mmd_unbiased", []<class T>(Case<T>& c) {
  mmd_unbiased_case(c, [](const Tensor<T, 2>& x, const Tensor<T, 2>& y, const RbfMixture& kernel) {
    Tensor<T, 0> value{Extents<0>()};
    ops::Mmd::forward(value.view(), x, y, kernel);
    return static_cast<double>(value());
  });
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
