#include "longwave/ops/weight_norm.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/weight_norm.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("weight_norm: rows have the length g and the direction of v", "", float, double) {
  using T = TestType;
  for (const auto& sizes : {Extents<2>{1, 1}, Extents<2>{3, 7}, Extents<2>{17, 31}, Extents<2>{0, 4}}) {
    const auto v = random<T>(sizes, 1);
    const auto g = random<T>(Extents<1>{sizes[0]}, 2);
    Tensor<T, 2> W(sizes), transposed(sizes[1], sizes[0]);
    Tensor<double, 2> want(sizes);
    for (index_t o = 0; o < sizes[0]; ++o) {
      double square = 0;
      for (index_t i = 0; i < sizes[1]; ++i) square += double(v(o, i)) * double(v(o, i));
      for (index_t i = 0; i < sizes[1]; ++i) want(o, i) = double(g(o)) * double(v(o, i)) / std::sqrt(square);
    }
    ops::WeightNorm::forward(W.view(), g, v);
    ops::WeightNorm::forward(transposed.view().transpose(0, 1), g, v);
    const double tolerance = sizeof(T) == 4 ? 2e-7 : 1e-15;  // one rounding of a result in double
    CHECK(relative_error(W, want) < tolerance);
    CHECK(relative_error(transposed.view().transpose(0, 1), W.view()) == 0);
  }
}

TEST_CASE("weight_norm: gradients of length and direction agree with finite differences") {
  auto v = random<double>(Extents<2>{3, 5}, 1);
  auto g = random<double>(Extents<1>{3}, 2);
  const GradCheck check = grad_check([](Tape<double>&, auto a, auto b) { return weight_norm(a, b); }, v, g);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("weight_norm: gradients are added to, and each may be left out") {
  const auto v = random<double>(Extents<2>{3, 5}, 1), dW = random<double>(Extents<2>{3, 5}, 3);
  const auto g = random<double>(Extents<1>{3}, 2);
  Tensor<double, 2> dv(3, 5), twice(3, 5);
  Tensor<double, 1> dg(3);
  ops::WeightNorm::backward(dg.view(), {}, dW.view(), g, v);
  ops::WeightNorm::backward({}, dv.view(), dW.view(), g, v);
  for (int i = 0; i < 2; ++i) ops::WeightNorm::backward({}, twice.view(), dW.view(), g, v);
  CHECK(dg(0) != 0);
  CHECK(dv(2, 4) != 0);
  CHECK(twice(2, 4) == Approx(2 * dv(2, 4)));
}

TEST_CASE("weight_norm: errors name the shapes") {
  const Tensor<float, 2> v(3, 5);
  Tensor<float, 2> W(3, 5), wrong(5, 3);
  const Tensor<float, 1> g(3), short_g(2);
  CHECK(error_text<ShapeError>([&] { ops::WeightNorm::forward(wrong.view(), g, v); }) ==
        "weight_norm: W and v differ in shape: W is (5, 3), v is (3, 5)");
  CHECK(error_text<ShapeError>([&] { ops::WeightNorm::forward(W.view(), short_g, v); }) ==
        "weight_norm: g is (O=2), expected (O=3)");
}
