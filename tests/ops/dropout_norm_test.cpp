#include "longwave/ops/dropout_norm.hpp"

#include "check.hpp"
#include "host_place.hpp"
#include "longwave/autograd/grad_check.hpp"
#include "typed_dropout_norm.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("dropout_add_norm: dropout, sum and layer_norm one after the other", "", float, double) {
  check_dropout_add_norms<TestType, Host>();
  check_dropout_add_norm_on_tape<TestType, Host>();
}

TEST_CASE("dropout_add_norm: gradients") {
  auto x = random<double>(Extents(2, 5, 3), 61), r = random<double>(Extents(2, 5, 3), 62);
  auto weight = random<double>(Extents(5), 63), bias = random<double>(Extents(5), 64);
  for (const double p : {0.0, 0.4}) {
    const auto f = [=](auto& tape, auto a, auto b, auto w, auto v) {
      static Generator gen(0);
      gen = Generator(65);  // the same draw at every evaluation
      tape.train(gen);
      return dropout_add_norm(a, b, w, v, p);
    };
    CHECK(grad_check(f, x, r, weight, bias).error < 1e-7);
  }
}

TEST_CASE("dropout_add_norm: one mean and one deviation per position of what is kept") {
  // [snippet: op_dropout_norm]
  const auto x = random<float>(Extents<3>{2, 8, 50}, 1), r = random<float>(Extents<3>{2, 8, 50}, 2);
  Tensor<float, 3> y(x.sizes()), sum(x.sizes());
  const PhiloxKey key = Generator(7).next();
  ops::DropoutAddNorm::forward(y.view(), sum.view(), {}, {}, x, r, {}, {}, key, 0.3);
  Tensor<float, 3> kept(x.sizes());
  ops::Dropout::forward(kept.view(), r, key, 0.3, /*tied=*/true);  // a channel of r stays for all of time, or goes
  CHECK(std::abs(sum(1, 2, 3) - (x(1, 2, 3) + kept(1, 2, 3))) < 1e-6f);
  // [/snippet]
  for (index_t b = 0; b < 2; ++b) {
    double mean = 0, square = 0;
    for (index_t h = 0; h < 8; ++h) mean += static_cast<double>(y(b, h, 9)) / 8;
    for (index_t h = 0; h < 8; ++h) square += static_cast<double>(y(b, h, 9)) * static_cast<double>(y(b, h, 9)) / 8;
    CHECK(std::abs(mean) < 1e-6);
    CHECK(std::abs(square - 1) < 1e-3);  // eps
  }
}

TEST_CASE("dropout_add_norm: wrong shapes and shares are named") {
  Tensor<float, 3> x(2, 3, 4), other(2, 3, 5), y(2, 3, 4), sum(2, 3, 4);
  const PhiloxKey key{1, 2, 3};
  using Op = ops::DropoutAddNorm;
  CHECK(error_text<ShapeError>([&] { Op::forward(y.view(), sum.view(), {}, {}, x, other, {}, {}, key, 0.1); }) ==
        "dropout_add_norm: r and x differ in shape: r is (2, 3, 5), x is (2, 3, 4)");
  CHECK(error_text<ShapeError>([&] { Op::forward(y.view(), other.view(), {}, {}, x, x, {}, {}, key, 0.1); }) ==
        "dropout_add_norm: sum and x differ in shape: sum is (2, 3, 5), x is (2, 3, 4)");
  CHECK(error_text<ValueError>([&] { Op::forward(y.view(), sum.view(), {}, {}, x, x, {}, {}, key, 1.5); }) ==
        "dropout: p is 1.500000, expected 0 <= p < 1 (the share that is dropped)");
  Tensor<float, 2> mean(2, 4), rstd(2, 4);
  CHECK(error_text<ShapeError>([&] {
          Op::backward(y.view(), other.view(), {}, {}, TensorView<const float, 3>(x.view()), mean, rstd, sum, {}, key,
                       0.1);
        }) == "dropout_add_norm: dr is (2, 3, 5), expected (2, 3, 4)");
}
