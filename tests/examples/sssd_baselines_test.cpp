#include "sssd/baselines.hpp"

#include "check.hpp"
#include "files.hpp"
#include "longwave/io/file.hpp"
#include "sssd/trace_baselines.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::examples::sssd;

namespace {

Tensor<float, 3> series(Extents<3> sizes, const std::vector<float>& values) {
  Tensor<float, 3> x(sizes);
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

bool equal(const Tensor<float, 3>& x, const std::vector<float>& values) {
  return std::equal(values.begin(), values.end(), x.data(), x.data() + x.count());
}

}  // namespace

TEST_CASE("sssd baselines: constants, the previous value, the line between") {
  const auto x = series({1, 2, 6}, {1, NAN, NAN, 4, NAN, 8, NAN, NAN, 5, NAN, NAN, NAN});
  const auto mask = series({1, 2, 6}, {1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0});
  CHECK(equal(impute_constant(x, mask, {7, 9}), {1, 7, 7, 4, 7, 8, 9, 9, 5, 9, 9, 9}));
  CHECK(equal(impute_previous(x, mask, {0, 0}), {1, 1, 1, 4, 4, 8, 5, 5, 5, 5, 5, 5}));
  CHECK(equal(impute_linear(x, mask, {0, 0}), {1, 2, 3, 4, 6, 8, 5, 5, 5, 5, 5, 5}));
  const auto none = series({1, 2, 6}, std::vector<float>(12, 0));
  for (const auto& filled :
       {impute_previous(x, none, {3, -1}), impute_linear(x, none, {3, -1}), impute_seasonal(x, none, 2, {3, -1})})
    CHECK(equal(filled, {3, 3, 3, 3, 3, 3, -1, -1, -1, -1, -1, -1}));
}

TEST_CASE("sssd baselines: a season is the nearest shown value whole periods away") {
  const auto x = series({1, 1, 9}, {10, 20, NAN, 11, NAN, 31, NAN, 22, NAN});
  const auto mask = series({1, 1, 9}, {1, 1, 0, 1, 0, 1, 0, 1, 0});
  // 2: after (5); 4: one before (1) rather than one after (7); 6: before (3); 8: before (5)
  CHECK(equal(impute_seasonal(x, mask, 3, {0}), {10, 20, 31, 11, 20, 31, 11, 22, 31}));
  CHECK(equal(impute_seasonal(x, mask, 100, {0}), {10, 20, 15.5f, 11, 21, 31, 26.5f, 22, 22}));
  CHECK(error_text<ValueError>([&] { impute_seasonal(x, mask, 0, {0}); }) ==
        "impute_seasonal: a period of 0, at least 1");
  CHECK(error_text<ShapeError>([&] { impute_linear(x, mask, {0, 1}); }) == "impute_linear: 2 constants for 1 channels");
  CHECK(contains(error_text<ShapeError>([&] {
                   impute_linear(x, series({1, 1, 1}, {1}), {0});
                 }),
                 "mask and values differ in shape"));
}

TEST_CASE("sssd baselines: the majority, channel means, the nearest training sequence") {
  CHECK(majority_event(series({1, 1, 6}, {5, 3, 3, 5, 9, 1})) == 3);
  CHECK(error_text<ValueError>([] { majority_event({}); }) == "majority_event: there are no events");
  const auto train = series({2, 2, 2}, {1, 2, 30, 40, 3, 100, 50, 60});
  CHECK(channel_means(train) == std::vector<float>{26.5f, 45});
  const auto known = series({2, 2, 2}, {1, 1, 0, 0, 1, 0, 0, 0});
  CHECK(channel_means(train, known) == std::vector<float>{2, 0});

  const auto events = series({3, 1, 4}, {1, 2, 3, 4, 1, 2, 9, 9, 1, 2, 8, 8});
  const auto x = series({2, 1, 4}, {1, 2, NAN, 9, 5, 2, NAN, NAN});
  const auto mask = series({2, 1, 4}, {1, 1, 0, 1, 1, 1, 0, 0});
  CHECK(equal(impute_nearest_sequence(x, mask, events), {1, 2, 9, 9, 5, 2, 3, 4}));
  CHECK(contains(error_text<ShapeError>([&] {
                   impute_nearest_sequence(x, mask, series({1, 1, 1}, {1}));
                 }),
                 "train is (M=1, C=1, L=1), values are (N=2, C=1, L=4)"));
}

TEST_CASE("sssd baselines: the block in the middle") {
  CHECK(equal(centred_block({1, 1, 7}, 3), {1, 1, 0, 0, 0, 1, 1}));
  CHECK(equal(centred_block({1, 2, 4}, 1), {1, 0, 1, 1, 1, 0, 1, 1}));
  CHECK(error_text<ValueError>([] {
          centred_block({1, 1, 7}, 7);
        }) == "a block of 7 in a sequence of 7, expected 1 to 6");
}

TEST_CASE("sssd baselines: the majority event of a real workload, where LONGWAVE_DATA names its folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  if (root == nullptr || !file_exists(std::string(root) + "/kernel_traces")) {
    WARN("LONGWAVE_DATA names no folder with kernel_traces in it: skipped");
    return;
  }
  const auto scores = workload_baselines(root, "compress-gzip", 200, 10, false);
  REQUIRE(scores.size() == 3);
  CHECK(scores[0].name == "majority");
  CHECK(scores[0].scores.accuracy == Approx(0.2432));
  CHECK(scores[0].scores.sequences == 500);
  CHECK(scores[2].scores.accuracy == 1);  // every test sequence stands in the training file
}
