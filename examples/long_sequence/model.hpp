// model.hpp - the classifier of this program, from options or from a checkpoint; predictions in batches.
#pragma once

#include <string>

#include "long_sequence/config.hpp"
#include "longwave/data/dataset.hpp"
#include "longwave/io/checkpoint.hpp"
#include "longwave/models/sequence_classifier.hpp"

namespace longwave::examples {

template <device D>
using ModelOn = SequenceClassifier<float, D>;
using Model = ModelOn<Host>;

// What the data asks of the model.
struct ModelShape {
  index_t d_input = 1, classes = 0, length = 0;
};

Model::Options model_options(const RunOptions& options, const ModelShape& shape);

// A model as it was trained: its averaged weights where the run kept such.
struct TrainedModel {
  RunOptions options;
  ModelShape shape;
  std::string path;  // of the checkpoint that was read
  CheckpointInfo info;
  Model model;
};
TrainedModel load_model(const std::string& checkpoint);

// The test set of its options, from `folder` where that is not empty; sequences of other channels are refused.
Dataset<float> load_test_of(const TrainedModel& trained, const std::string& folder);

// checkpoint file of a run's folder; a path that is no folder is taken for the file itself.
std::string checkpoint_path(const std::string& path);

// Mean cross-entropy in nats, share of right answers, in double.
struct Scores {
  double loss = 0, accuracy = 0;
};
Scores score(TensorView<const float, 2> logits, TensorView<const index_t, 1> y);
std::vector<double> probabilities(TensorView<const float, 1> logits);
index_t largest(TensorView<const float, 1> logits);

}  // namespace longwave::examples
