// best.hpp - of the generators of a training, the one whose rows are nearest to rows that were not learnt from.
#pragma once

#include <functional>
#include <vector>

#include "longwave/models/lstm_gan.hpp"
#include "trace_gan/rows.hpp"

namespace longwave::examples::trace_gan {

// Chunks for training, and the rows of the others.
struct HeldOut {
  Tensor<float, 3> chunks;  // (n, seq_len, 4), in their order
  Tensor<float, 2> rows;    // (m seq_len, 4), scaled
};

// A random `share` of the chunks, rounded, is held out; at least one chunk and two rows of them, and one stays.
HeldOut hold_out(TensorView<const float, 3> chunks, double share, Generator gen);

// Looks at generated rows (n, 4), scaled, after an epoch; true: the best so far, keep the generator.
struct RowJudge {
  index_t rows = 0;                                                             // to generate
  std::function<bool(index_t epoch, TensorView<const float, 2> rows)> is_best;  // none: the last generator is kept
};

// MMD^2 under protocol p1 against scaled rows (m, 4), both in the trace's units; with inter-arrival times, gaps.
double score_rows(TensorView<const float, 2> generated, TensorView<const float, 2> held_out, RowCodec codec);

// A copy of weights, where they are.
template <device D>
class KeptWeights {
 public:
  explicit KeptWeights(std::vector<ParameterRef<float, D>> parameters) : parameters_(std::move(parameters)) {
    for (const auto& p : parameters_) kept_.emplace_back(p.count);
  }

  void keep() {
    for (std::size_t i = 0; i < kept_.size(); ++i)
      Memory<D>::copy(kept_[i].data(), parameters_[i].value, kept_[i].bytes());
  }
  void restore() {
    for (std::size_t i = 0; i < kept_.size(); ++i)
      Memory<D>::copy(parameters_[i].value, kept_[i].data(), kept_[i].bytes());
  }

 private:
  std::vector<ParameterRef<float, D>> parameters_;
  std::vector<Tensor<float, 1, D>> kept_;
};

}  // namespace longwave::examples::trace_gan
