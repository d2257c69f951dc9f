#include "long_sequence/config.hpp"

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
  CHECK(complaint("schedule.min_lr=1").find("schedule.min_lr") != std::string::npos);
  CHECK(complaint("schedule.warmup_epochs=60").find("schedule.warmup_epochs") != std::string::npos);
}

TEST_CASE("long_sequence options: the configurations that come with the program are valid") {
  for (const char* name : {"mnist1d", "smnist", "pmnist"}) {
    RunOptions options;
    make_settings(options).load_file(std::string(LONGWAVE_EXAMPLE_DATA "/../long_sequence/configs/") + name + ".json");
    check(options);
    CHECK(options.data.name == name);
  }
}
