#include "longwave/nn/step_ops.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

// What the steps compute is compared with the layers in the tests of those; here: strides, sizes, in place.
TEMPLATE_TEST_CASE("step ops: strided rows and rows of any length give what dense rows give", "", float, double) {
  using T = TestType;
  for (const index_t H : {1, 15, 16, 37}) {
    const auto x = random<T>(Extents<2>{3, H}), W = random<T>(Extents<2>{5, H}, 2), xt = random<T>(Extents<2>{H, 3}, 3);
    const auto w = random<T>(Extents<1>{H}, 4), b = random<T>(Extents<1>{5}, 5);
    Tensor<T, 2> y(3, 5), z(3, H), dense(3, H), again(3, 5);
    for (index_t n = 0; n < 3; ++n)
      for (index_t h = 0; h < H; ++h) dense(n, h) = xt(h, n);
    impl::affine_step(y.view(), xt.view().transpose(0, 1), W, b);
    impl::affine_step(again.view(), dense, W, b);
    CHECK(relative_error(y, again) == 0);
    double want = double(b(4));
    for (index_t h = 0; h < H; ++h) want += double(W(4, h)) * double(dense(2, h));
    CHECK(std::abs(double(y(2, 4)) - want) < (sizeof(T) == 4 ? 1e-5 : 1e-14) * double(H + 1));

    impl::layer_norm_step(z.view(), x, w, {}, 1e-5);
    Tensor<T, 2> place = x.clone();
    impl::layer_norm_step(place.view(), place, w, {}, 1e-5);
    CHECK(relative_error(place, z) == 0);

    const auto v = random<T>(Extents<2>{3, H}, 6);
    Tensor<T, 2> sum(3, H), place_of_v = v.clone();
    impl::weighted_sum_step<T>(sum.view(), x, v, T(2), T(0.5));
    CHECK(std::abs(double(sum(2, H - 1)) - (2 * double(x(2, H - 1)) + 0.5 * double(v(2, H - 1)))) < 1e-6);
    impl::weighted_sum_step<T>(sum.view(), x, v, T(1), T(1));
    impl::layer_norm_step(z.view(), sum, w, {}, 1e-5);
    impl::add_layer_norm_step(place_of_v.view(), x, place_of_v, w, {}, 1e-5);
    CHECK(relative_error(place_of_v, z) == 0);

    Tensor<T, 2> repeated(3, 2 * H), copied(3, H);
    impl::repeat_step(repeated.view(), x);
    CHECK((repeated(2, 2 * H - 1) == x(2, H - 1) && repeated(1, 0) == x(1, 0) && repeated(1, 1) == x(1, 0)));
    impl::copy_step(copied.view(), xt.view().transpose(0, 1));
    CHECK(relative_error(copied, dense) == 0);
  }
}

TEST_CASE("step ops: what a weight of zero leaves out may be anything") {
  Tensor<float, 2> x(1, 2), y(1, 2), z(1, 2);
  x(0, 0) = NAN;
  y(0, 0) = 3;
  impl::weighted_sum_step<float>(z.view(), x, y, 0, 2);
  CHECK(z(0, 0) == 6);
}

TEST_CASE("step ops: products of few inputs") {
  for (const index_t I : {1, 2, 15, 16}) {
    const auto x = random<double>(Extents<2>{2, I}), W = random<double>(Extents<2>{7, I}, 2);
    const auto b = random<double>(Extents<1>{7}, 3);
    Tensor<double, 2> y(2, 7), strided(7, 2), unbiased(2, 7);
    impl::affine_step(y.view(), x, W, b);
    impl::affine_step(strided.view().transpose(0, 1), x, W, b);
    impl::affine_step(unbiased.view(), x, W, {});
    for (index_t n = 0; n < 2; ++n)
      for (index_t o = 0; o < 7; ++o) {
        double want = 0;
        for (index_t i = 0; i < I; ++i) want += W(o, i) * x(n, i);
        CHECK(std::abs(unbiased(n, o) - want) < 1e-14);
        CHECK(std::abs(y(n, o) - want - b(o)) < 1e-14);
        CHECK(std::abs(strided(o, n) - y(n, o)) < 1e-14);
      }
  }
}
