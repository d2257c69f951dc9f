// convert.cpp - the subcommand convert: a state dict of the S4 or DSS repository into a run that stands before its
// first step, and the weights of a run into such a state dict.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "long_sequence/commands.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/layer_options.hpp"
#include "long_sequence/official_names.hpp"
#include "long_sequence/summary.hpp"
#include "long_sequence/trainer_on.hpp"
#include "longwave/interop/torch_names.hpp"
#include "longwave/interop/torch_v3.hpp"

namespace longwave::examples {

namespace {

void refuse_existing(const std::string& path, const ConvertArguments& arguments) {
  if (file_exists(path) && !arguments.force)
    throw_value_error(path + " is there already; name another one (--to) or replace it (--force)");
}

// torch.save writes zip archives, or pickles by themselves.
void refuse_pickle(const std::string& path) {
  std::array<char, 2> begin = {};
  std::ifstream(path, std::ios::binary).read(begin.data(), begin.size());
  if ((begin[0] == 'P' && begin[1] == 'K') || begin[0] == '\x80')
    detail::throw_io_error(path,
                           "is a file of torch.save; write its state dict with safetensors.torch.save_file "
                           "first (three lines of Python, in docs/checkpoints.md)");
}

bool is_checkpoint(const SafetensorsFile& file) {
  const auto format = file.metadata().find("format");
  return format != file.metadata().end() && format->second.starts_with("longwave checkpoint");
}

// Of a run's folder, checkpoint.safetensors; of what ends like a checkpoint, itself.
bool names_file(const std::string& path) { return path.ends_with(".safetensors") || path.ends_with(".ckpt"); }

std::string described(const OfficialNames& names) {
  return names.example ? "of example.py"
                       : "of a training run (" + names.encoder + "*, model.*, " + names.decoder + "*)";
}

int from_official(const SafetensorsFile& file, const ConvertArguments& arguments) {
  RunOptions options;
  Settings settings = make_settings(options);
  read_options(settings, arguments.config, arguments.overrides);
  check(options);
  const bool folder = !names_file(arguments.to);
  const std::string path = folder ? arguments.to + "/checkpoint.safetensors" : arguments.to;
  refuse_existing(path, arguments);
  if (folder) refuse_existing(arguments.to + "/best.safetensors", arguments);

  const RunData data = load_data(options);
  const StateDict dict = torch_names::from_v3(torch_names::state_dict(file));
  const OfficialNames names = names_in(dict, arguments.prefix);
  const std::string config = settings.to_json();
  RunOptions here = options;
  here.trainer.precision = "float32";  // of the values between layers, which only a device has in another
  TrainerOn<Host> trainer(here, config, data);
  trainer.start_from([&](const std::vector<ParameterRef<float>>& refs) {
    load_torch(dict, renamed(refs, names), {.prefix = arguments.prefix, .ignore = arguments.ignore});
  });

  if (folder) {
    make_folders(arguments.to);
    for (const char* left : {"best.safetensors", "test.jsonl", "metrics.jsonl", "report.html"})
      std::filesystem::remove(arguments.to + "/" + left);
    std::filesystem::remove_all(arguments.to + "/best");
    replace_file(arguments.to + "/config.json", config + "\n");
  } else {
    make_folders(detail::folder_of(path));
  }
  trainer.save(path);
  std::filesystem::remove(previous_checkpoint(path));  // of what was replaced
  std::printf("%s: names %s\n", file.path().c_str(), described(names).c_str());
  std::printf("%s\n", describe_network(options, data.shape, trainer.count_parameters()).c_str());
  std::printf("checkpoint: %s\nevaluate it first: options such as model.dt_transform leave no trace in a state dict\n",
              path.c_str());
  return 0;
}

int to_official(const ConvertArguments& arguments) {
  if (!arguments.config.empty() || !arguments.overrides.empty())
    throw UsageError(arguments.from + " brings its options along; leave out --config and the options of a run");
  if (!arguments.ignore.empty()) throw UsageError("--ignore is for state dicts that are read");
  refuse_existing(arguments.to, arguments);
  Trained trained = load_trained(arguments.from);
  const OfficialNames names = {.example = arguments.names == "example"};
  if (names.example && trained.options.model.layer != "s4d")
    throw_value_error("--names example: example.py's model has S4D layers, that of " + trained.path + " has " +
                      trained.options.model.layer);
  make_folders(detail::folder_of(arguments.to));
  save_torch(arguments.to, renamed(trained.network->state(), names),
             {.prefix = arguments.prefix, .transposed = arguments.transposed});
  std::printf("%s: %s\n", trained.path.c_str(),
              describe_network(trained.options, trained.shape, count_parameters(*trained.network)).c_str());
  std::printf("state dict: %s, names %s\n", arguments.to.c_str(), described(names).c_str());
  return 0;
}

}  // namespace

int convert(const ConvertArguments& arguments) {
  if (std::filesystem::is_directory(arguments.from)) return to_official(arguments);
  refuse_pickle(arguments.from);
  const SafetensorsFile file(arguments.from);
  return is_checkpoint(file) ? to_official(arguments) : from_official(file, arguments);
}

}  // namespace longwave::examples
