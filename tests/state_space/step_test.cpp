#include "longwave/state_space/step.hpp"

#include "modes.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("step: sample by sample equals the recurrence, any number of channels", "", float, double) {
  using T = TestType;
  for (const index_t H : {1, 7, 16, 37}) {
    const DiagonalCase<T> c(1, H, 3, 50);
    const DiagonalResult want = naive_recurrence(c.inputs());
    const StepTables<T> tables(c.x.view(), {}, c.c.view().reshape(Extents<3>{1, H, 3}));
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

TEST_CASE("step: input weights and several kernels per feature, against the recurrence written out") {
  const index_t C = 3, H = 11, N = 2;
  Generator gen(1);
  auto draw = [&](Tensor<complex<double>, 3> z) {
    for (index_t i = 0; i < z.count(); ++i) gen.normal(TensorView<double, 1>(&z.data()[i].re, Extents<1>{2}));
    return z;
  };
  const auto modes = draw(Tensor<complex<double>, 3>(2, H, N));  // x and b
  const auto c = draw(Tensor<complex<double>, 3>(C, H, N));
  Tensor<complex<double>, 2> x(H, N);
  const auto b = modes.view()[1];
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = {-std::abs(modes.data()[i].re), modes.data()[i].im};
  const StepTables<double> tables(x.view(), b, c.view());
  const auto D = random<double>(Extents{C, H}, 5), u = random<double>(Extents{20, H}, 6);
  Tensor<double, 3> state(2, N, H);
  Tensor<complex<double>, 2> s(H, N);
  Tensor<double, 2> y(C, H);
  for (index_t l = 0; l < 20; ++l) {
    tables.step(y.data(), state.data(), u.data() + l * H, D.data());
    for (index_t h = 0; h < H; ++h) {
      for (index_t n = 0; n < N; ++n) s(h, n) = exp(x(h, n)) * s(h, n) + u(l, h) * b(h, n);
      for (index_t k = 0; k < C; ++k) {
        double want = D(k, h) * u(l, h);
        for (index_t n = 0; n < N; ++n) want += 2 * (c(k, h, n) * s(h, n)).re;
        CHECK(std::abs(y(k, h) - want) < 1e-12);
      }
    }
  }
}
