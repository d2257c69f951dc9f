#include "longwave/ops/mask_lengths.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/mask.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<index_t, 1> some_lengths() {
  Tensor<index_t, 1> lengths(3);
  lengths(0) = 0;
  lengths(1) = 4;
  lengths(2) = 7;
  return lengths;
}

}  // namespace

TEMPLATE_TEST_CASE("mask_lengths: zeros from the length on, whatever stands there", "", float, double) {
  using T = TestType;
  auto x = random<T>(Extents<3>{3, 2, 7}, 1);
  x(0, 1, 6) = x(1, 0, 5) = T(NAN);
  const auto lengths = some_lengths();
  Tensor<T, 3> y(3, 2, 7), strided(7, 2, 3);
  ops::MaskLengths::forward(y.view(), x, lengths.view());
  ops::MaskLengths::forward(strided.view().transpose(0, 2), x, lengths.view());
  for (index_t b = 0; b < 3; ++b)
    for (index_t h = 0; h < 2; ++h)
      for (index_t l = 0; l < 7; ++l) {
        CHECK(y(b, h, l) == (l < lengths(b) ? x(b, h, l) : T(0)));
        CHECK(strided(l, h, b) == y(b, h, l));
      }
}

TEST_CASE("mask_lengths: its gradient is masked in the same way") {
  auto x = random<double>(Extents<3>{3, 2, 7}, 1);
  const auto lengths = some_lengths();
  const GradCheck check = grad_check([&](Tape<double>&, auto in) { return mask_lengths(in, lengths.view()); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("mask_lengths: no sequences, no samples") {
  const Tensor<index_t, 1> none(0), zero(2);
  Tensor<float, 3> a(0, 2, 5), b(2, 2, 0);
  ops::MaskLengths::forward(a.view(), a, none.view());
  ops::MaskLengths::forward(b.view(), b, zero.view());
  CHECK(a.count() + b.count() == 0);
}

TEST_CASE("mask_lengths: errors name shapes and the length") {
  const Tensor<float, 3> x(3, 2, 5), other(3, 2, 4);
  Tensor<float, 3> y(3, 2, 5);
  CHECK(error_text<ValueError>([&] { ops::MaskLengths::forward(y.view(), x, some_lengths().view()); }) ==
        "mask_lengths: lengths[2] is 7, expected 0 to L=5");
  CHECK(error_text<ShapeError>([&] { ops::MaskLengths::forward(y.view(), x, Tensor<index_t, 1>(2).view()); }) ==
        "mask_lengths: lengths is (B=2), expected (B=3)");
  CHECK(error_text<ShapeError>([&] { ops::MaskLengths::forward(y.view(), other, some_lengths().view()); }) ==
        "mask_lengths: y and x differ in shape: y is (3, 2, 5), x is (3, 2, 4)");
}
