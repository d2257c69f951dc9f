#include "long_sequence/datasets.hpp"

#include <cstdlib>
#include <map>

#include "longwave/io/file.hpp"

namespace longwave::examples {

RunData load_data(const RunOptions& options, const Wanted& wanted) {
  static const std::map<std::string, RunData (*)(const RunOptions&, const Wanted&)> loaders = {
      {"mnist1d", load_mnist1d},     {"smnist", load_mnist},          {"pmnist", load_mnist},
      {"cifar", load_cifar},         {"listops", load_listops},       {"text", load_text},
      {"retrieval", load_retrieval}, {"pathfinder", load_pathfinder}, {"speech", load_speech},
      {"digits", load_digits},       {"adding", load_synthetic},      {"copying", load_synthetic},
      {"delay", load_synthetic},     {"reconstruct", load_synthetic}, {"bytes", load_bytes},
      {"audio", load_audio}};
  return loaders.at(options.dataset.name)(options, wanted);
}

std::string named_folder(const RunOptions& options) {
  const char* environment = std::getenv("LONGWAVE_DATA");
  return !options.dataset.folder.empty() || environment == nullptr ? options.dataset.folder : environment;
}

std::string data_folder(const RunOptions& options, const std::string& name, const std::string& file) {
  const std::string folder = named_folder(options);
  if (folder.empty())
    throw_value_error("dataset.name is " + options.dataset.name +
                      ": name the folder of its files with --data or LONGWAVE_DATA");
  for (const std::string& candidate : {folder, folder + "/" + name})
    if (file_exists(candidate + "/" + file) || file_exists(candidate + "/" + file + ".gz")) return candidate;
  return folder;
}

Numbers sequences_of(const Dataset<float>& data) {
  Numbers set{.name = data.name, .channels = data.channels(), .classes = data.classes};
  set.values.assign(data.x.data(), data.x.data() + data.x.count());
  set.y.assign(data.y.data(), data.y.data() + data.size());
  set.offsets.resize(static_cast<std::size_t>(data.size()) + 1);
  for (std::size_t i = 0; i < set.offsets.size(); ++i) set.offsets[i] = static_cast<index_t>(i) * data.length();
  return set;
}

}  // namespace longwave::examples
