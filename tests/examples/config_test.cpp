#include "long_sequence/config.hpp"

#include <filesystem>

#include "check.hpp"

using namespace longwave::examples;
using longwave::ValueError;
using longwave::test::error_text;

namespace {

std::string complaint(const char* assignment) {
  RunOptions options;
  Settings settings = make_settings(options);
  settings.set(assignment);
  return error_text<ValueError>([&] { check(options); });
}

}  // namespace

TEST_CASE("long_sequence options: the defaults pass their own check and survive JSON") {
  RunOptions options, copy;
  check(options);
  Settings settings = make_settings(options);
  make_settings(copy).load_json(settings.to_json(), "defaults");
  CHECK(make_settings(copy).to_json() == settings.to_json());
}

TEST_CASE("long_sequence options: every option has a group, a help text and a default within its own range") {
  RunOptions options;
  const Settings settings = make_settings(options);
  for (const Settings::Entry& entry : settings.entries()) {
    INFO(entry.name);
    CHECK(entry.name.find('.') != std::string::npos);
    CHECK_FALSE(entry.help.empty());
    RunOptions other;
    CHECK_NOTHROW(make_settings(other).set(entry.name, settings.value_text(entry.name)));
  }
}

TEST_CASE("long_sequence options: values that do not fit one another are refused by name") {
  CHECK(complaint("model.d_state=3").find("model.d_state is 3, expected an even number") != std::string::npos);
  CHECK(complaint("model.dt_min=0.5").find("model.dt_min") != std::string::npos);
  CHECK(complaint("scheduler.min_lr=1").find("scheduler.min_lr") != std::string::npos);
  CHECK(complaint("scheduler.warmup_epochs=60").find("scheduler.warmup_epochs") != std::string::npos);
}

TEST_CASE("long_sequence options: the configurations that come with the program are valid") {
  const std::string folder = LONGWAVE_EXAMPLE_DATA "/../long_sequence/configs/";
  for (const char* name : {"mnist1d", "smnist", "pmnist"}) {
    RunOptions options;
    make_settings(options).load_file(folder + name + ".json");
    check(options);
    CHECK(options.dataset.name == name);
  }
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    // What stands in a group's folder is a part of a run and need not fit the other defaults.
    if (entry.path().parent_path().filename() != "experiment") continue;
    INFO(entry.path());
    RunOptions options;
    make_settings(options).load_file(entry.path().string());
    CHECK_NOTHROW(check(options));
    ++files;
  }
  CHECK(files > 20);
}

TEST_CASE("long_sequence options: what a data set does not look at is refused") {
  CHECK(complaint("dataset.permutation=hilbert").find("dataset.permutation is an option of cifar, not of mnist1d") !=
        std::string::npos);
  CHECK(complaint("dataset.gray=true").find("dataset.gray") != std::string::npos);
  CHECK(complaint("dataset.tokens=true").find("dataset.tokens") != std::string::npos);
}

TEST_CASE("long_sequence options: an experiment says what its presets do not") {
  RunOptions options;
  make_settings(options).load_file(LONGWAVE_EXAMPLE_DATA "/../long_sequence/configs/experiment/lra_pathx.json");
  CHECK(options.model.layer == "s4");         // from model/s4.json
  CHECK(options.scheduler.name == "cosine");  // from scheduler/cosine_warmup.json
  CHECK(options.model.dt_min == 1e-4);
  CHECK(options.optimizer.lr == 1e-3);
  CHECK(options.optimizer.C_lr == 1e-3);
}
