#include "longwave/ops/gate.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/gate.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("gate: agrees with tanh and sigmoid of the halves", "", float, double) {
  using T = TestType;
  for (const auto& sizes : {Extents<3>{1, 2, 1}, Extents<3>{2, 6, 17}, Extents<3>{3, 2, 0}, Extents<3>{0, 4, 5},
                            Extents<3>{2, 0, 3}, Extents<3>{1, 14, 131}}) {
    const auto x = random<T>(sizes, 1, T(3));
    const index_t B = sizes[0], K = sizes[1] / 2, L = sizes[2];
    const auto dy = random<T>(Extents<3>{B, K, L}, 2);
    Tensor<T, 3> y(B, K, L), dx(sizes);
    Tensor<double, 3> want(B, K, L), dwant(sizes);
    for (index_t b = 0; b < B; ++b)
      for (index_t k = 0; k < K; ++k)
        for (index_t l = 0; l < L; ++l) {
          const double t = std::tanh(double(x(b, k, l))), s = 1 / (1 + std::exp(-double(x(b, K + k, l))));
          want(b, k, l) = t * s;
          dwant(b, k, l) = double(dy(b, k, l)) * s * (1 - t * t);
          dwant(b, K + k, l) = double(dy(b, k, l)) * t * s * (1 - s);
        }
    ops::Gate::forward(y.view(), x);
    ops::Gate::backward(dx, std::as_const(dy).view(), x);
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-15;  // two functions of 3 ulp and their product
    CHECK(relative_error(y, want) < tolerance);
    CHECK(relative_error(dx, dwant) < tolerance);
  }
}

TEMPLATE_TEST_CASE("gate: pieces of 16 bytes, as on the device, agree with the op", "", float, double) {
  using T = TestType;
  for (const auto& sizes : {Extents<3>{3, 8, 5}, Extents<3>{2, 2, 4}, Extents<3>{1, 14, 12}}) {
    const index_t half = sizes[1] / 2 * sizes[2], pieces = sizes[0] * half / impl::Piece<T>::width;
    const auto x = random<T>(sizes, 1, T(3)), dy = random<T>(ops::Gate::output_sizes(sizes), 2);
    Tensor<T, 3> y(dy.sizes()), dx(sizes), y_want(dy.sizes()), dx_want(sizes);
    ops::Gate::forward(y_want.view(), x);
    ops::Gate::backward(dx_want, std::as_const(dy).view(), x);
    for (index_t i = 0; i < pieces; ++i) impl::GateForwardWide<T>{y.data(), x.data(), half}(i);
    for (index_t i = 0; i < pieces; ++i) impl::GateBackwardWide<T>{dx.data(), dy.data(), x.data(), half}(i);
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-15;
    CHECK(relative_error(y, y_want) < tolerance);
    CHECK(relative_error(dx, dx_want) < tolerance);
  }
}

TEST_CASE("gate: strided views and backward in place") {
  const auto x = random<double>(Extents<3>{2, 5, 6}, 1), dy = random<double>(Extents<3>{2, 5, 3}, 2);
  Tensor<double, 3> strided(2, 5, 3), dense(2, 3, 5), dx(2, 6, 5), dx_strided(2, 5, 6);
  Tensor<double, 3> x_dense(2, 6, 5), dy_dense(2, 3, 5);
  copy(x_dense.view(), x.view().transpose(1, 2));
  copy(dy_dense.view(), dy.view().transpose(1, 2));
  ops::Gate::forward(strided.view().transpose(1, 2), x.view().transpose(1, 2));
  ops::Gate::forward(dense.view(), x_dense);
  CHECK(relative_error(strided.view().transpose(1, 2), dense.view()) == 0);
  ops::Gate::backward(dx, std::as_const(dy_dense).view(), x_dense);
  ops::Gate::backward(dx_strided.view().transpose(1, 2), dy.view().transpose(1, 2), x.view().transpose(1, 2));
  CHECK(relative_error(dx_strided.view().transpose(1, 2), dx.view()) == 0);
  ops::Gate::backward(x_dense, std::as_const(dy_dense).view(), x_dense);
  CHECK(relative_error(x_dense, dx) == 0);
}

TEST_CASE("gate: gradients agree with finite differences") {
  auto x = random<double>(Extents<3>{2, 4, 5}, 1);
  const GradCheck check = grad_check([](Tape<double>&, auto v) { return gate(v); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("gate: large arguments saturate, NaN stays") {
  Tensor<float, 3> x(1, 2, 3), y(1, 1, 3), dx(1, 2, 3), dy(1, 1, 3);
  for (int l = 0; l < 3; ++l) dy(0, 0, l) = 1;
  x(0, 0, 0) = 100, x(0, 1, 0) = 100;
  x(0, 0, 1) = -100, x(0, 1, 1) = -100;
  x(0, 0, 2) = NAN;
  ops::Gate::forward(y.view(), x);
  ops::Gate::backward(dx, std::as_const(dy).view(), x);
  CHECK(y(0, 0, 0) == 1);
  CHECK(std::abs(y(0, 0, 1)) < 1e-30f);
  CHECK(std::isnan(y(0, 0, 2)));
  CHECK(dx(0, 0, 0) == 0);
  CHECK(std::abs(dx(0, 1, 1)) < 1e-30f);
}

TEST_CASE("gate: errors name the shapes") {
  const Tensor<float, 3> x(2, 6, 5), odd(2, 5, 5);
  Tensor<float, 3> y(2, 3, 5), wrong(2, 3, 4);
  CHECK(error_text<ShapeError>([&] { ops::Gate::forward(wrong.view(), x); }) ==
        "gate: y is (B=2, K=3, L=4), expected (B=2, K=3, L=5) for x (B=2, K=6, L=5)");
  CHECK(error_text<ShapeError>([&] { ops::Gate::forward(y.view(), odd); }) ==
        "gate: x is (B=2, K=5, L=5), expected an even number of channels: it is cut in halves");
  CHECK(error_text<ShapeError>([&] { ops::Gate::backward(wrong, std::as_const(y).view(), x); }) ==
        "gate: dx is (B=2, K=3, L=4), expected (B=2, K=6, L=5)");
}
