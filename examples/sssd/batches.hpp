// batches.hpp - which rows a training step sees and what of them is blanked.
#pragma once

#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/data/residual.hpp"
#include "longwave/diffusion/mask.hpp"
#include "sssd/network.hpp"

namespace longwave::examples::sssd {

// A batch on the host, coded.
struct HostBatch {
  Tensor<float, 3> x0, mask, observed;  // (B, C, L)
};

class Batches {
 public:
  // All outlive it. The batch is smaller where the set is.
  Batches(const Options& options, const SeriesSet& set, const Coding& coding, Generator rows, Generator masks);

  // Batch number n: distinct random rows, or without shuffling the next ones in order.
  void make(std::int64_t n);
  const HostBatch& batch() const { return batch_; }
  bool complete() const { return complete_; }  // no value of the set is missing

  Generator rows, masks;

 private:
  void choose_rows(std::int64_t n);
  void blank();
  void subtract_guess();

  const Options& options_;
  const SeriesSet& set_;
  const Coding& coding_;
  Tensor<float, 3> coded_;  // (N, C, L)
  HostBatch batch_;
  std::vector<index_t> chosen_;
  Tensor<index_t, 1> order_;
  Tensor<float, 1> lots_;
  Tensor<float, 2> guess_;  // (C, L)
  bool complete_ = true, per_sample_ = true;
};

// Fits coding.guess and its units to gaps as training makes them.
void fit_guess(const Options& options, const SeriesSet& train, Coding& coding);

// All values of a set, coded for a network of this kind.
Tensor<float, 3> coded_values(ModelKind kind, const Coding& coding, const SeriesSet& set);

}  // namespace longwave::examples::sssd
