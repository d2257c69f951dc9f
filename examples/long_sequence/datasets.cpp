#include "long_sequence/datasets.hpp"

#include <cstdlib>
#include <numeric>

#include "longwave/data/idx.hpp"
#include "longwave/data/mnist1d.hpp"

#ifndef LONGWAVE_EXAMPLE_DATA
#define LONGWAVE_EXAMPLE_DATA "examples/data"
#endif

namespace longwave::examples {

namespace {

// The first of folder and folder/name that holds `file` or `file`.gz; else `folder`, for the reader to complain about.
std::string folder_with(const std::string& folder, const std::string& name, const std::string& file) {
  for (const std::string& candidate : {folder, folder + "/" + name})
    if (file_exists(candidate + "/" + file) || file_exists(candidate + "/" + file + ".gz")) return candidate;
  return folder;
}

std::string mnist1d_folder(const RunOptions& options) {
  const char* moved = std::getenv("LONGWAVE_EXAMPLE_DATA");  // for a program that was carried to another machine
  const std::string shipped = moved != nullptr ? moved : LONGWAVE_EXAMPLE_DATA;
  const std::string folder = options.data.folder.empty() ? shipped : options.data.folder;
  return folder_with(folder, "mnist1d", "x_test.npy");
}

std::string mnist_folder(const RunOptions& options) {
  const char* environment = std::getenv("LONGWAVE_DATA");
  std::string folder = options.data.folder;
  if (folder.empty() && environment != nullptr) folder = environment;
  if (folder.empty())
    throw_value_error("data.name is " + options.data.name +
                      ": name the folder of the MNIST idx files with --data or LONGWAVE_DATA");
  return folder_with(folder, "mnist", "t10k-images-idx3-ubyte");
}

Dataset<float> load(const RunOptions& options, bool train) {
  if (options.data.name == "mnist1d")
    return read_mnist1d<float>(mnist1d_folder(options), train ? Mnist1dPart::train : Mnist1dPart::test);
  Dataset<float> data = read_mnist<float>(mnist_folder(options), train ? MnistPart::train : MnistPart::test);
  if (options.data.name == "pmnist") permute_time(data, bit_reversal_order(data.length()));
  return data;
}

Dataset<float> first(Dataset<float> data, std::int64_t limit) {
  if (limit == 0 || limit >= data.size()) return data;
  std::vector<index_t> places(static_cast<std::size_t>(limit));
  std::iota(places.begin(), places.end(), index_t(0));
  return subset(data, places, data.name);
}

}  // namespace

Dataset<float> load_test_data(const RunOptions& options) {
  return first(load(options, false), options.data.limit_test);
}

RunData load_data(const RunOptions& options) {
  RunData data;
  data.train = first(load(options, true), options.data.limit);
  data.test = load_test_data(options);
  if (options.data.validation > 0) {
    Generator generator(42);  // the same part whatever the seed of the run
    TrainValidation<float> parts = split(data.train, options.data.validation, generator);
    data.train = std::move(parts.train);
    data.validation = std::move(parts.validation);
  }
  return data;
}

}  // namespace longwave::examples
