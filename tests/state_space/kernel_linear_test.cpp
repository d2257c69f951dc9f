#include "longwave/state_space/kernel_linear.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("kernel_linear: agrees with the sums over modes, forward and backward", "", float, double) {
  using T = TestType;
  for (const index_t L : {0, 1, 7, 33}) {
    const index_t C = 2, H = 3, N = 5;
    const auto weights = random<T>(Extents<4>{C, H, N, 2}, 1);
    const auto table = random<T>(Extents<3>{H, 2 * N, L + 2}, 2);  // longer than needed
    const auto dK = random<T>(Extents<3>{C, H, L}, 3);
    Tensor<T, 3> K(C, H, L);
    Tensor<T, 4> dC(C, H, N, 2);
    Tensor<double, 3> want(C, H, L);
    Tensor<double, 4> dwant(C, H, N, 2);
    for (index_t c = 0; c < C; ++c)
      for (index_t h = 0; h < H; ++h)
        for (index_t j = 0; j < 2 * N; ++j)
          for (index_t l = 0; l < L; ++l) {
            want(c, h, l) += double(weights(c, h, j / 2, j % 2)) * double(table(h, j, l));
            dwant(c, h, j / 2, j % 2) += 2 * double(dK(c, h, l)) * double(table(h, j, l));
          }
    ops::KernelLinear::forward(K.view(), weights, table);
    for (int twice = 0; twice < 2; ++twice) ops::KernelLinear::backward(dC.view(), dK, table);  // added to
    const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
    CHECK(relative_error(K, want) < tolerance);
    CHECK(relative_error(dC, dwant) < tolerance);
  }
}

TEST_CASE("kernel_linear: errors name the shapes") {
  const Tensor<float, 4> C(2, 3, 5, 2);
  const Tensor<float, 3> table(3, 10, 6), short_table(3, 10, 3);
  Tensor<float, 3> K(2, 3, 4), wrong(1, 3, 4);
  CHECK(error_text<ShapeError>([&] { ops::KernelLinear::forward(wrong.view(), C, table); }) ==
        "kernel_linear: K is (C=1, H=3, L=4), expected (C=2, H=3, L=4)");
  CHECK(error_text<ShapeError>([&] { ops::KernelLinear::forward(K.view(), C, short_table); }) ==
        "kernel_linear: the table is (H=3, N=10, L=3), expected (H=3, N=10, L=4) or longer");
}
