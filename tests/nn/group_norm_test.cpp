#include "longwave/nn/group_norm.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 3> expected(const Tensor<double, 3>& x, index_t groups, double eps) {
  Tensor<double, 3> y(x.sizes());
  const index_t H = x.size(1), size = H / groups;
  for (index_t b = 0; b < x.size(0); ++b)
    for (index_t g = 0; g < groups; ++g) {
      const double n = double(size * x.size(2));
      double mean = 0, var = 0;
      for (index_t h = g * size; h < (g + 1) * size; ++h)
        for (index_t l = 0; l < x.size(2); ++l) mean += x(b, h, l) / n;
      for (index_t h = g * size; h < (g + 1) * size; ++h)
        for (index_t l = 0; l < x.size(2); ++l) var += std::pow(x(b, h, l) - mean, 2) / n;
      for (index_t h = g * size; h < (g + 1) * size; ++h)
        for (index_t l = 0; l < x.size(2); ++l) y(b, h, l) = (x(b, h, l) - mean) / std::sqrt(var + eps);
    }
  return y;
}

}  // namespace

TEST_CASE("GroupNorm, InstanceNorm: the formula, for any number of groups") {
  for (const index_t L : {1, 2, 19}) {
    const auto x = random<double>(Extents<3>{2, 6, L});
    Tape<double> tape;
    for (const index_t groups : {1, 2, 6}) {
      if (groups == 6 && L == 1) continue;  // a single number has no variance
      GroupNorm<double> norm({.features = 6, .groups = groups});
      CHECK(relative_error(norm(tape, tape.input(x)).value(), expected(x, groups, 1e-5).view()) < 1e-12);
    }
    InstanceNorm<double> norm({.features = 6});
    CHECK(relative_error(norm(tape, tape.input(x)).value(), expected(x, 6, 1e-5).view(), 1.0) < 1e-12);
    CHECK(count_parameters(norm) == 0);
  }
}

TEST_CASE("GroupNorm: gradients, names, strided input") {
  GroupNorm<double> norm({.features = 4, .groups = 2});
  CHECK(state_shapes<double>(norm) == std::vector<std::string>{"weight 4", "bias 4"});
  Generator(3).normal(norm.weight.value.view());
  Generator(4).normal(norm.bias.value.view());
  auto x = random<double>(Extents<3>{2, 4, 5});
  CHECK(parameter_error(norm, [&](auto& tape) { return norm(tape, tape.input(x)); }) < 1e-7);
  const auto check = grad_check([&](auto& tape, auto v) { return norm(tape, v); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  const auto sliced = grad_check([&](auto& tape, auto v) { return norm(tape, slice(v, 2, 1, 4)); }, x);
  CHECK(sliced.error < 1e-7);
  InstanceNorm<double> affine({.features = 4, .affine = true});
  CHECK(state_shapes<double>(affine) == std::vector<std::string>{"weight 4", "bias 4"});
}

TEST_CASE("GroupNorm: options and inputs that do not fit are named") {
  CHECK(error_text<ValueError>([] { GroupNorm<float> bad({.features = 6, .groups = 4}); }) ==
        "GroupNorm: groups is 4, expected a divisor of features = 6");
  GroupNorm<float> norm({.features = 6});
  Tape<float> tape;
  CHECK(error_text<ShapeError>([&] {
          norm(tape, tape.input(random<float>(Extents<3>{2, 5, 3})));
        }) == "GroupNorm: x is (B=2, H=5, L=3), expected H = features = 6");
}
