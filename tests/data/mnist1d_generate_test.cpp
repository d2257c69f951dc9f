#include "longwave/data/mnist1d_generate.hpp"

#include <algorithm>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

const Mnist1dSet& made() {
  static const Mnist1dSet set = generate_mnist1d();
  return set;
}

std::vector<index_t> class_counts(const Dataset<double>& data) {
  std::vector<index_t> counts(10);
  for (index_t i = 0; i < data.size(); ++i) ++counts[static_cast<std::size_t>(data.y(i))];
  return counts;
}

}  // namespace

TEST_CASE("mnist1d: the recipe makes the authors' numbers") {
  const double first[5] = {-0.3320056674, -0.4719103657, -0.7786970763, -1.0097408265, -0.8823525654};
  const index_t labels[10] = {2, 6, 4, 5, 6, 6, 6, 0, 3, 1};
  for (int i = 0; i < 5; ++i) CHECK(made().train.x(0, 0, i) == Approx(first[i]).margin(5e-11));
  for (int i = 0; i < 10; ++i) CHECK(made().train.y(i) == labels[i]);
  CHECK(class_counts(made().train) == std::vector<index_t>{398, 396, 411, 394, 394, 402, 401, 404, 402, 398});
  CHECK(class_counts(made().test) == std::vector<index_t>{102, 104, 89, 106, 106, 98, 99, 96, 98, 102});
  double sum = 0, squares = 0;
  for (index_t i = 0; i < made().train.x.count(); ++i) {
    const double x = made().train.x.data()[i];
    sum += x;
    squares += x * x;
  }
  // 160,000 values, each known to a few of its last bits: the sum to 160,000 times less than 1e-16.
  CHECK(std::abs(sum - -51.78746787509485) < 1e-11);
  CHECK(std::abs(squares - 159248.25386534864) < 1e-9);
  const auto [low, high] = std::minmax_element(made().train.x.data(), made().train.x.data() + 160000);
  CHECK(*low == Approx(-5.479419).margin(5e-7));
  CHECK(*high == Approx(4.533516).margin(5e-7));
  check_dataset(made().train);
  check_dataset(made().test);
}

TEST_CASE("mnist1d: as float the made set is the frozen one, bit for bit") {
  const std::string here = __FILE__;
  const std::string folder = here.substr(0, here.rfind("tests/data/")) + "examples/data/mnist1d";
  if (!file_exists(folder + "/x.npy")) {
    WARN("the sources' examples are not where this test was compiled: skipped");
    return;
  }
  for (const Mnist1dPart part : {Mnist1dPart::train, Mnist1dPart::test}) {
    const auto frozen = read_mnist1d<float>(folder, part);
    const Dataset<double>& data = part == Mnist1dPart::train ? made().train : made().test;
    REQUIRE(data.x.sizes() == frozen.x.sizes());
    index_t values = 0, labels = 0;
    for (index_t i = 0; i < frozen.x.count(); ++i)
      values += static_cast<float>(data.x.data()[i]) != frozen.x.data()[i] ? 1 : 0;
    for (index_t i = 0; i < frozen.size(); ++i) labels += data.y(i) != frozen.y(i) ? 1 : 0;
    CHECK(values == 0);
    CHECK(labels == 0);
  }
  const auto t = read_npy<float, 1>(folder + "/t.npy");
  for (index_t i = 0; i < 40; ++i) CHECK(static_cast<float>(made().t(i)) == t(i));
}

// What another C library may change: log and exp in their last bit.
TEST_CASE("mnist1d: a last bit of log and exp moves no value by more than 4e-15") {
  namespace recipe = detail::mnist1d;
  recipe::Smoothing smooth;
  const recipe::Smoothing exact;
  for (double& w : smooth.weight) w *= 1 + 0x1p-52;
  NumpyRandom a(42), b(42);
  double most = 0;
  for (index_t digit = 0; digit < 10; ++digit) {
    const auto from = recipe::normalised_template(digit);
    for (int i = 0; i < 20; ++i) {
      const auto x = recipe::sample(a, from, exact), y = recipe::sample(b, from, smooth);
      for (std::size_t k = 0; k < x.size(); ++k) most = std::max(most, std::abs(x[k] - y[k]));
    }
  }
  CHECK(most > 0);
  CHECK(most < 4e-15);
}

TEST_CASE("mnist1d: another seed makes another set of the same kind") {
  const Mnist1dSet other = generate_mnist1d(7);
  CHECK(other.train.x(0, 0, 0) != made().train.x(0, 0, 0));
  CHECK(other.test.size() == 1000);
}
