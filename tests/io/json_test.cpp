#include "longwave/io/json.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("config: values of each type, fallbacks and sections") {
  Config config = Config::parse(R"({"n": 3, "big": 1e3, "lr": 1, "on": true, "name": "x", "list": [1, 2.5],
                                    "model": {"d_model": 64}})");
  CHECK(config.get("n", 0) == 3);
  CHECK(config.get("big", index_t(0)) == 1000);
  CHECK(config.get("lr", 0.5) == 1.0);
  CHECK(config.get("on", false));
  CHECK(config.get("name", "y") == "x");
  CHECK(config.get("list", std::vector<double>{}) == std::vector<double>{1, 2.5});
  CHECK(config.section("model").get("d_model", 1) == 64);
  CHECK(config.section("model").get("d_state", 16) == 16);
  CHECK(config.section("absent").get("x", 5) == 5);
  CHECK(config.require<std::string>("name") == "x");
  CHECK(config.has("n"));
  CHECK_FALSE(config.has("m"));
  CHECK_NOTHROW(config.check());
}

TEST_CASE("config: all unknown keys are reported at once, each with the nearest known name") {
  const Config config = Config::parse(
      R"({"epoch": 1, "zzzzzz": 2, "dropout": 0.1, "model": {"d_sate": 4, "deep": {"q": 1}}})", "train.json");
  config.get("epochs", 1);
  const Config model = config.section("model");
  model.get("d_state", 1);
  model.get("dropout", 0.0);
  model.section("deep");
  CHECK(error_text<ValueError>([&] { config.check(); }) ==
        "train.json: unknown keys:"
        "\n  dropout (did you mean model.dropout?)"
        "\n  epoch (did you mean epochs?)"
        "\n  model.d_sate (did you mean model.d_state?)"
        "\n  model.deep.q"
        "\n  zzzzzz");
}

TEST_CASE("config: a section that nobody opens is one unknown key") {
  const Config config = Config::parse(R"({"modle": {"a": 1, "b": 2}})");
  config.section("model").get("a", 1);
  CHECK(error_text([&] { config.check(); }) == "configuration: unknown keys:\n  modle (did you mean model?)");
}

TEST_CASE("config: wrong types are named with the path of the key") {
  const Config config =
      Config::parse(R"({"model": {"d": "64", "p": 0.5, "n": -1, "h": 1e300, "l": [1, "x"], "b": 1}})", "c.json");
  const Config model = config.section("model");
  CHECK(error_text<ValueError>([&] { model.get("d", 1); }) ==
        "c.json: model.d is string (\"64\"), expected a whole number");
  CHECK(contains(error_text([&] { model.get("d", 1.0); }), "model.d is string (\"64\"), expected a number"));
  CHECK(contains(error_text([&] { model.get("p", 1); }), "model.p is number (0.5), expected a whole number"));
  CHECK(contains(error_text([&] { model.get("n", 1u); }),
                 "model.n is number (-1), expected a whole number from 0 to 4294967295"));
  CHECK(contains(error_text([&] { model.get("h", 1.0f); }), "expected a number in the range of its type"));
  CHECK(contains(error_text([&] { model.get("l", std::vector<int>{}); }), "model.l[1] is string"));
  CHECK(contains(error_text([&] { model.get("b", true); }), "model.b is number (1), expected true or false"));
  CHECK(contains(error_text([&] { model.get("b", "x"); }), "expected a text"));
  CHECK(contains(error_text([&] { model.section("b"); }), "model.b is number (1), expected a section {...}"));
  CHECK(error_text<ValueError>([&] { model.require<int>("x"); }) == "c.json: model.x is missing; add it");
}

TEST_CASE("config: overrides from a command line") {
  Config config = Config::parse(R"({"model": {"d": 1}})");
  config.set("model.d=2");
  config.set("model.new.deep=true");
  config.set("name=hello world");
  config.set("list=[1,2]");
  config.set("empty=");
  CHECK(config.section("model").get("d", 0) == 2);
  CHECK(config.section("model").section("new").get("deep", false));
  CHECK(config.get("name", "") == "hello world");
  CHECK(config.get("list", std::vector<int>{}).size() == 2);
  CHECK(config.get("empty", "x").empty());
  CHECK(contains(error_text<ValueError>([&] { config.set("nothing"); }), "write key=value"));
  CHECK(contains(error_text<ValueError>([&] { config.set("=1"); }), "write key=value"));
  CHECK(contains(error_text<ValueError>([&] { config.set("a..b=1"); }), "empty name"));
  CHECK(contains(error_text<ValueError>([&] { config.set("name.x=1"); }), "name is not a section"));
  CHECK(contains(error_text<ValueError>([&] { config.section("model").set("d=1"); }), "not on a section"));
}

TEST_CASE("config: text that is not JSON is refused with its place") {
  const auto text = [](const std::string& content) { return error_text([&] { Config::parse(content, "c.json"); }); };
  CHECK(contains(text("{\"a\": 1,}"), "c.json (offset 9): not valid JSON"));
  CHECK(contains(text(""), "not valid JSON"));
  CHECK(contains(text("{} x"), "not valid JSON"));
  CHECK(contains(text("{\"a\": 1e999}"), "not valid JSON"));
  CHECK(contains(text("{\"a\": \"\xff\"}"), "not valid JSON"));
  CHECK(contains(text("{\"a\": {\"b\": 1, \"b\": 2}}"), "the key \"b\" comes twice"));
  CHECK(text("{\"a\": {\"b\": 1}, \"c\": {\"b\": 2}, \"b\": 3}").empty());
  CHECK(contains(text("{\"a\":" + std::string(100000, '[')), "more than 64 levels"));
  CHECK(contains(text("[1]"), "c.json: the whole is array ([1]), expected an object"));
  CHECK(contains(error_text<IoError>([] { Config::read("/nonexistent.json"); }), "/nonexistent.json: cannot open it"));
}

TEST_CASE("config: its text reads back as itself") {
  const Config config = Config::parse(R"({"b": 0.1, "a": [1, "x"]})");
  CHECK(Config::parse(config.text()).text() == config.text());
}
