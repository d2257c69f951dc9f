// summary.hpp - what the program says about a run: in words, and as a report.
#pragma once

#include <string>

#include "long_sequence/judge.hpp"

namespace longwave::examples {

// "loss 0.0512, accuracy 98.31 %" or "loss 0.00031, mean error 0.0129"
std::string describe(const Scores& scores);

// "smnist: 60000 training and 10000 test items of length 784; 4 s4d layers, ..."
std::string describe_run(const RunOptions& options, const RunData& data, const Trainer& trainer);

std::string describe_network(const RunOptions& options, const NetworkShape& shape, index_t parameters);

// Curves (from metrics.jsonl beside the checkpoint, where it is), confusion matrix, examples, options, machine.
void write_report(const std::string& path, Trained& trained, const RunData& data, const Judgement& test,
                  const DeviceChoice& device);

}  // namespace longwave::examples
