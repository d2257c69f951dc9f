#include "longwave/nn/linear.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/reduce.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("linear: applies to the last axis of any rank", "", float, double) {
  using T = TestType;
  Generator gen(1);
  Linear<T> layer({.in = 5, .out = 3}, gen);
  const auto x = random<T>(Extents{2, 4, 5});
  Tape<T> tape;
  const auto y = layer(tape, tape.input(x)).value();
  REQUIRE(y.sizes() == Extents{2, 4, 3});
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 4; ++l)
      for (index_t o = 0; o < 3; ++o) {
        double want = double(layer.bias.value(o));
        for (index_t i = 0; i < 5; ++i) want += double(x(b, l, i)) * double(layer.weight.value(o, i));
        CHECK(std::abs(double(y(b, l, o)) - want) < (std::is_same_v<T, float> ? 1e-6 : 1e-15));  // sums of 6 terms
      }
  const auto vector = layer(tape, tape.input(x.view()[0][1])).value();
  for (index_t o = 0; o < 3; ++o) CHECK(vector(o) == y(0, 1, o));
}

TEST_CASE("linear: gradients against differences, with and without bias, strided rows") {
  auto x = random<double>(Extents{2, 3, 5});
  auto W = random<double>(Extents{4, 5}, 2);
  auto b = random<double>(Extents{4}, 3);
  auto check = grad_check([](auto&, auto vx, auto vW, auto vb) { return linear(vx, vW, vb); }, x, W, b);
  INFO(check.text());
  CHECK(check.error < 1e-7);  // differences in double lose half of the digits
  check = grad_check([](auto&, auto vx, auto vW) { return linear(vx, vW); }, x, W);
  CHECK(check.error < 1e-7);
  auto A = random<double>(Extents{3, 2, 5}, 4), B = random<double>(Extents{3, 5, 4}, 5);
  check = grad_check([](auto&, auto vA, auto vB) { return matmul(vA, vB); }, A, B);
  CHECK(check.error < 1e-7);
  auto S = random<double>(Extents{4, 4}, 6);
  check = grad_check([](auto&, auto vS) { return matmul(vS, vS); }, S);  // both operands the same value
  CHECK(check.error < 1e-7);

  Tape<double> tape;
  const TensorView<double, 3> every_other{x.data(), Extents{2, 1, 5}, Extents{15, 10, 1}};
  const auto y = linear(tape.input(every_other), tape.input(W)).value();
  const auto dense = linear(tape.input(x), tape.input(W)).value();
  for (index_t o = 0; o < 4; ++o) CHECK(y(1, 0, o) == dense(1, 0, o));
  CHECK(error_text<ShapeError>([&] {
          linear(tape.input(x.view().transpose(0, 1)), tape.input(W));
        }).find("copy it first") != std::string::npos);
}

TEMPLATE_TEST_CASE("linear_relu: what is below zero is zero, for any rank and without a bias", "", float, double) {
  using T = TestType;
  Generator gen(1);
  Linear<T> layer({.in = 5, .out = 3}, gen), plain({.in = 5, .out = 3, .bias = false}, gen);
  auto x = random<T>(Extents{2, 4, 5});
  x(0, 0, 0) = NAN;
  Tape<T> tape;
  const auto compare = [&](auto& map, auto input) {
    const auto y = map.with_relu(tape, input).value(), want = map(tape, input).value();
    REQUIRE(y.sizes() == want.sizes());
    const auto got = y.flat(), before = want.flat();
    for (index_t i = 0; i < got.count(); ++i)
      CHECK((std::isnan(before(i)) ? std::isnan(got(i)) : got(i) == std::max(before(i), T(0))));
  };
  compare(layer, tape.input(x));
  compare(plain, tape.input(x));
  compare(layer, tape.input(x.view()[1]));
  compare(layer, tape.input(x.view()[1][2]));
}

TEST_CASE("linear_relu: gradients against differences, and zero where the value was cut") {
  auto x = random<double>(Extents{2, 3, 5});
  auto W = random<double>(Extents{4, 5}, 2);
  auto b = random<double>(Extents{4}, 3);
  auto check = grad_check([](auto&, auto vx, auto vW, auto vb) { return linear_relu(vx, vW, vb); }, x, W, b);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  check = grad_check([](auto&, auto vx, auto vW) { return linear_relu(vx, vW); }, x, W);
  CHECK(check.error < 1e-7);
  b(2) = -100;
  Tape<double> tape;
  const auto vx = tape.variable(x.view());
  const auto vW = tape.variable(W.view());
  const auto vb = tape.variable(b.view());
  tape.backward(sum(linear_relu(vx, vW, vb)));
  CHECK((vb.grad()(2) == 0 && vW.grad()(2, 0) == 0));
  CHECK(error_text<ShapeError>([&] { linear_relu(vx, tape.input(Tensor<double, 2>(4, 6))); }) ==
        "linear: x and W disagree on I: x is (R=6, I=5), W is (O=4, I=6)");
  CHECK(error_text<ShapeError>([&] { linear_relu(vx, vW, tape.input(Tensor<double, 1>(3))); }) ==
        "linear: b is (O=3), expected (O=4)");
}

TEST_CASE("linear: names, start values and options") {
  Generator gen(1);
  Linear<float> layer({.in = 100, .out = 70}, gen);
  const auto refs = parameters<float>(layer);
  REQUIRE(refs.size() == 2);
  CHECK(refs[0].name == "weight");
  CHECK(refs[0].shape == std::vector<index_t>{70, 100});
  CHECK(refs[1].name == "bias");
  for (const auto& ref : refs)
    for (index_t i = 0; i < ref.count; ++i) CHECK(std::abs(ref.value[i]) <= 0.1f);  // 1 / sqrt(in)
  Linear<float> plain({.in = 2, .out = 3, .bias = false}, gen);
  CHECK(count_parameters(plain) == 6);
  CHECK(error_text<ValueError>([&] { Linear<float>({.out = 3}, gen); }) == "Linear: in is 0, expected at least 1");
  Tape<float> tape;
  Tensor<float, 2> x(4, 3);
  CHECK(error_text<ShapeError>([&] { plain(tape, tape.input(x)); }) ==
        "linear: x and W disagree on I: x is (R=4, I=3), W is (O=3, I=2)");
}

TEST_CASE("linear: parameters gather gradients over several uses") {
  Generator gen(1);
  Linear<double> layer({.in = 2, .out = 2}, gen);
  const auto x = random<double>(Extents{3, 2});
  Tensor<double, 2> ones(3, 2);
  for (index_t i = 0; i < 6; ++i) ones.data()[i] = 1;
  Tape<double> tape;
  for (int round = 1; round <= 2; ++round) {
    tape.rewind();
    tape.backward(layer(tape, tape.input(x)), ones.view());
    CHECK(layer.bias.grad(0) == 3.0 * round);
  }
}
