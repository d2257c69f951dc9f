#include "longwave/ops/edge_loss.hpp"

#include "check.hpp"
#include "host_place.hpp"
#include "longwave/autograd/functions/ssim.hpp"
#include "longwave/autograd/grad_check.hpp"
#include "typed_ssim.hpp"

using namespace longwave;
using test::random;

TEST_CASE("edge_loss: differences of neighbours along both axes, and its gradients") {
  // [snippet: op_edge_loss]
  Tensor<double, 2> x(2, 3), t(2, 3);
  x(0, 1) = 2;
  x(1, 2) = -3;
  Tape<double> tape;
  // d = 0 2 0 / 0 0 -3: along rows |2| |-2| |0| |-3| over 4, along columns |0| |-2| |-3| over 3
  CHECK(edge_loss(tape.input(x), tape.input(t)).value()() == Approx(7.0 / 4 + 5.0 / 3));
  // [/snippet]
  auto a = random<double, 3>({2, 4, 5}, 12);
  auto b = random<double, 3>({2, 4, 5}, 13);
  const GradCheck check = grad_check([](auto&, auto u, auto v) { return edge_loss(u, v); }, a, b);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  Tensor<double, 2> line(1, 5);
  CHECK_THROWS_WITH(edge_loss(tape.input(line), tape.input(line)), Catch::Contains("edge_loss: axis 0 of x (1, 5)"));
}

TEMPLATE_TEST_CASE("edge_loss: the tests of every device", "", float, double) {
  test::check_edge_loss_sizes<TestType, Host>();
}

TEST_CASE("edge_loss: images of more axes, also strided ones, are taken as a list") {
  auto a = random<double, 4>({2, 3, 4, 5}, 14), b = random<double, 4>({2, 3, 4, 5}, 15);
  Tape<double> tape;
  const double want =
      edge_loss(reshape(tape.input(a), Extents<3>{6, 4, 5}), reshape(tape.input(b), Extents<3>{6, 4, 5})).value()();
  CHECK(edge_loss(tape.input(a), tape.input(b)).value()() == want);
  Tensor<double, 4> turned(3, 2, 4, 5);
  copy(turned.view(), a.view().transpose(0, 1));
  const TensorView<double, 4> strided = turned.view().transpose(0, 1);
  CHECK(edge_loss(tape.input(strided), tape.input(b)).value()() == want);
}

TEST_CASE("edge_loss: errors name the sizes") {
  Tensor<float, 3> x(1, 3, 1), t(1, 3, 2), wrong(1, 2, 2);
  Tensor<float, 0> y{Extents<0>()};
  CHECK(test::error_text<ShapeError>([&] { ops::EdgeLoss::forward(y.view(), x, t); }) ==
        "edge_loss: x and t differ in shape: x is (1, 3, 1), t is (1, 3, 2)");
  CHECK(test::error_text<ShapeError>([&] { ops::EdgeLoss::forward(y.view(), x, x); }) ==
        "edge_loss: x is (1, 3, 1) (P, h, w); axis 2 has no neighbours, expected 2 samples or more");
  CHECK(test::error_text<ShapeError>([&] { ops::EdgeLoss::backward(wrong.view(), {}, y, t, t); }) ==
        "edge_loss: dx is (1, 2, 2), expected (1, 3, 2)");
}
