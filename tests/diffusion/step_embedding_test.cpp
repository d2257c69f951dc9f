#include "longwave/diffusion/step_embedding.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("step_embedding: has the published values", "", float, double) {
  using T = TestType;
  Tensor<index_t, 1> steps(2);
  steps(1) = 199;
  Tensor<T, 2> y(2, 128);
  step_embedding(y.view(), steps);
  for (index_t i = 0; i < 64; ++i) {  // step 0
    CHECK(y(0, i) == 0);
    CHECK(y(0, 64 + i) == 1);
  }
  const double sines[] = {-0.88179884, 0.75384501, 0.01989869}, cosines[] = {-0.47162571, -0.65705229, 0.99980200};
  const index_t at[] = {0, 1, 63};
  for (int i = 0; i < 3; ++i) {
    CHECK(std::abs(double(y(1, at[i])) - sines[i]) < 1e-7);  // eight digits are known; float rounds at 6e-8
    CHECK(std::abs(double(y(1, 64 + at[i])) - cosines[i]) < 1e-7);
  }
}

TEMPLATE_TEST_CASE("step_embedding: agrees with the formula at any size and stride", "", float, double) {
  using T = TestType;
  for (const index_t B : {0, 1, 5})
    for (const index_t dim : {2, 4, 6, 34}) {
      Tensor<index_t, 1> steps(B);
      for (index_t b = 0; b < B; ++b) steps(b) = 37 * b;
      Tensor<T, 2> y(B, dim), transposed(dim, B);
      Tensor<double, 2> want(B, dim);
      const index_t half = dim / 2;
      for (index_t b = 0; b < B; ++b)
        for (index_t i = 0; i < half; ++i) {
          const double f = half > 1 ? std::pow(10000.0, -double(i) / double(half - 1)) : 1;
          want(b, i) = std::sin(double(steps(b)) * f);
          want(b, half + i) = std::cos(double(steps(b)) * f);
        }
      step_embedding(y.view(), steps);
      step_embedding(transposed.view().transpose(0, 1), steps);
      CHECK(relative_error(y, want) < (sizeof(T) == 4 ? 6e-8 : 1e-13));  // one rounding of numbers up to 1
      CHECK(relative_error(transposed.view().transpose(0, 1), y.view()) == 0);
    }
}

TEST_CASE("step_embedding: errors name the shapes") {
  const Tensor<index_t, 1> steps(3);
  Tensor<float, 2> odd(3, 5), none(3, 0), y(2, 4);
  CHECK(error_text<ShapeError>([&] { step_embedding(odd.view(), steps); }) ==
        "step_embedding: y is (B=3, D=5), expected an even D of at least 2");
  CHECK(error_text<ShapeError>([&] { step_embedding(none.view(), steps); }) ==
        "step_embedding: y is (B=3, D=0), expected an even D of at least 2");
  CHECK(error_text<ShapeError>([&] { step_embedding(y.view(), steps); }) ==
        "step_embedding: steps is (B=3), expected (B=2)");
}
