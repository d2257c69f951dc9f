// rows.hpp - from a trace to chunks of scaled rows, and from scaled rows back to a trace.
#pragma once

#include <string>

#include "trace_gan/options.hpp"

namespace longwave::examples::trace_gan {

// What turns rows of a trace into numbers of the networks and back.
struct RowCodec {
  ColumnScaler scaler;
  bool inter_arrival = false;
  double start = 0;  // the first request's time
};

struct LearningSet {
  RowCodec codec;
  Tensor<float, 3> chunks;  // (rows / seq_len, seq_len, 4); what is left over at the end is dropped
  index_t rows = 0;         // of the trace
  std::string notes;        // what a user should know: lines left out, constant columns; "" for nothing
};

// The scaler is fitted to all rows, those that no chunk holds included.
LearningSet make_learning_set(BlockTrace trace, const TrainOptions& options);

struct RowStyle {
  bool sort_time = false;
  index_t align = 0;  // bytes; 0: as they come
};

// Scaled rows (n, 4) as a trace: clamped to the range of the training, gaps summed up, in whole numbers (truncated).
Tensor<double, 2> decode_rows(TensorView<const float, 2> scaled, const RowCodec& codec, const RowStyle& style);

// "timestamp length LBA latency" per line; replaces the file as a whole.
void write_rows(const std::string& path, TensorView<const double, 2> rows);

}  // namespace longwave::examples::trace_gan
