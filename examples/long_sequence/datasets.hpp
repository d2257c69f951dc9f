// datasets.hpp - the data of a run: MNIST-1D (shipped with the source), sequential and permuted MNIST.
#pragma once

#include "long_sequence/config.hpp"
#include "longwave/data/dataset.hpp"

namespace longwave::examples {

struct RunData {
  Dataset<float> train, test;
  Dataset<float> validation;  // empty unless data.validation asks for one

  // What is looked at after each epoch. Only a validation part may be tuned on.
  const Dataset<float>& watched() const { return validation.size() > 0 ? validation : test; }
};

RunData load_data(const RunOptions& options);
Dataset<float> load_test_data(const RunOptions& options);

}  // namespace longwave::examples
