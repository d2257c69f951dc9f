// Names of the S4 and DSS repositories for what long_sequence trains.
#include "check.hpp"
#include "files.hpp"
#include "long_sequence/official_names.hpp"
#include "longwave/interop/torch_names.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::index_t;
using longwave::IoError;
using longwave::ParameterRef;
using longwave::StateDict;
using longwave::ValueError;

namespace {

StateDict dict_of(const std::vector<std::string>& names) {
  StateDict dict{"file", {}};
  for (const std::string& name : names) dict.entries[name] = {};
  return dict;
}

std::vector<ParameterRef<float>> refs_of(const std::vector<std::string>& names) {
  std::vector<ParameterRef<float>> refs;
  for (const std::string& name : names) refs.push_back({name, {1}, nullptr, nullptr, 1, {}});
  return refs;
}

std::vector<std::string> names_of(const std::vector<ParameterRef<float>>& refs) {
  std::vector<std::string> names;
  for (const auto& ref : refs) names.push_back(ref.name);
  return names;
}

const std::vector<std::string> ours = {"encoder.weight", "model.layers.10.layer.kernel.C",
                                       "model.layers.10.norm.norm.bias", "decoder.output_transform.weight"};

}  // namespace

TEST_CASE("official names: found in a state dict") {
  const OfficialNames run = names_in(dict_of({"encoder.0.weight", "model.norm.norm.weight", "decoder.0.a.weight"}), "");
  CHECK(run.encoder == "encoder.0.");
  CHECK(run.decoder == "decoder.0.");
  CHECK_FALSE(run.example);
  const OfficialNames later = names_in(dict_of({"x.encoder.1.weight", "x.decoder.weight", "encoder.3.weight"}), "x.");
  CHECK(later.encoder == "encoder.1.");
  CHECK(later.decoder == "decoder.");
  CHECK(names_in(dict_of({"encoder.weight", "s4_layers.0.D"}), "").example);
  CHECK_FALSE(names_in(dict_of({"encoder.weight", "s4_layers.0.D"}), "module.").example);
  CHECK(names_in(dict_of({}), "").encoder == "encoder.");
}

TEST_CASE("official names: of a training run and of example.py; what has no place there is listed") {
  CHECK(names_of(renamed(refs_of(ours), {})) ==
        std::vector<std::string>{"encoder.0.weight", ours[1], ours[2], "decoder.0.output_transform.weight"});
  CHECK(names_of(renamed(refs_of(ours), {.encoder = "encoder.", .decoder = "decoder."})) == ours);
  CHECK(names_of(renamed(refs_of(ours), {.example = true})) ==
        std::vector<std::string>{"encoder.weight", "s4_layers.10.kernel.C", "norms.10.bias", "decoder.weight"});
  const std::string text = error_text<ValueError>([] {
    renamed(refs_of({"encoder.weight", "model.norm.norm.weight", "model.layers.0.residual.weight"}), {.example = true});
  });
  CHECK(contains(text, "has no place for\n  model.norm.norm.weight\n  model.layers.0.residual.weight"));
}

TEST_CASE("official names: parameters that were gathered load and save like a module") {
  const TemporaryFolder folder;
  std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {7, 8};
  const auto refs = [](std::vector<float>& x, std::vector<float>& y) {
    return std::vector<ParameterRef<float>>{{"encoder.0.weight", {3, 2}, x.data(), nullptr, 6, {}},
                                            {"decoder.0.bias", {2}, y.data(), nullptr, 2, {}}};
  };
  longwave::save_torch(folder / "a.safetensors", refs(a, b), {.prefix = "module."});
  const longwave::SafetensorsFile file(folder / "a.safetensors");
  CHECK(file.shape("module.encoder.0.weight") == std::vector<index_t>{3, 2});
  std::vector<float> c(6), d(2);
  const StateDict dict = longwave::torch_names::state_dict(file);
  longwave::load_torch(dict, refs(c, d), {.prefix = "module."});
  CHECK(c == a);
  CHECK(d == b);
  std::vector<float> e = {0, 0, 0};
  std::vector<ParameterRef<float>> wrong = {{"encoder.0.weight", {3, 1}, c.data(), nullptr, 3, {}},
                                            {"decoder.0.bios", {3}, e.data(), nullptr, 3, {}}};
  const std::string text = error_text<IoError>([&] { longwave::load_torch(dict, wrong, {.prefix = "module."}); });
  CHECK(contains(text, "missing: decoder.0.bios (3); the nearest extra entry is decoder.0.bias"));
  CHECK(contains(text, "differs: encoder.0.weight"));
  CHECK(contains(text, "extra:   decoder.0.bias (2)"));
  CHECK(e == std::vector<float>{0, 0, 0});
}
