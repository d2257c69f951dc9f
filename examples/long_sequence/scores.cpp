#include "long_sequence/scores.hpp"

#include <algorithm>

namespace longwave::examples {

void ScoreSums::add(TensorView<const float, 3> scores, const HostBatch& target) {
  const index_t B = scores.size(0), K = scores.size(1), M = scores.size(2);
  of_classes = target.values.data() == nullptr;
  positions = std::max(positions, M);
  count += B * M * (of_classes ? 1 : K);
  for (index_t b = 0; b < B; ++b)
    for (index_t m = 0; m < M; ++m) {
      const TensorView<const float, 1> at(&scores(b, 0, m), Extents<1>{K}, {scores.stride(1)});
      if (!of_classes) {
        for (index_t k = 0; k < K; ++k) {
          const double error = static_cast<double>(at(k)) - static_cast<double>(target.values(b, k * M + m));
          loss += error * error;
          absolute += std::abs(error);
        }
        continue;
      }
      const index_t best = largest(at), wanted = target.classes(b, m);
      const double top = static_cast<double>(at(best));
      double sum = 0;
      for (index_t k = 0; k < K; ++k) sum += std::exp(static_cast<double>(at(k)) - top);
      loss += top + std::log(sum) - static_cast<double>(at(wanted));
      right += best == wanted ? 1 : 0;
    }
}

void ScoreSums::add_loss(double mean, index_t predictions, bool classes, index_t predictions_each) {
  positions = std::max(positions, predictions_each);
  loss += mean * static_cast<double>(predictions);
  count += predictions;
  of_classes = classes;
  knows_right = false;
}

Scores mean_of(const ScoreSums& sums) {
  const double n = std::max(1.0, static_cast<double>(sums.count));
  Scores scores{.loss = sums.loss / n};
  scores.of_tokens = sums.of_classes && sums.positions > 1;
  if (!sums.knows_right) return scores;
  if (sums.of_classes)
    scores.accuracy = static_cast<double>(sums.right) / n;
  else
    scores.mae = sums.absolute / n;
  return scores;
}

std::vector<double> probabilities(TensorView<const float, 1> scores) {
  std::vector<double> p(static_cast<std::size_t>(scores.size(0)));
  const double top = static_cast<double>(scores(largest(scores)));
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k)
    sum += p[k] = std::exp(static_cast<double>(scores(static_cast<index_t>(k))) - top);
  for (double& each : p) each /= sum;
  return p;
}

index_t largest(TensorView<const float, 1> scores) {
  index_t best = 0;
  for (index_t k = 1; k < scores.size(0); ++k)
    if (scores(k) > scores(best)) best = k;
  return best;
}

}  // namespace longwave::examples
