// The snippets of docs/course/19_mmd.md, and of the section in 11_ops.md.
#include "longwave/metrics/mmd.hpp"
#include "check.hpp"
#include "longwave/autograd/functions.hpp"
#include "longwave/metrics/mmd_permutation.hpp"
#include "longwave/metrics/random_fourier.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("mmd: a worked example") {
  // [snippet: mmd_known]
  const double x[] = {0, 0, 1, 0, 0, 1}, y[] = {1, 1, 2, 1, 1, 2, 2, 2};
  const TensorView<const double, 2> three(x, Extents<2>{3, 2}), four(y, Extents<2>{4, 2});
  Tensor<double, 0> value{Extents<0>()};
  ops::Mmd::forward(value.view(), three, four, RbfMixture(1.0));  // sigma 1
  CHECK(value() == Approx(0.5649561999316146).epsilon(1e-14));
  // [/snippet]
}

TEST_CASE("mmd: as a loss it moves one sample to another") {
  // [snippet: op_mmd]
  auto x = random<double>(Extents<2>{40, 2}, 1);
  const auto y = random<double>(Extents<2>{50, 2}, 2, 0.5);
  const auto distance = [&](Tape<double>& tape, Var<double, 2> sample) {
    return mmd(sample, tape.input(y), RbfMixture({0.5, 1, 2}));
  };
  Tape<double> tape;
  const double before = distance(tape, tape.input(x)).value()();
  for (int step = 0; step < 50; ++step) {
    tape.rewind();
    const auto v = tape.variable(x.view());
    tape.backward(distance(tape, v));
    for (index_t i = 0; i < x.count(); ++i) x.data()[i] -= 5 * v.grad().data()[i];
  }
  tape.rewind();
  CHECK(distance(tape, tape.input(x)).value()() < 0.1 * before);
  // [/snippet]
}

TEST_CASE("mmd: protocols, floor and ceilings") {
  const auto original = random<double>(Extents<2>{300, 4}, 1), synthetic = random<double>(Extents<2>{250, 4}, 2);
  // [snippet: mmd_protocol]
  const MmdScore score = mmd_protocol(MmdProtocol::p1, original, synthetic);
  const RowHalves halves = split_halves(original);
  const double floor = mmd_protocol(MmdProtocol::p1, halves.first, halves.second).mmd2;
  const double ceiling = mmd_protocol(MmdProtocol::p1, original, shuffle_columns(original)).mmd2;
  // [/snippet]
  CHECK(std::abs(score.mmd2) < 0.02);
  CHECK(std::abs(floor) < 0.02);
  CHECK(std::abs(ceiling) < 0.02);  // here the columns are independent to begin with
}

TEST_CASE("mmd: the permutation test") {
  // [snippet: mmd_permutation]
  const auto x = random<double>(Extents<2>{60, 2}, 1);
  auto y = random<double>(Extents<2>{50, 2}, 2);
  for (index_t i = 0; i < 50; ++i) y(i, 0) += 1;
  const RbfMixture kernel(median_distance(x, y));
  CHECK(mmd_permutation_test<double>(x, y, kernel, 199).p_value == Approx(1.0 / 200));  // none of 199 reached it
  // [/snippet]
}

TEST_CASE("mmd: random features") {
  const auto x = random<double>(Extents<2>{100, 2}, 1), y = random<double>(Extents<2>{100, 2}, 2, 2.0);
  // [snippet: mmd_fourier]
  Tensor<double, 0> exact{Extents<0>()};
  ops::Mmd::forward(exact.view(), x, y, RbfMixture(1.0));
  CHECK(std::abs(mmd_random_fourier(x, y, RbfMixture(1.0), {.features = 4096}) - exact()) < 0.02);
  // [/snippet]
}
