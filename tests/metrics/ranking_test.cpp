#include "longwave/metrics/ranking.hpp"

#include "check.hpp"
#include "longwave/core/random.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("ranking: a label among the largest scores, the first of equals") {
  Tensor<float, 1> scores(5);
  for (index_t i = 0; i < 5; ++i) scores(i) = i == 3 ? 2.0f : i == 1 ? 5.0f : 1.0f;
  const auto in = [&](index_t label, index_t k) { return in_top(scores.view(), label, k); };
  CHECK(in(1, 1));
  CHECK_FALSE(in(3, 1));
  CHECK(in(3, 2));
  CHECK(in(0, 3));  // 0, 2 and 4 are equal
  CHECK_FALSE(in(2, 3));
  CHECK(in(2, 4));
  CHECK(in(4, 5));
  CHECK_FALSE(in(1, 0));
  CHECK(error_text<ValueError>([&] { in(5, 1); }) == "in_top: class 5, expected 0 to 4");
}

TEST_CASE("ranking: the area under the ROC curve is the share of pairs in order") {
  CHECK(roc_auc({0.1, 0.4, 0.35, 0.8}, std::vector<int>{0, 0, 1, 1}) == Approx(0.75));
  CHECK(roc_auc({1, 1, 1, 1}, std::vector<int>{0, 1, 0, 1}) == 0.5);
  CHECK(roc_auc({3, 2, 1}, std::vector<bool>{false, true, true}) == 0);
  CHECK(std::isnan(roc_auc({1, 2}, std::vector<int>{1, 1})));
  CHECK(std::isnan(roc_auc({}, std::vector<int>{})));

  Tensor<double, 1> drawn(200);
  Generator(3).normal(drawn.view(), 0, 1);
  std::vector<double> scores;
  std::vector<int> positive;
  for (index_t i = 0; i < 200; ++i) {
    scores.push_back(std::round(4 * drawn(i)) / 4);  // with equals
    positive.push_back(i % 3 == 0);
  }
  double right = 0, pairs = 0;
  for (std::size_t i = 0; i < 200; ++i)
    for (std::size_t j = 0; j < 200; ++j) {
      if (positive[i] != 1 || positive[j] != 0) continue;
      right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      ++pairs;
    }
  CHECK(roc_auc(scores, positive) == Approx(right / pairs).epsilon(1e-12));
  CHECK(error_text<ShapeError>([] { roc_auc({1}, std::vector<int>{}); }) == "roc_auc: 1 scores but 0 labels");
  CHECK(error_text<ValueError>([] { roc_auc({std::nan("")}, std::vector<int>{1}); }) == "roc_auc: score 0 is nan");
}
