#include "longwave/state_space/step.hpp"

#include "modes.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("step: sample by sample equals the recurrence, any number of channels", "", float, double) {
  using T = TestType;
  for (const index_t H : {1, 7, 16, 37}) {
    const DiagonalCase<T> c(1, H, 3, 50);
    const DiagonalResult want = naive_recurrence(c.inputs());
    const StepTables<T> tables(c.x.view(), c.c.view());
    Tensor<T, 4> state = c.state.clone();
    Tensor<T, 1> u(H), y(H);
    double error = 0;
    for (index_t l = 0; l < 50; ++l) {
      for (index_t h = 0; h < H; ++h) u(h) = c.u(0, h, l);
      impl::diagonal_step(y.data(), state.data(), u.data(), tables, c.skip.data());
      for (index_t h = 0; h < H; ++h) error = std::max(error, std::abs(static_cast<double>(y(h)) - want.y(0, h, l)));
    }
    INFO("H " << H);
    CHECK(error < (sizeof(T) == 4 ? 1e-4 : 1e-12));
    CHECK(relative_error(state, want.state) < form_tolerance<T>);
  }
}

TEST_CASE("step: gemv_add equals the double loop, with a remainder in both sizes") {
  for (const index_t I : {1, 4, 7})
    for (const index_t O : {1, 16, 35}) {
      const auto W = random<double>(Extents{I, O}, 1);
      const auto x = random<double>(Extents<1>{I}, 2);
      auto y = random<double>(Extents<1>{O}, 3), want = y.clone();
      for (index_t i = 0; i < I; ++i)
        for (index_t o = 0; o < O; ++o) want(o) += x(i) * W(i, o);
      impl::gemv_add(y.data(), W.data(), x.data(), I, O);
      CHECK(relative_error(y, want) < 1e-14);
    }
}
