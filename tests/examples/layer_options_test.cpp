#include "long_sequence/layer_options.hpp"

#include <filesystem>

#include "check.hpp"
#include "long_sequence/config.hpp"

using namespace longwave::examples;
using longwave::ValueError;
using longwave::test::error_text;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string complaint(const char* json, const Pairs& command_line) {
  RunOptions options;
  Settings settings = make_settings(options);
  settings.load_json(json, "test");
  for (const auto& [name, value] : command_line) settings.set(name, value);
  return error_text<ValueError>([&] { settle_layer_options(settings, command_line); });
}

}  // namespace

TEST_CASE("long_sequence layer options: what the layer does not look at is refused, with the layers it is of") {
  CHECK(complaint("{}", {{"model.layer", "lstm"}, {"model.d_state", "64"}}) ==
        "model.d_state is an option of model.layer = s4d, s4_diag, s4 and dss, not of lstm; leave it out");
  CHECK(complaint("{}", {{"model.layer", "dss"}, {"model.rank", "2"}}) ==
        "model.rank is an option of model.layer = s4, not of dss; leave it out");
  CHECK(complaint("{}", {{"model.kernel_size", "3"}}) ==
        "model.kernel_size is an option of model.layer = conv, not of s4d; leave it out");
  CHECK(complaint(R"({"model": {"layer": "s4", "version": "exp"}})", {}) ==
        "model.version is an option of model.layer = dss, not of s4; leave it out");
  CHECK(complaint(R"({"model": {"layer": "gru"}, "optimizer": {"dt_lr": 0.01}})", {}) ==
        "optimizer.dt_lr is an option of model.layer = s4_diag, s4 and dss, not of gru; leave it out");
}

TEST_CASE("long_sequence layer options: a layer of the command line leaves the configuration's behind") {
  RunOptions options;
  Settings settings = make_settings(options);
  const std::string defaults = settings.to_json();
  settings.load_json(R"({"model": {"layer": "s4", "rank": 2, "d_state": 6, "n_layers": 3, "init": "fourier"},
                         "optimizer": {"C_lr": 0.001, "lr": 0.002}})",
                     "test");
  const Pairs command_line = {{"model.layer", "lstm"}};
  settings.set("model.layer", "lstm");
  settle_layer_options(settings, command_line);
  CHECK((options.model.rank == 1 && options.model.d_state == 64 && options.model.init.empty()));
  CHECK(std::isnan(options.optimizer.C_lr));
  CHECK((options.model.n_layers == 3 && options.optimizer.lr == 0.002));  // of every layer

  RunOptions again;
  Settings stored = make_settings(again);  // what a run leaves behind holds all options
  stored.load_json(settings.to_json(), "config.json");
  CHECK_NOTHROW(settle_layer_options(stored, {}));
  stored.load_json(defaults, "defaults");
  CHECK_NOTHROW(settle_layer_options(stored, {}));
}

TEST_CASE("long_sequence layer options: the configurations that come with the program give their layers only theirs") {
  int files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(LONGWAVE_EXAMPLE_DATA "/../long_sequence/configs/")) {
    const auto group = entry.path().parent_path().filename();
    if (entry.is_directory() || (group != "experiment" && group != "model" && group != "configs")) continue;
    INFO(entry.path());
    RunOptions options;
    Settings settings = make_settings(options);
    settings.load_file(entry.path().string());
    CHECK_NOTHROW(settle_layer_options(settings, {}));
    ++files;
  }
  CHECK(files > 30);
}
