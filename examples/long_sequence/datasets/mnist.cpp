// MNIST-1D, which comes with the source, and the pixels of MNIST one by one, permuted or not.
#include <cstdlib>

#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/idx.hpp"
#include "longwave/data/mnist1d.hpp"

#ifndef LONGWAVE_EXAMPLE_DATA
#define LONGWAVE_EXAMPLE_DATA "examples/data"
#endif

namespace longwave::examples {

RunData load_mnist1d(const RunOptions& options, const Wanted& wanted) {
  const char* moved = std::getenv("LONGWAVE_EXAMPLE_DATA");  // for a program that was carried to another machine
  RunOptions where = options;
  if (where.dataset.folder.empty()) where.dataset.folder = moved != nullptr ? moved : LONGWAVE_EXAMPLE_DATA;
  const std::string folder = data_folder(where, "mnist1d", "x_test.npy");
  const auto read = [&](Mnist1dPart part) { return sequences_of(read_mnist1d<float>(folder, part)); };
  return assemble(options, wanted.train ? read(Mnist1dPart::train) : Numbers(), read(Mnist1dPart::test));
}

RunData load_mnist(const RunOptions& options, const Wanted& wanted) {
  const std::string folder = data_folder(options, "mnist", "t10k-images-idx3-ubyte");
  const auto read = [&](MnistPart part) {
    Dataset<float> data = read_mnist<float>(folder, part);
    if (options.dataset.name == "pmnist") permute_time(data, bit_reversal_order(data.length()));
    return sequences_of(data);
  };
  return assemble(options, wanted.train ? read(MnistPart::train) : Numbers(), read(MnistPart::test));
}

}  // namespace longwave::examples
