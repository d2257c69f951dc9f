#include "longwave/data/dataset.hpp"

#include <limits>
#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Sequence i holds the numbers 100 i + 10 c + l, label i mod 3.
Dataset<float> counted(index_t n, index_t C = 2, index_t L = 5) {
  Dataset<float> data{"counted", Tensor<float, 3>(n, C, L), Tensor<index_t, 1>(n), 3};
  for (index_t i = 0; i < n; ++i) {
    data.y(i) = i % 3;
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) data.x(i, c, l) = static_cast<float>(100 * i + 10 * c + l);
  }
  return data;
}

}  // namespace

TEST_CASE("dataset: what is not finite is named with its place") {
  Dataset<float> data = counted(4);
  CHECK_NOTHROW(check_dataset(data));
  data.x(2, 1, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_text<ValueError>([&] { check_dataset(data); }) ==
        "counted: x: the value at (2, 1, 3) is nan; remove or replace what is not finite");
  data.x(2, 1, 3) = -std::numeric_limits<float>::infinity();
  CHECK(contains(error_text([&] { check_dataset(data); }), "(2, 1, 3) is -inf"));
}

TEST_CASE("dataset: empty sets, labels out of range and sizes that disagree are refused") {
  CHECK(contains(error_text<ValueError>([] { check_dataset(counted(0)); }),
                 "counted: the data set is empty: x is (n=0, C=2, L=5)"));
  CHECK(contains(error_text([] { check_dataset(counted(1, 2, 0)); }), "is empty"));
  Dataset<float> data = counted(4);
  data.y(3) = 3;
  CHECK(contains(error_text<ValueError>([&] { check_dataset(data); }), "the label at (3) is 3, expected 0 to 2"));
  data.y = Tensor<index_t, 1>(5);
  CHECK(contains(error_text<ShapeError>([&] { check_dataset(data); }), "4 sequences but 5 labels"));
}

TEST_CASE("dataset: a split is a partition that the generator's state decides") {
  const Dataset<float> data = counted(101);
  Generator generator(5), again(5), different(6);
  const auto parts = split(data, 0.2, generator);
  CHECK(parts.validation.size() == 20);
  CHECK(parts.train.size() == 81);
  std::set<float> seen;
  for (const Dataset<float>* part : {&parts.train, &parts.validation}) {
    CHECK_NOTHROW(check_dataset(*part));
    for (index_t i = 0; i < part->size(); ++i) {
      seen.insert(part->x(i, 0, 0));
      CHECK(part->y(i) == static_cast<index_t>(part->x(i, 0, 0)) / 100 % 3);
      CHECK(part->x(i, 1, 4) == part->x(i, 0, 0) + 14);
    }
  }
  CHECK(seen.size() == 101);
  CHECK(same_bits(parts.validation.x, split(data, 0.2, again).validation.x));
  CHECK_FALSE(same_bits(parts.validation.x, split(data, 0.2, different).validation.x));
}

TEST_CASE("dataset: a split that leaves a part empty is refused") {
  const Dataset<float> data = counted(4);
  Generator generator(1);
  for (const double fraction : {0.0, 0.01, 1.0, 0.99, -1.0, std::nan("")})
    CHECK(contains(error_text<ValueError>([&] { split(data, fraction, generator); }),
                   "leaves one of the two parts empty"));
}

TEST_CASE("dataset: bit reversal of 1024 keeps what is below 784, each once") {
  const auto order = bit_reversal_order(784);
  REQUIRE(order.size() == 784);
  CHECK(order[0] == 0);
  CHECK(order[1] == 512);
  CHECK(order[2] == 256);
  CHECK(order[3] == 768);
  CHECK(order[7] == 64);  // 7 reverses to 896, which is left out, 8 to 64
  CHECK(std::set<index_t>(order.begin(), order.end()).size() == 784);
  CHECK(bit_reversal_order(8) == std::vector<index_t>{0, 4, 2, 6, 1, 5, 3, 7});
  CHECK(bit_reversal_order(1) == std::vector<index_t>{0});
  CHECK(bit_reversal_order(0).size() == 0);
}

TEST_CASE("dataset: permuting time moves every channel alike, and only by permutations") {
  Dataset<float> data = counted(3);
  permute_time(data, {4, 2, 0, 1, 3});
  CHECK(data.x(2, 1, 0) == 214);
  CHECK(data.x(2, 1, 4) == 213);
  CHECK(contains(error_text([&] { permute_time(data, {0, 1, 2, 3, 3}); }), "no permutation: 3 comes twice"));
  CHECK(contains(error_text([&] { permute_time(data, {0, 1, 2, 3, 5}); }), "no permutation: 5"));
  CHECK(contains(error_text([&] { permute_time(data, {0}); }), "an order of 1 for length 5"));
  Generator generator(1);
  CHECK_NOTHROW(permute_time(data, random_order(5, generator)));
}
