#include "sar_focus/network.hpp"

#include <sys/stat.h>

#include <cmath>

#include "sar_focus/network_on.hpp"

namespace longwave::examples::sar_focus {

template std::unique_ptr<Network<Host>> make_network<Host>(const TrainOptions& options, Generator& init);

SarFocusOptions network_options(const TrainOptions& options) {
  SarFocusOptions o;
  o.num_layers = options.num_layers;
  o.hidden_state_size = options.hidden_state_size;
  o.act_fun = options.act_fun;
  o.dropout = options.dropout;
  o.batch_norm = options.batch_norm;
  o.bidirectional = options.bidirectional;
  o.d_model = options.width;
  o.residual = options.residual;
  o.complex_valued = options.complex_valued;
  o.taps = options.taps;
  if (!std::isnan(options.position_first)) o.position_first = options.position_first;
  if (!std::isnan(options.position_last)) o.position_last = options.position_last;
  return o;
}

std::string model_file(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) detail::throw_system_error(path, "cannot open it");
  if (!S_ISDIR(found.st_mode)) return path;
  for (const char* name : {"/model", "/checkpoints/last.ckpt"})
    if (file_exists(path + name)) return path + name;
  throw IoError(path, "holds no trained model: neither `model` nor checkpoints/last.ckpt");
}

TrainedNetwork load_trained(const std::string& path) {
  TrainedNetwork trained;
  trained.file = std::make_unique<Checkpoint>(model_file(path));
  if (trained.file->info().more.count("program") == 0 || trained.file->info().more.at("program") != "sar_focus")
    throw IoError(trained.path(), "is a checkpoint of another program");
  trained.epoch = trained.file->info().epoch;
  Settings settings = make_settings(trained.options);
  settings.load_json(trained.file->info().config, trained.path() + " (config)");
  return trained;
}

}  // namespace longwave::examples::sar_focus
