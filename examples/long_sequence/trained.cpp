#include "long_sequence/trained.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "long_sequence/datasets.hpp"
#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

// The averaged weights ("optimizer/ema.<name>") take the place of the trained ones.
void load_averages(const Checkpoint& saved, Network<Host>& network) {
  for (const ParameterRef<float>& p : network.trained()) {
    const std::string name = "optimizer/ema." + p.name;
    if (!saved.file().contains(name)) continue;
    const std::vector<float> average = saved.file().values<float>(name);
    if (static_cast<index_t>(average.size()) != p.count)
      throw IoError(saved.path(),
                    name + " has " + std::to_string(average.size()) + " elements, expected " + std::to_string(p.count));
    std::copy(average.begin(), average.end(), p.value);
  }
}

std::string file_in(const std::string& path, const char* name) {
  return std::filesystem::is_directory(path) ? path + "/" + name : path;
}

std::string text_of(const NetworkShape& s) {
  return (s.vocabulary > 0 ? std::to_string(s.vocabulary) + " tokens" : std::to_string(s.channels) + " channels") +
         (s.pairs ? " in pairs" : "") + " and gives " + std::to_string(s.outputs) + " scores";
}

}  // namespace

std::string checkpoint_path(const std::string& path) { return file_in(path, "checkpoint.safetensors"); }

std::string best_checkpoint_path(const std::string& path) {
  const std::string best = file_in(path, "best.safetensors");
  return file_exists(best) ? best : checkpoint_path(path);
}

Trained load_trained(const std::string& checkpoint) {
  const Checkpoint saved(best_checkpoint_path(checkpoint));
  if (!saved.notice().empty()) std::fprintf(stderr, "long_sequence: %s\n", saved.notice().c_str());
  Trained trained;
  trained.path = saved.path();
  trained.info = saved.info();
  make_settings(trained.options).load_json(saved.info().config, saved.path() + " (config)");
  check(trained.options);
  trained.shape = saved_shape(saved);
  Generator unused(0);
  trained.network = make_network<Host>(trained.options, trained.shape, unused);
  saved.load_model(trained.network->state());
  if (trained.options.optimizer.ema > 0) load_averages(saved, *trained.network);
  return trained;
}

RunData load_data_of(const Trained& trained, const std::string& folder) {
  RunOptions options = trained.options;
  if (!folder.empty()) options.dataset.folder = folder;
  Wanted wanted{.train = false};
  for (const auto& [key, text] : trained.info.more)
    if (key.starts_with(fit_key)) wanted.fit[key.substr(std::strlen(fit_key))] = text;
  RunData data = load_data(options, wanted);
  const NetworkShape &has = data.shape, &wants = trained.shape;
  if (has.channels != wants.channels || has.vocabulary != wants.vocabulary || has.outputs != wants.outputs ||
      has.pairs != wants.pairs)
    throw_shape_error(options.dataset.name + " holds " + text_of(has) + "; the network of " + trained.path + " takes " +
                      text_of(wants));
  return data;
}

index_t count_parameters(Network<Host>& network) {
  index_t n = 0;
  for (const auto& p : network.state())
    if (p.grad != nullptr) n += p.count;
  return n;
}

}  // namespace longwave::examples
