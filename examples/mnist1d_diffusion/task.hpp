// task.hpp - what is learned: rows of a condition and its target, both with the set they belong to in the last column.
//
//   mnist1d    u = clip(2 (x - mean) / std, -5, 5) of a signal x; [u, z] -> digits 0 to 4 (z = 0): [u rolled right by
//   5,
//              0]; digits 5 to 9 (z = 1): [-0.8 u, 1]                                            P = 41
//   ancestor   x, y uniform in (-5, 5): (x, y, 0) -> (x, sin x, 0); (x, sin x, 1) -> (x, cos x + 1, 1)      P = 3
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "mnist1d_diffusion/options.hpp"

namespace longwave::examples::mnist1d_diffusion {

struct Rows {
  Tensor<float, 2> condition, target;  // (n, P)
  std::vector<int> digit;              // (n): the digit, for the ancestor the set
};

struct Task {
  Rows train, test;
  index_t points() const { return train.condition.size(1); }
};

// Rows drawn without replacement with the seed, the first half from set 1. ValueError where there are too few.
Task make_task(const Options& options, std::int64_t seed);

// Mean squared and mean absolute error over all entries, and the histogram KL.
struct Figures {
  double mse = 0, mae = 0, kl = 0;
};
Figures compare(TensorView<const float, 2> predicted, TensorView<const float, 2> target);

// Answers that need no network: all zeros, the mean of the row's set (over training rows), the condition itself.
std::vector<std::pair<std::string, Figures>> trivial_answers(const Task& task);

}  // namespace longwave::examples::mnist1d_diffusion
