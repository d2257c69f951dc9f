#include "longwave/data/residual.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 2> row(std::initializer_list<double> values) {
  Tensor<double, 2> x(1, static_cast<index_t>(values.size()));
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("residual: linear guesses lie between the known neighbours, the nearest one beyond the ends") {
  const auto x = row({NAN, 2, NAN, NAN, 8, 5, NAN}), mask = row({0, 1, 0, 0, 1, 1, 0});
  Tensor<double, 2> guess(1, 7);
  make_guess(Guess::linear, 0, guess.view(), x, mask);
  const double want[] = {2, 5, 4, 6, 5, 5, 5};  // known: from their mean
  for (index_t l = 0; l < 7; ++l) CHECK(guess(0, l) == Approx(want[l]));
}

TEST_CASE("residual: seasonal guesses are known values whole periods away, the earlier of two") {
  const auto x = row({1, 2, 3, NAN, NAN, NAN, 7, 8, NAN}), mask = row({1, 1, 1, 0, 0, 0, 1, 1, 0});
  Tensor<double, 2> guess(1, 9);
  make_guess(Guess::seasonal, 3, guess.view(), x, mask);
  CHECK(guess(0, 3) == 1);
  CHECK(guess(0, 4) == 2);
  CHECK(guess(0, 5) == 3);
  CHECK(guess(0, 8) == 3);
  make_guess(Guess::seasonal, 4, guess.view(), x, mask);
  CHECK(guess(0, 3) == 8);
  make_guess(Guess::seasonal, 20, guess.view(), x, mask);  // none: linear
  CHECK(guess(0, 4) == Approx(5));
}

TEST_CASE("residual: nothing known is guessed as 0, none guesses nothing") {
  const auto x = row({NAN, NAN}), mask = row({0, 0}), known = row({1, 1});
  Tensor<double, 2> guess(1, 2);
  for (const Guess kind : {Guess::none, Guess::linear, Guess::seasonal}) {
    guess(0, 1) = 9;
    make_guess(kind, 1, guess.view(), x, mask);
    CHECK(guess(0, 1) == 0);
  }
  make_guess(Guess::none, 1, guess.view(), row({3, 4}), known);
  CHECK(guess(0, 0) == 0);
}

TEMPLATE_TEST_CASE("residual: there and back, and units that make it one", "", float, double) {
  using T = TestType;
  const auto data = random<T>(Extents<3>{20, 3, 17}, 1);
  Tensor<T, 3> mask(20, 3, 17);
  Generator(2).bernoulli(mask.view(), T(0.6));
  const std::vector<double> unit = residual_units(Guess::linear, 0, data.view(), mask);
  auto x = data.clone();
  Tensor<T, 2> guess(3, 17);
  double square[3] = {}, count[3] = {};
  for (index_t n = 0; n < 20; ++n) {
    make_guess(Guess::linear, 0, guess.view(), x.view()[n], mask.view()[n]);
    to_residual(x.view()[n], guess, mask.view()[n], unit);
    for (index_t c = 0; c < 3; ++c)
      for (index_t l = 0; l < 17; ++l)
        if (mask(n, c, l) == 0) square[c] += double(x(n, c, l)) * double(x(n, c, l)), ++count[c];
    from_residual(x.view()[n], guess, mask.view()[n], unit);
  }
  for (int c = 0; c < 3; ++c) CHECK(square[c] / count[c] == Approx(1).epsilon(1e-6));
  CHECK(relative_error(x, data) < (sizeof(T) == 4 ? 3e-7 : 1e-15));
  const Tensor<T, 3> all(0, 3, 17);
  CHECK(residual_units(Guess::linear, 0, all.view(), all) == std::vector<double>{1, 1, 1});
}

TEST_CASE("residual: names and errors") {
  for (const Guess kind : {Guess::none, Guess::linear, Guess::seasonal}) CHECK(guess_kind(name_of(kind)) == kind);
  CHECK(error_text<ValueError>([] { guess_kind("cubic"); }) == "guess: 'cubic' is not one of none, linear, seasonal");
  const auto x = row({1, 2}), wrong = row({1});
  Tensor<double, 2> guess(1, 2);
  CHECK(error_text<ShapeError>([&] { make_guess(Guess::linear, 0, guess.view(), x, wrong); }) ==
        "make_guess: mask and x differ in shape: mask is (1, 1), x is (1, 2)");
  CHECK(error_text<ValueError>([&] { make_guess(Guess::seasonal, 0, guess.view(), x, x); }) ==
        "make_guess: period is 0, expected at least 1");
}
