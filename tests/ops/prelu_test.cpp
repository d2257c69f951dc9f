#include "longwave/autograd/functions/prelu.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("prelu: x above zero, a x from zero down", "", float, double) {
  using T = TestType;
  for (const index_t n : {0, 1, 17, 997}) {
    const auto x = random<T>(Extents(3, n), 3);
    Tensor<T, 2> y(3, n), want(3, n);
    Tensor<T, 1> a(1);
    a(0) = T(0.25);
    for (index_t i = 0; i < x.count(); ++i) want.data()[i] = x.data()[i] > 0 ? x.data()[i] : T(0.25) * x.data()[i];
    ops::Prelu::forward(y.view(), x, a);
    CHECK(relative_error(y, want) == 0);
    auto again = x.clone();
    ops::Prelu::forward(again.view(), again, a);
    CHECK(relative_error(again, want) == 0);
  }
}

TEST_CASE("prelu: gradients of x and of the slope") {
  auto x = random<double>(Extents(2, 3, 5), 4);
  auto a = random<double>(Extents<1>(1), 5);
  const GradCheck check = grad_check([](auto&, auto v, auto slope) { return prelu(v, slope); }, x, a);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("prelu: the slope's gradient is added to, and holds at zero as below it") {
  Tensor<double, 1> x(3), dy(3), dx(3), a(1), da(1);
  x(0) = -2, x(1) = 0, x(2) = 3;
  dy(0) = dy(1) = dy(2) = 1;
  a(0) = 0.5;
  da(0) = 10;
  ops::Prelu::backward(dx.view(), da.view(), dy, x, a);
  CHECK(da(0) == 8);
  CHECK(dx(0) == 0.5);
  CHECK(dx(1) == 0.5);
  CHECK(dx(2) == 1);
}

TEST_CASE("prelu: a wrong shape is named") {
  Tensor<float, 2> x(2, 3), y(3, 2);
  Tensor<float, 1> a(1), slopes(3);
  CHECK(error_text<ShapeError>([&] { ops::Prelu::forward(y.view(), x, a); }) ==
        "prelu: y and x differ in shape: y is (3, 2), x is (2, 3)");
  CHECK(error_text<ShapeError>([&] { ops::Prelu::forward(x.view(), x, slopes); }) == "prelu: a is (3), expected (1)");
}
