#include "longwave/metrics/mmd.hpp"

#include "check.hpp"
#include "longwave/metrics/mmd_permutation.hpp"
#include "longwave/metrics/random_fourier.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// (n, 3): two columns that follow each other, one of its own, all far from 0 and of different size.
Tensor<double, 2> table(index_t n, std::uint64_t seed, double shift = 0) {
  auto x = random<double>(Extents<2>{n, 3}, seed);
  for (index_t i = 0; i < n; ++i) {
    x(i, 1) = 1e6 * (x(i, 0) + 0.3 * x(i, 1)) + 5e6;
    x(i, 2) = 1e3 * x(i, 2) + 7;
    x(i, 0) += shift;
  }
  return x;
}

double exact(TensorView<const double, 2> x, TensorView<const double, 2> y, const RbfMixture& k,
             MmdForm form = MmdForm::unbiased) {
  Tensor<double, 0> out{Extents<0>()};
  ops::Mmd::forward(out.view(), x, y, k, form);
  return out();
}

}  // namespace

TEST_CASE("metrics mmd: the median of distances, odd and even numbers of pairs") {
  const double x[] = {0, 1, 3}, y[] = {7};
  const TensorView<const double, 2> xs(x, Extents<2>{3, 1}), ys(y, Extents<2>{1, 1});
  CHECK(median_distance(xs) == 2);        // 1 3 2
  CHECK(median_distance(xs, ys) == 3.5);  // 1 3 7 2 6 4
  CHECK(error_text<ValueError>([&] { median_distance(ys); }) == "median_distance: 1 rows make no pair");
}

TEST_CASE("metrics mmd: protocols do not see the units of a column, nor the order of rows") {
  const auto x = table(300, 1), y = table(200, 2, 0.5);
  for (const MmdProtocol protocol : {MmdProtocol::p1, MmdProtocol::p2, MmdProtocol::p3}) {
    const MmdScore score = mmd_protocol(protocol, x, y);
    auto scaled_x = x.clone(), scaled_y = y.clone();
    for (index_t i = 0; i < 300; ++i) scaled_x(i, 2) = 512 * x(i, 2) - 3;
    for (index_t i = 0; i < 200; ++i) scaled_y(i, 2) = 512 * y(i, 2) - 3;
    CHECK(mmd_protocol(protocol, scaled_x, scaled_y).mmd2 == Approx(score.mmd2).epsilon(1e-10));
    CHECK(mmd_protocol(protocol, random_rows(x, 0, 300, Generator(9)), y).mmd2 == Approx(score.mmd2).epsilon(1e-10));
    CHECK((score.n == 300 && score.m == 200));
    CHECK(score.root() == Approx(std::sqrt(score.mmd2)));
    MmdProtocolOptions single;
    single.single_precision = true;
    CHECK(mmd_protocol(protocol, x, y, single).mmd2 == Approx(score.mmd2).margin(1e-6));
  }
}

TEST_CASE("metrics mmd: what each protocol standardises by and where its sigma is from") {
  const auto x = table(100, 1), y = table(100, 2, 3);
  auto together_x = x.clone(), together_y = y.clone(), alone_x = x.clone(), alone_y = y.clone();
  const auto both = detail::column_moments({x, y}), own = detail::column_moments({x});
  both.apply(together_x);
  both.apply(together_y);
  own.apply(alone_x);
  own.apply(alone_y);
  const auto check = [](MmdScore score, const auto& a, const auto& b, double sigma) {
    CHECK(score.sigma == Approx(sigma).epsilon(1e-12));
    CHECK(score.mmd2 == Approx(exact(a, b, RbfMixture(sigma))).epsilon(1e-10));
  };
  check(mmd_protocol(MmdProtocol::p1, x, y), together_x, together_y, median_distance(together_x, together_y));
  check(mmd_protocol(MmdProtocol::p2, x, y), alone_x, alone_y, median_distance(alone_x, alone_y));
  check(mmd_protocol(MmdProtocol::p3, x, y), alone_x, alone_y, median_distance(alone_x));
}

TEST_CASE("metrics mmd: a subsample draws rows without replacement") {
  Tensor<double, 2> x(50, 1);
  for (index_t i = 0; i < 50; ++i) x(i, 0) = static_cast<double>(i);
  const auto some = subsample_rows(x, 20, Generator(42));
  std::vector<double> seen(some.data(), some.data() + 20);
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
  MmdProtocolOptions options;
  options.max_rows = 20;
  CHECK(mmd_protocol(MmdProtocol::p1, x, x, options).n == 20);
  options.max_rows = 0;
  CHECK(mmd_protocol(MmdProtocol::p1, x, x, options).n == 50);
}

TEST_CASE("metrics mmd: floor below the ceilings; halves are disjoint, shuffles keep every column") {
  const auto x = table(400, 1);
  const RowHalves halves = split_halves(x);
  CHECK(halves.first.size(0) + halves.second.size(0) == 400);
  const auto shuffled = shuffle_columns(x), normal = normal_like(x, 400);
  double sum = 0, sum_shuffled = 0;
  for (index_t i = 0; i < 400; ++i) {
    sum += x(i, 1);
    sum_shuffled += shuffled(i, 1);
  }
  CHECK(sum == Approx(sum_shuffled));
  const double floor = mmd_protocol(MmdProtocol::p1, halves.first, halves.second).mmd2;
  CHECK(floor < mmd_protocol(MmdProtocol::p1, x, shuffled).mmd2);
  CHECK(floor < mmd_protocol(MmdProtocol::p1, x, normal).mmd2);
}

TEST_CASE("metrics mmd: constant columns, equal rows, errors") {
  Tensor<double, 2> same(5, 2);
  for (double* p = same.data(); p < same.data() + 10; ++p) *p = 0.1;
  const MmdScore score = mmd_protocol(MmdProtocol::p3, same, same);
  CHECK(score.sigma == 1);
  CHECK(score.mmd2 == Approx(0).margin(1e-15));
  const Tensor<double, 2> one(1, 2), wide(5, 3);
  CHECK(error_text<ValueError>([&] { mmd_protocol(MmdProtocol::p1, one, same); }) ==
        "mmd_protocol: 1 original and 5 synthetic rows, at least two of each are needed");
  CHECK_THROWS_AS(mmd_protocol(MmdProtocol::p1, same, wide), ShapeError);
  same(3, 1) = NAN;
  CHECK(error_text<ValueError>([&] { mmd_protocol(MmdProtocol::p1, same, same); }) ==
        "mmd: column 1 holds NaN or infinity");
}

TEMPLATE_TEST_CASE("permutation test: every value is that of the permuted samples", "", float, double) {
  using T = TestType;
  for (const auto& [n, m, P] : {std::array<index_t, 3>{2, 2, 3}, {45, 32, 37}, {130, 70, 5}}) {
    const auto x = random<T>(Extents<2>{n, 3}, 1), y = random<T>(Extents<2>{m, 3}, 2);
    const RbfMixture kernel({1, 2});
    for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
      const PermutationTest test = mmd_permutation_test<T>(x, y, kernel, P, 5, form);
      const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;
      Tensor<double, 2> z(n + m, 3), a(n, 3), b(m, 3);
      for (index_t i = 0; i < n + m; ++i)
        for (index_t k = 0; k < 3; ++k) z(i, k) = static_cast<double>(i < n ? x(i, k) : y(i - n, k));
      Generator gen(5);
      Tensor<index_t, 1> order(n + m);
      for (index_t p = 0; p <= P; ++p) {
        if (p < P) gen.permutation(order.view());
        for (index_t i = 0; i < n + m; ++i)
          for (index_t k = 0; k < 3; ++k) (i < n ? a(i, k) : b(i - n, k)) = z(p < P ? order(i) : i, k);
        const double got = p < P ? test.permuted[static_cast<std::size_t>(p)] : test.mmd2;
        CHECK(std::abs(got - exact(a, b, kernel, form)) < tolerance);
      }
    }
  }
}

TEST_CASE("permutation test: small p for a shift, any p for none, 1 for equal points") {
  const auto x = random<double>(Extents<2>{60, 2}, 1), y = random<double>(Extents<2>{50, 2}, 2);
  auto moved = y.clone();
  for (index_t i = 0; i < 50; ++i) moved(i, 0) += 1;
  CHECK(mmd_permutation_test<double>(x, moved, RbfMixture(1.0), 99).p_value == Approx(0.01));
  CHECK(mmd_permutation_test<double>(x, y, RbfMixture(1.0), 99).p_value > 0.05);
  const Tensor<double, 2> zeros(8, 2);
  CHECK(mmd_permutation_test<double>(zeros, zeros, RbfMixture(1.0), 9).p_value == 1);
  CHECK_THROWS_AS(mmd_permutation_test<double>(x, y, RbfMixture(1.0), 0), ValueError);
}

TEST_CASE("permutation test: under the null p is uniform") {
  index_t below = 0;
  const index_t tests = 100;
  for (index_t t = 0; t < tests; ++t) {
    const auto z = random<double>(Extents<2>{40, 2}, 100 + static_cast<std::uint64_t>(t));
    const auto all = z.view();
    below += mmd_permutation_test<double>(all.slice(0, 0, 20), all.slice(0, 20, 40), RbfMixture(1.0), 19,
                                          static_cast<std::uint64_t>(t))
                         .p_value <= 0.2
                 ? 1
                 : 0;
  }
  CHECK(below >= 8);  // 20 expected, deviation 4
  CHECK(below <= 32);
}

TEST_CASE("random fourier: within 4 / sqrt(F) of the exact value, exact for one point against itself") {
  const auto x = random<double>(Extents<2>{200, 3}, 1), y = random<double>(Extents<2>{150, 3}, 2, 1.5);
  for (const RbfMixture& kernel : {RbfMixture(1.5), RbfMixture({1, 3}, {2, 1})})
    for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
      const double want = exact(x, y, kernel, form);
      CHECK(std::abs(mmd_random_fourier(x, y, kernel, {.features = 4096}, form) - want) < 4.0 / 64);
    }
  CHECK(mmd_random_fourier(x, x, RbfMixture(1.0), {}, MmdForm::biased) == Approx(0).margin(1e-12));
  CHECK_THROWS_AS(mmd_random_fourier(x, y, RbfMixture({1, 2}), {.features = 1}), ValueError);
}
