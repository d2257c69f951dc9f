#include "longwave/state_space/step_tables.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// x = rate (-0.1 + i w), or growing; b and c fixed; c is divided by L where it depends on the length.
struct FixedVars {
  bool growing = false, by_length = false;

  static constexpr bool input_weights = true;

  ModeSizes sizes() const { return {2, 3, 2}; }
  bool needs_grad() const { return false; }
  bool anchored() const { return growing; }
  bool needs_length() const { return by_length; }
  void forward(const DiagonalModes<>& m, const ModeCall& call) const {
    for (index_t h = 0; h < 3; ++h)
      for (index_t n = 0; n < 2; ++n) {
        m.x(h, n) = call.rate * complex<double>(growing ? 0.1 : -0.1, 0.3 * static_cast<double>(h + n));
        m.b(h, n) = {1, 0.5 * static_cast<double>(n)};
        for (index_t c = 0; c < 2; ++c)
          m.c(c, h, n) =
              complex<double>(static_cast<double>(c), 1) * (by_length ? 1 / static_cast<double>(call.L) : 1.0);
      }
  }
  void backward(const DiagonalModes<>&, const ModeCall&) const {}
};
static_assert(diagonal_vars<FixedVars>);

}  // namespace

TEMPLATE_TEST_CASE("step_tables: a step with them is the recurrence of the modes", "", float, double) {
  using T = TestType;
  for (const bool by_length : {false, true}) {
    const double rate = 1.5, factor = by_length ? 1.0 / 8 : 1;
    const FixedVars vars{.by_length = by_length};
    const StepTables<T> tables = make_step_tables<T>(vars, {.rate = rate, .length = by_length ? 8 : 0});
    CHECK(tables.modes() == 2);
    Tensor<T, 3> state(2, 2, 3);
    Tensor<T, 1> y(6), D(6);
    for (index_t i = 0; i < 6; ++i) D(i) = static_cast<T>(i);
    complex<double> s[3][2] = {};
    const auto u = random<T>(Extents<2>{10, 3}, 1);
    double error = 0;
    for (index_t l = 0; l < 10; ++l) {
      tables.step(y.data(), state.data(), u.data() + l * 3, D.data());
      for (index_t h = 0; h < 3; ++h) {
        double want[2] = {};
        for (index_t n = 0; n < 2; ++n) {
          const complex<double> x = rate * complex<double>(-0.1, 0.3 * static_cast<double>(h + n));
          s[h][n] = exp(x) * s[h][n] + static_cast<double>(u(l, h)) * complex<double>(1, 0.5 * static_cast<double>(n));
          for (int c = 0; c < 2; ++c) want[c] += 2 * factor * (complex<double>(c, 1) * s[h][n]).re;
        }
        for (int c = 0; c < 2; ++c) {
          const double skip = static_cast<double>(D(c * 3 + h)) * static_cast<double>(u(l, h));
          error = std::max(error, std::abs(want[c] + skip - static_cast<double>(y(c * 3 + h))));
        }
      }
    }
    CHECK(error < (sizeof(T) == 4 ? 1e-5 : 1e-13));  // numbers of size 10
  }
}

TEST_CASE("step_tables: what has no recurrence is an error") {
  CHECK(error_text<ValueError>([] { make_step_tables<float>(FixedVars{}, {.rate = 0}); }) ==
        "make_step_tables: rate is 0.000000, expected more than 0");
  CHECK(error_text<ValueError>([] { make_step_tables<float>(FixedVars{.by_length = true}, {}); }) ==
        "make_step_tables: this kernel depends on its length, name the length that it was trained for");
  CHECK(error_text<ValueError>([] { make_step_tables<float>(FixedVars{.growing = true}, {}); }) ==
        "make_step_tables: modes that grow (Re x > 0) and are anchored at the last sample have no state");
}

TEST_CASE("step_tables: ways to step have names") {
  CHECK(parse_step_mode("dense") == StepMode::dense);
  CHECK(error_text<ValueError>([] { parse_step_mode("fast"); }) ==
        "step_mode: 'fast' is unknown, expected one of linear, dense, diagonal");
}
