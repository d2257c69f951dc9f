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
  }
}
