#include "common/settings.hpp"

#include <fstream>
#include <limits>

#include "check.hpp"
#include "files.hpp"

using longwave::IoError;
using longwave::ValueError;
using longwave::examples::Settings;
using longwave::examples::UsageError;
using longwave::test::error_text;

namespace {

struct Options {
  std::int64_t d_model = 64;
  double lr = 0.01;
  double own_lr = std::numeric_limits<double>::quiet_NaN();
  bool prenorm = false;
  std::string pooling = "mean";
  Settings settings;

  Options() {
    settings.integer("model.d_model", d_model, 1, 4096, "channels");
    settings.flag("model.prenorm", prenorm, "norm first");
    settings.text("model.pooling", pooling, {"mean", "last"}, "over time");
    settings.number("optimizer.lr", lr, 0, 10, "learning rate");
    settings.optional_number("optimizer.own_lr", own_lr, 0, 10, "of some");
  }
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("settings: a JSON file may nest options, name them with dots and leave some out") {
  Options o;
  o.settings.load_json(R"({"model": {"d_model": 32, "prenorm": true},
                           "optimizer.lr": 1e-3})",
                       "a.json");
  CHECK(o.d_model == 32);
  CHECK(o.prenorm);
  CHECK(o.lr == 1e-3);
  CHECK(o.pooling == "mean");
}

TEST_CASE("settings: an unknown key in a file is refused with its nearest name and the valid ones") {
  Options o;
  const auto text = error_text<ValueError>([&] { o.settings.load_json(R"({"model": {"d_modle": 1}})", "a.json"); });
  CHECK(has(text, "a.json: unknown option \"model.d_modle\""));
  CHECK(has(text, "did you mean \"model.d_model\"?"));
  CHECK(has(text, "model.pooling"));
  CHECK(has(error_text<ValueError>([&] { o.settings.load_json(R"({"optimiser": {"lr": 1}})", "a.json"); }),
            "did you mean \"optimizer.lr\"?"));
  CHECK(has(error_text<ValueError>([&] { o.settings.load_json(R"({"lr": 1})", "a.json"); }),
            "did you mean \"optimizer.lr\"?"));
}

TEST_CASE("settings: values of the wrong kind or out of range are refused with what is expected") {
  Options o;
  auto load = [&](const char* json) { return error_text<ValueError>([&] { o.settings.load_json(json, "a.json"); }); };
  CHECK(has(load(R"({"model": {"d_model": 0}})"), "model.d_model is 0, expected an integer from 1 to 4096"));
  CHECK(has(load(R"({"model": {"d_model": 1.5}})"), "model.d_model is 1.5"));
  CHECK(has(load(R"({"model": {"d_model": "64"}})"), "model.d_model is \"64\""));
  CHECK(has(load(R"({"model": {"prenorm": 1}})"), "expected true or false"));
  CHECK(has(load(R"({"model": {"pooling": "max"}})"), "expected one of mean, last"));
  CHECK(has(load(R"({"optimizer": {"lr": null}})"), "optimizer.lr is null"));
  CHECK(has(load(R"({"optimizer": {"lr": -1}})"), "expected a number from 0 to 10"));
  CHECK(has(load("[1]"), "expected an object"));
  CHECK(o.d_model == 64);
}

TEST_CASE("settings: text that is not JSON is an IoError that names file and place") {
  Options o;
  CHECK(has(error_text<IoError>([&] { o.settings.load_json("{\"model\": ", "a.json"); }), "a.json (offset"));
  CHECK(has(error_text<IoError>([&] { o.settings.load_json(R"({"a": 1, "a": 2})", "a.json"); }), "comes twice"));
  CHECK(has(error_text<IoError>([&] { o.settings.load_file("/nowhere/a.json"); }), "/nowhere/a.json"));
}

TEST_CASE("settings: assignments as text, none for an option that may be unset") {
  Options o;
  o.settings.set("model.d_model=8");
  o.settings.set("model.pooling=last");
  o.settings.set("model.prenorm", "true");
  o.settings.set("optimizer.own_lr=0.5");
  CHECK(o.d_model == 8);
  CHECK(o.pooling == "last");
  CHECK(o.prenorm);
  CHECK(o.own_lr == 0.5);
  o.settings.set("optimizer.own_lr=none");
  CHECK(std::isnan(o.own_lr));
  CHECK(has(error_text<UsageError>([&] { o.settings.set("model.d_model"); }), "NAME=VALUE"));
  CHECK(has(error_text<UsageError>([&] { o.settings.set("model.d_model=abc"); }), "model.d_model is \"abc\""));
  CHECK(has(error_text<UsageError>([&] { o.settings.set("d_model=3"); }), "did you mean \"model.d_model\"?"));
}

TEST_CASE("settings: what to_json writes, load_json reads back") {
  Options a, b;
  a.d_model = 7;
  a.lr = 0.1 + 0.2;
  a.pooling = "last";
  b.settings.load_json(a.settings.to_json(), "a.json");
  CHECK(b.d_model == 7);
  CHECK(b.lr == a.lr);
  CHECK(std::isnan(b.own_lr));
  CHECK(b.settings.to_json() == a.settings.to_json());
}

TEST_CASE("settings: a file starts from its presets, in order, then says its own") {
  const longwave::test::TemporaryFolder folder;
  for (const char* group : {"model", "optimizer", "run"}) std::filesystem::create_directory(folder / group);
  const auto write = [&](const std::string& name, const std::string& text) {
    longwave::test::write_text(folder / name, text);
  };
  write("model/wide.json", R"({"model": {"d_model": 512, "prenorm": true}})");
  write("optimizer/slow.json", R"({"optimizer": {"lr": 1e-4}, "model": {"d_model": 256}})");
  write("run/a.json", R"({"presets": ["../model/wide.json", "../optimizer/slow.json"], "optimizer": {"lr": 2e-4}})");
  Options o;
  o.settings.load_file(folder / "run/a.json");
  CHECK(o.d_model == 256);
  CHECK(o.prenorm);
  CHECK(o.lr == 2e-4);

  write("run/missing.json", R"({"presets": ["../model/narrow.json"]})");
  CHECK(has(error_text<IoError>([&] { o.settings.load_file(folder / "run/missing.json"); }), "model/narrow.json"));
  write("model/wrong.json", R"({"model": {"d_modle": 1}})");
  write("run/wrong.json", R"({"presets": ["../model/wrong.json"]})");
  CHECK(has(error_text<ValueError>([&] { o.settings.load_file(folder / "run/wrong.json"); }),
            "model/wrong.json: unknown option \"model.d_modle\""));
  write("run/round.json", R"({"presets": ["round.json"]})");
  CHECK(has(error_text<ValueError>([&] { o.settings.load_file(folder / "run/round.json"); }),
            "presets that start from one another"));
  write("run/text.json", R"({"presets": "a"})");
  CHECK(has(error_text<ValueError>([&] { o.settings.load_file(folder / "run/text.json"); }),
            "presets is \"a\", expected a list of files"));
}
