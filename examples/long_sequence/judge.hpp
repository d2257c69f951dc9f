// judge.hpp - a trained network on a part of its data: scores, and for classes what is taken for what, with examples.
#pragma once

#include <optional>

#include "common/report.hpp"
#include "long_sequence/backend.hpp"
#include "long_sequence/trained.hpp"
#include "longwave/metrics/classification.hpp"

namespace longwave::examples {

struct Judgement {
  Scores scores;
  index_t items = 0;
  std::optional<ConfusionMatrix> matrix;  // of classes
  double top_five = NAN;                  // share of labels among the five largest scores, of more classes than that
  double roc_auc = NAN;                   // of two classes
  // Up to six right answers of different classes, then the six wrong ones that the network was surest of; of items with
  // one class.
  std::vector<Example> examples;
};

// rate: the step between samples against that of training.
Judgement judge(Predictor& predictor, const Trained& trained, const Part& part, double rate);

}  // namespace longwave::examples
