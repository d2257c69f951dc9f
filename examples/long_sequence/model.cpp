#include "long_sequence/model.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "long_sequence/datasets.hpp"

namespace longwave::examples {

namespace {

index_t whole_number(const CheckpointInfo& info, const std::string& path, const char* key) {
  const auto at = info.more.find(key);
  const long long value = at == info.more.end() ? 0 : std::atoll(at->second.c_str());
  if (value < 1 || value > 1 << 30)
    throw IoError(path, std::string("the checkpoint does not say ") + key + ": was it written by long_sequence?");
  return value;
}

// The averaged weights ("optimizer/ema.<name>") take the place of the trained ones.
void load_averages(const Checkpoint& saved, Model& model) {
  for (const ParameterRef<float>& p : parameters<float>(model)) {
    const std::string name = "optimizer/ema." + p.name;
    if (!saved.file().contains(name)) continue;
    const std::vector<float> average = saved.file().values<float>(name);
    if (static_cast<index_t>(average.size()) != p.count)
      throw IoError(saved.path(),
                    name + " has " + std::to_string(average.size()) + " elements, expected " + std::to_string(p.count));
    std::copy(average.begin(), average.end(), p.value);
  }
}

}  // namespace

Model::Options model_options(const RunOptions& options, const ModelShape& shape) {
  Model::Options model;
  model.d_input = shape.d_input;
  model.d_output = shape.classes;
  model.d_model = options.model.d_model;
  model.d_state = options.model.d_state;
  model.n_layers = options.model.n_layers;
  model.dropout = options.model.dropout;
  model.prenorm = options.model.prenorm;
  model.pooling = options.model.pooling == "mean" ? Pooling::mean : Pooling::last;
  model.dt_min = options.model.dt_min;
  model.dt_max = options.model.dt_max;
  model.ssm_lr = options.optimizer.ssm_lr;
  return model;
}

std::string checkpoint_path(const std::string& path) {
  struct stat info;
  const bool folder = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  return folder ? path + "/checkpoint.safetensors" : path;
}

TrainedModel load_model(const std::string& checkpoint) {
  const Checkpoint saved(checkpoint_path(checkpoint));
  if (!saved.notice().empty()) std::fprintf(stderr, "long_sequence: %s\n", saved.notice().c_str());
  RunOptions options;
  Settings settings = make_settings(options);
  settings.load_json(saved.info().config, saved.path() + " (config)");
  check(options);
  const ModelShape shape{whole_number(saved.info(), saved.path(), "d_input"),
                         whole_number(saved.info(), saved.path(), "classes"),
                         whole_number(saved.info(), saved.path(), "length")};
  Generator unused(0);
  Model model(model_options(options, shape), unused);
  saved.load_model(state<float>(model));
  if (options.optimizer.ema > 0) load_averages(saved, model);
  return {options, shape, saved.path(), saved.info(), std::move(model)};
}

Dataset<float> load_test_of(const TrainedModel& trained, const std::string& folder) {
  RunOptions options = trained.options;
  if (!folder.empty()) options.data.folder = folder;
  Dataset<float> test = load_test_data(options);
  if (test.channels() != trained.shape.d_input || test.classes != trained.shape.classes)
    throw_shape_error(test.name + " has " + std::to_string(test.channels()) + " channels and " +
                      std::to_string(test.classes) + " classes, the model of " + trained.path + " takes " +
                      std::to_string(trained.shape.d_input) + " and " + std::to_string(trained.shape.classes));
  return test;
}

std::vector<double> probabilities(TensorView<const float, 1> logits) {
  std::vector<double> p(static_cast<std::size_t>(logits.size(0)));
  const double top = static_cast<double>(logits(largest(logits)));
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) sum += p[k] = std::exp(static_cast<double>(logits(k)) - top);
  for (double& each : p) each /= sum;
  return p;
}

index_t largest(TensorView<const float, 1> logits) {
  index_t best = 0;
  for (index_t k = 1; k < logits.size(0); ++k)
    if (logits(k) > logits(best)) best = k;
  return best;
}

Scores score(TensorView<const float, 2> logits, TensorView<const index_t, 1> y) {
  Scores s;
  for (index_t i = 0; i < y.size(0); ++i) {
    const TensorView<const float, 1> row = logits[i];
    const double top = static_cast<double>(row(largest(row)));
    double sum = 0;
    for (index_t k = 0; k < row.size(0); ++k) sum += std::exp(static_cast<double>(row(k)) - top);
    s.loss += top + std::log(sum) - static_cast<double>(row(y(i)));
    s.accuracy += largest(row) == y(i) ? 1 : 0;
  }
  const double n = std::max(1.0, static_cast<double>(y.size(0)));
  return {s.loss / n, s.accuracy / n};
}

}  // namespace longwave::examples
