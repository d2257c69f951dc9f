// scores.hpp - how good predictions are: mean loss in nats or squared error, share of right answers; all in double.
#pragma once

#include <cmath>

#include "long_sequence/parts.hpp"

namespace longwave::examples {

// Sums over predictions.
struct ScoreSums {
  double loss = 0;        // cross-entropies, or squared errors
  double absolute = 0;    // errors, of numbers
  index_t right = 0;      // classes
  index_t count = 0;      // predictions
  index_t positions = 1;  // that an item has a prediction for
  bool of_classes = true;
  bool knows_right = true;  // false: only the loss of some is known

  // scores (B, K, M) of a batch.
  void add(TensorView<const float, 3> scores, const HostBatch& target);
  // Of predictions that are too many to be fetched: their mean loss.
  void add_loss(double mean, index_t predictions, bool classes, index_t predictions_each);
};

struct Scores {
  double loss = NAN;
  double accuracy = NAN;   // of classes
  double mae = NAN;        // of numbers
  bool of_tokens = false;  // classes of several positions: perplexity and bits are of interest

  double perplexity() const { return of_tokens ? std::exp(loss) : NAN; }
  double bits() const { return of_tokens ? loss / std::log(2.0) : NAN; }  // per token
  // What a run is chosen by: larger is better.
  double merit() const { return std::isnan(accuracy) ? -loss : accuracy; }
};
Scores mean_of(const ScoreSums& sums);

std::vector<double> probabilities(TensorView<const float, 1> scores);
index_t largest(TensorView<const float, 1> scores);

}  // namespace longwave::examples
