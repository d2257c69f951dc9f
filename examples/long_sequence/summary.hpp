// summary.hpp - what the program says about a run: in words, and as a report.
#pragma once

#include <string>

#include "long_sequence/trainer.hpp"
#include "longwave/cuda/device.hpp"
#include "longwave/metrics/classification.hpp"

namespace longwave::examples {

// "MNIST-1D: 4000 training and 1000 test sequences of length 40; 4 layers, ..."
std::string describe_run(const RunOptions& options, const RunData& data, const Trainer& trainer);

std::string describe_model(const RunOptions& options, const ModelShape& shape, index_t parameters);

// Curves (from metrics.jsonl beside the checkpoint, where it is), confusion matrix, examples, options, machine.
void write_report(const std::string& path, TrainedModel& trained, const Dataset<float>& test,
                  TensorView<const float, 2> logits, const ConfusionMatrix& matrix, const DeviceChoice& device);

}  // namespace longwave::examples
