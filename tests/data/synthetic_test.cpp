#include "longwave/data/synthetic.hpp"

#include <numbers>
#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The definition, coefficient by coefficient, with the same normal numbers.
std::vector<double> white_signal_directly(index_t L, const WhiteSignal& how, PhiloxKey key, index_t item) {
  const index_t n = (L + 1) / 2;
  std::vector<std::complex<double>> c(static_cast<std::size_t>(n + 1));
  double zeroed = 0;
  for (index_t k = 0; k <= n; ++k) {
    double normal[2];
    philox_normal(normal, key, static_cast<std::uint64_t>(item * (n + 1) + k));
    if (static_cast<double>(k) / (static_cast<double>(2 * n) * how.dt) > how.frequency)
      ++zeroed;
    else if (k > 0)
      c[static_cast<std::size_t>(k)] =
          how.rms * std::sqrt(0.5) * std::complex<double>(normal[0], k == n ? 0 : normal[1]);
  }
  const double left = 1 - zeroed / static_cast<double>(n);
  std::vector<double> x(static_cast<std::size_t>(L));
  for (index_t l = 0; l < L; ++l)
    for (index_t k = 0; k <= n; ++k) {
      const double angle = std::numbers::pi * static_cast<double>(k * l) / static_cast<double>(n);
      const double part = (c[static_cast<std::size_t>(k)] * std::polar(1.0, angle)).real();
      x[static_cast<std::size_t>(l)] += (k == 0 || k == n ? 1 : 2) * part / static_cast<double>(2 * n);
    }
  const double first = x[0];
  for (double& v : x) v = (v - first) * std::sqrt(static_cast<double>(2 * n)) / (left > 0 ? std::sqrt(left) : 1);
  return x;
}

}  // namespace

TEST_CASE("synthetic: a white signal is its definition, at even and odd lengths, with and without a limit") {
  for (const index_t L : {1, 2, 7, 20, 61})
    for (const double frequency : {1e-9, 0.11, 0.3, 10.0}) {
      const WhiteSignal how{.dt = 1, .frequency = frequency};
      Tensor<double, 2> x(3, L);
      white_signals(x.view(), how, {5, 6, 7}, 70);
      for (index_t b = 0; b < 3; ++b) {
        const std::vector<double> want = white_signal_directly(L, how, {5, 6, 7}, 70 + b);
        for (index_t l = 0; l < L; ++l) CHECK(x(b, l) == Approx(want[static_cast<std::size_t>(l)]).margin(1e-13));
      }
    }
}

TEST_CASE("synthetic: white signals have the asked deviation and nothing above the frequency") {
  Tensor<double, 2> x(100, 400);
  white_signals(x.view(), {.dt = 1e-2, .frequency = 10}, {1, 0, 0});
  double squares = 0, mean_of_squares = 0;
  for (index_t b = 0; b < 100; ++b) {
    double mean = 0;
    for (index_t l = 0; l < 400; ++l) mean += x(b, l) / 400;
    for (index_t l = 0; l < 400; ++l) squares += std::pow(x(b, l) - mean, 2);
  }
  mean_of_squares = squares / 40000;
  CHECK(std::sqrt(mean_of_squares) == Approx(0.5).epsilon(0.03));
  Tensor<complex<double>, 2> X(100, 201);
  ops::Rfft::forward(X.view(), x.view(), 400);
  for (index_t b = 0; b < 100; ++b)
    for (index_t k = 41; k < 201; ++k) REQUIRE(std::abs(std::complex<double>(X(b, k))) < 1e-9);
}

TEST_CASE("synthetic: a batch does not depend on the others") {
  const DelayTask task{.length = 50, .lag = 10};
  Tensor<float, 3> all(70, 1, 50), part(5, 1, 50);
  Tensor<float, 2> y(70, 50), y_part(5, 50);
  task.fill(all.view(), y.view(), {1, 2, 3});
  task.fill(part.view(), y_part.view(), {1, 2, 3}, 65);
  CHECK(relative_error(part.view(), all.view().slice(0, 65, 70)) == 0);
  CHECK(relative_error(y_part.view(), y.view().slice(0, 65, 70)) == 0);
}

TEST_CASE("synthetic: adding marks one number in each half") {
  for (const index_t L : {2, 3, 100}) {
    const auto set = AddingTask{L}.make(50, {1, 0, 0});
    check_sequences(set);
    CHECK(set.size() == 50);
    for (index_t i = 0; i < 50; ++i) {
      const auto x = set.sequence(i);
      std::vector<index_t> marks;
      for (index_t l = 0; l < L; ++l) {
        CHECK(x(0, l) > 0);
        CHECK(x(0, l) < 1);
        if (x(1, l) == 1)
          marks.push_back(l);
        else
          CHECK(x(1, l) == 0);
      }
      REQUIRE(marks.size() == 2);
      CHECK((marks[0] < L / 2 && marks[1] >= L / 2));
      CHECK(set.target(i)(0) == x(0, marks[0]) + x(0, marks[1]));
    }
  }
}

TEST_CASE("synthetic: copying shows tokens, a gap and markers") {
  // [snippet: copying]
  const CopyingTask task{.gap = 5, .tokens = 3, .alphabet = 8};
  const TokenSet set = task.make(100, {.seed = 1, .stream = 0, .draw = 0});  // draw: the epoch
  // [/snippet]
  check_sequences(set);
  std::set<Token> seen;
  for (index_t i = 0; i < 100; ++i) {
    const auto x = set.sequence(i).flat();
    REQUIRE(x.size(0) == 11);
    for (index_t l = 0; l < 11; ++l) {
      if (l < 3) {
        seen.insert(x(l));
        CHECK(set.target(i)(l) == x(l));
      } else {
        CHECK(x(l) == (l < 8 ? 0 : 7));
      }
    }
  }
  CHECK(seen == std::set<Token>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("synthetic: copying at variable places, every subset alike, and backwards") {
  const CopyingTask task{.gap = 3, .tokens = 2, .alphabet = 12, .variable = true, .reverse = true};
  const TokenSet set = task.make(2000, {3, 0, 0});
  std::vector<int> at(25);
  for (index_t i = 0; i < set.size(); ++i) {
    const auto x = set.sequence(i).flat();
    std::vector<index_t> places;
    for (index_t l = 0; l < 5; ++l)
      if (x(l) != 0) places.push_back(l);
    REQUIRE(places.size() == 2);
    ++at[static_cast<std::size_t>(5 * places[0] + places[1])];
    CHECK(set.target(i)(1) == x(places[0]));
    CHECK(set.target(i)(0) == x(places[1]));
  }
  int subsets = 0;
  for (const int count : at) {
    if (count == 0) continue;
    ++subsets;
    CHECK(std::abs(count - 200) < 60);
  }
  CHECK(subsets == 10);
}

TEST_CASE("synthetic: delay and reconstruction show what was read") {
  const auto delay = DelayTask{.length = 40, .lag = 7}.make(3, {1, 0, 0});
  const auto last = ReconstructTask{.length = 40, .lag = 5}.make(3, {1, 0, 0});
  check_sequences(delay);
  check_sequences(last);
  for (index_t i = 0; i < 3; ++i) {
    for (index_t l = 0; l < 40; ++l) CHECK(delay.target(i)(l) == (l < 7 ? 0 : delay.sequence(i)(0, l - 7)));
    for (index_t l = 0; l < 5; ++l) CHECK(last.target(i)(l) == last.sequence(i)(0, 35 + l));
  }
}

TEST_CASE("synthetic: sizes that cannot be are refused") {
  const auto refuses = [](auto&& f, const std::string& part) {
    const std::string text = error_text(f);
    INFO(text);
    CHECK(contains(text, part));
  };
  const PhiloxKey key{0, 0, 0};
  refuses([&] { AddingTask{1}.make(1, key); }, "adding: a length of 1 cannot be");
  refuses([&] { AddingTask{}.make(0, key); }, "adding: a set of 0 items");
  refuses([&] { CopyingTask{.alphabet = 2}.make(1, key); },
          "10 tokens of an alphabet of 2 over a gap of 1000 cannot be");
  refuses([&] { DelayTask{.length = 4, .lag = 5}.make(1, key); }, "delay: a lag of 5 in 4");
  refuses([&] { ReconstructTask{.length = 4, .lag = 0}.make(1, key); }, "reconstruct: the last 0 of 4");
  refuses([&] { ReconstructTask{.signal = {.frequency = 0}}.make(1, key); }, "all must be above 0");
  Tensor<float, 3> x(2, 1, 4);
  Tensor<float, 2> y(2, 4);
  refuses([&] { AddingTask{4}.fill(x.view(), y.view(), key); },
          "adding: a batch is x (2, 2, 4), y (2, 1), not x (2, 1, 4), y (2, 4)");
}
