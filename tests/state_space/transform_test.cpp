#include "longwave/state_space/transform.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr Transform every_transform[] = {Transform::exp, Transform::none, Transform::relu, Transform::sigmoid,
                                         Transform::softplus};

}  // namespace

TEST_CASE("transform: values, and slopes by central differences") {
  for (const double x : {-30.0, -3.0, -0.7, -1e-3, 1e-3, 0.4, 2.0, 30.0}) {
    const double want[] = {std::exp(x), x, (x > 0 ? x : 0) + 1e-4, 1 / (1 + std::exp(-x)), std::log(1 + std::exp(x))};
    for (int i = 0; i < 5; ++i) {
      const Transform f = every_transform[i];
      const Transformed y = transformed(f, x);
      INFO(name_of(f) << " at " << x);
      // the plain log(1 + e^x) of the comparison knows e^x to 1e-16 of 1 only
      CHECK(std::abs(y.value - want[i]) <= 1e-14 * std::abs(want[i]) + 2e-16);
      const double h = 1e-6 * std::max(1e-3, std::abs(x));
      const double difference = (transformed(f, x + h).value - transformed(f, x - h).value) / (2 * h);
      CHECK(y.slope == Approx(difference).epsilon(1e-6).margin(1e-9));
    }
  }
}

TEST_CASE("transform: the ends neither overflow nor cancel") {
  CHECK(transformed(Transform::softplus, -50).value == Approx(std::exp(-50.0)).epsilon(1e-14));
  CHECK(transformed(Transform::softplus, 800).value == 800);
  CHECK(transformed(Transform::softplus, -800).value == 0);
  CHECK(transformed(Transform::sigmoid, -50).value == Approx(std::exp(-50.0)).epsilon(1e-14));
  CHECK(transformed(Transform::sigmoid, 800).value == 1);
  for (const Transform f : {Transform::softplus, Transform::sigmoid, Transform::relu})
    for (const double x : {-800.0, 0.0, 800.0}) CHECK(std::isfinite(transformed(f, x).slope));
  CHECK(transformed(Transform::relu, 0).slope == 0);
}

TEST_CASE("transform: the inverse gives the value back, relu with its offset on top") {
  for (const Transform f : every_transform)
    for (const double v : {1e-4, 1e-2, 0.5, 0.99, 1.0, 3.0, 700.0, 5000.0}) {
      if (f == Transform::sigmoid && v >= 1) continue;
      INFO(name_of(f) << " of " << v);
      const double offset = f == Transform::relu ? 1e-4 : 0;
      CHECK(transformed(f, inverse_transform(f, v)).value == Approx(v + offset).epsilon(1e-12));
    }
}

TEST_CASE("transform: names, and what cannot be stored") {
  for (const Transform f : every_transform) CHECK(transform_of(name_of(f)) == f);
  CHECK(error_text<ValueError>([] { transform_of("log", "dt_transform"); }) ==
        "dt_transform: 'log' is unknown, expected one of exp, none, relu, sigmoid, softplus");
  CHECK(error_text<ValueError>([] { inverse_transform(Transform::sigmoid, 3, "imag_transform"); }) ==
        "imag_transform: sigmoid cannot start at 3.000000, its values are between 0 and 1");
  CHECK(error_text<ValueError>([] { inverse_transform(Transform::exp, 0); }) ==
        "transform: exp cannot start at 0.000000, its values are above 0");
  CHECK(error_text<ValueError>([] { inverse_transform(Transform::none, NAN); }).find("none cannot start at") !=
        std::string::npos);
}
