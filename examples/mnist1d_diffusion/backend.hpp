// backend.hpp - a training run on the device that was asked for. The host's in backend.cpp, CUDA's in cuda/.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "longwave/cuda/device.hpp"
#include "mnist1d_diffusion/task.hpp"

namespace longwave::examples::mnist1d_diffusion {

using LogLine = std::function<void(const std::string&)>;

struct Outcome {
  std::int64_t parameters = 0;
  std::vector<double> losses;    // mean of each epoch
  Tensor<float, 2> test, train;  // samples for the test rows, and for training rows (training_rows)
};

struct Backend {
  Outcome (*run_experiment)(const Options&, const Experiment&, const Task&, std::int64_t seed, const LogLine&);
  // The network trained as a plain regressor; no samples for training rows.
  Outcome (*run_regressor)(const Options&, const Task&, std::int64_t seed, const LogLine&);
};

const Backend& backend_of(const DeviceChoice& device);

const Backend& cuda_backend();  // in cuda/ or no_cuda/

// As many training rows as there are test rows, half of either set: rows are those of set 1, then those of set 2.
template <class T>
TensorView<T, 2> training_rows(TensorView<T, 2> rows, index_t n) {
  const index_t half = rows.size(0) / 2, count = std::min(n / 2, half);
  return rows.slice(0, half - count, half + count);
}

}  // namespace longwave::examples::mnist1d_diffusion
