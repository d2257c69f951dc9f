// ranking.hpp - what the order of scores tells beyond the largest one.
//
//   in_top(scores, label, 5)       whether the label's score is among the k largest; of equals the first classes count
//   roc_auc(scores, positive)      area under the ROC curve: the chance that a positive item scores above a negative
//                                  one, equal scores counting half (Mann-Whitney U / (n+ n-)); NaN without one of both
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "longwave/core/tensor.hpp"

namespace longwave {

template <class T>
bool in_top(TensorView<T, 1> scores, index_t label, index_t k) {
  if (label < 0 || label >= scores.size(0))
    throw_value_error("in_top: class " + std::to_string(label) + ", expected 0 to " +
                      std::to_string(scores.size(0) - 1));
  index_t before = 0;
  for (index_t i = 0; i < scores.size(0); ++i)
    before += scores(i) > scores(label) || (scores(i) == scores(label) && i < label) ? 1 : 0;
  return before < k;
}

// O(n log n). positive: anything that converts to bool.
template <class Positive>
double roc_auc(const std::vector<double>& scores, const std::vector<Positive>& positive) {
  if (scores.size() != positive.size())
    throw_shape_error("roc_auc: " + std::to_string(scores.size()) + " scores but " + std::to_string(positive.size()) +
                      " labels");
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i])) throw_value_error("roc_auc: score " + std::to_string(i) + " is nan");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double below = 0, pairs = 0, positives = 0;  // negatives below the present score; pairs in the right order
  for (std::size_t i = 0; i < order.size();) {
    double here[2] = {0, 0};  // items of one score: negative, positive
    const double score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i) ++here[positive[order[i]] ? 1 : 0];
    pairs += here[1] * (below + 0.5 * here[0]);
    below += here[0];
    positives += here[1];
  }
  return positives > 0 && below > 0 ? pairs / (positives * below) : std::nan("");
}

}  // namespace longwave
