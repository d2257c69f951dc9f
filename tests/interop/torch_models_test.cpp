// Whole models, and PyTorch itself where it is installed.
#include <sys/wait.h>

#include <cstdlib>

#include "check.hpp"
#include "files.hpp"
#include "longwave/interop/torch_names.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/sequence_decoder.hpp"
#include "longwave/nn/sequence_encoder.hpp"

using namespace longwave;
using namespace longwave::test;
namespace lw = longwave;

namespace {

using S4LayerOptions = SsmOptions<S4BlockFlavour, S4Options>;
using Backbone = SequenceModel<S4<float>, FeedForward<float>>;
constexpr index_t H = 4, N = 3;  // as in torch_check.py

template <class Module>
Module make(typename Module::Options options, std::uint64_t seed) {
  Generator gen(seed);
  return Module(options, gen);
}

SequenceClassifier<float> classifier(std::uint64_t seed) {
  return make<SequenceClassifier<float>>(
      {.d_input = 2, .d_output = 5, .d_model = H, .d_state = 2 * N, .n_layers = 2, .dropout = 0}, seed);
}

Backbone backbone(std::uint64_t seed) {
  Backbone::Options o;
  o.d_model = H;
  o.norm = NormKind::batch;
  o.layers = {S4LayerOptions{.d_state = 2 * N}, FeedForwardOptions{.expand = 2}};
  Backbone model = make<Backbone>(o, seed);
  Generator draws(seed);
  Tape<float> tape;
  tape.train(draws);
  model(tape, tape.input(random<float>(Extents<3>{2, H, 9}, seed)));  // moves statistics, counts and l_kernel
  return model;
}

template <class Module>
std::vector<double> numbers(Module& module) {
  std::vector<double> all;
  auto take = [&](const std::string&, auto& t) { all.insert(all.end(), t.data(), t.data() + t.count()); };
  module.for_each_parameter([&](const std::string& name, auto& p) { take(name, p.value); });
  visit_buffers("", module, take);
  return all;
}

}  // namespace

TEST_CASE("torch_names: the backbone's names are those of the S4 repository's, and all comes back") {
  const TemporaryFolder folder;
  Backbone model = backbone(1), other = backbone(2);
  save_torch(folder / "a", model, {.prefix = "model."});
  const SafetensorsFile file(folder / "a");
  for (const char* name :
       {"layers.0.layer.layer.kernel.l_kernel", "layers.0.layer.layer.D", "layers.0.layer.output_linear.0.weight",
        "layers.0.norm.norm.running_mean", "layers.0.norm.norm.num_batches_tracked", "layers.1.layer.ff.0.0.weight",
        "layers.1.layer.ff.2.bias", "norm.norm.weight"})
    CHECK(file.contains(std::string("model.") + name));
  CHECK(file.values<std::int64_t>("model.layers.0.layer.layer.kernel.l_kernel")[0] == 9);
  CHECK(file.values<std::int64_t>("model.norm.norm.num_batches_tracked")[0] == 1);
  CHECK(load_torch(file, other, {.prefix = "model."}).loaded.size() == file.entries().size());
  CHECK(numbers(other) == numbers(model));
}

TEST_CASE("docs: the parts of a training run") {
  const TemporaryFolder folder;
  const std::string run = folder / "run.safetensors";
  Backbone model = backbone(1), trained = backbone(2);
  Generator gen(3);
  LinearEncoder<float> encoder({.in = 1, .out = H}, gen), trained_encoder({.in = 1, .out = H}, gen);
  const SequenceDecoderOptions last{.d_model = H, .d_output = 10, .l_output = 0};
  SequenceDecoder<float> decoder(last, gen), trained_decoder(last, gen);
  save_torch(folder / "model", trained, {.prefix = "model."});
  save_torch(folder / "encoder", trained_encoder, {.prefix = "encoder.0."});
  save_torch(folder / "decoder", trained_decoder, {.prefix = "decoder.0."});
  const SafetensorsFile parts[] = {SafetensorsFile(folder / "model"), SafetensorsFile(folder / "encoder"),
                                   SafetensorsFile(folder / "decoder")};
  std::vector<NamedArray> arrays;
  for (const SafetensorsFile& part : parts)
    for (const auto& [name, e] : part.entries()) arrays.push_back({name, e.dtype, e.shape, part.raw(name).data()});
  write_safetensors(run, arrays);
  // [snippet: checkpoint_run]
  const lw::SafetensorsFile file(run);
  lw::load_torch(file, encoder, {.prefix = "encoder.0."});
  lw::load_torch(file, model, {.prefix = "model."});
  lw::load_torch(file, decoder, {.prefix = "decoder.0."});  // its linear map is output_transform there and here
  // [/snippet]
  CHECK(numbers(encoder) == numbers(trained_encoder));
  CHECK(numbers(model) == numbers(trained));
  CHECK(numbers(decoder) == numbers(trained_decoder));
}

TEST_CASE("torch_names: every norm, residual and pool of the backbone comes back") {
  for (const NormKind norm : {NormKind::layer, NormKind::transposed_layer, NormKind::batch, NormKind::instance,
                              NormKind::group, NormKind::none})
    for (const ResidualKind residual : {ResidualKind::residual, ResidualKind::affine, ResidualKind::highway}) {
      using Plain = SequenceModel<S4D<float>>;
      Plain::Options o;
      o.d_model = H;
      o.bidirectional = true;
      o.norm = norm;
      o.residual = {.kind = residual};
      o.pool = {.kind = PoolKind::linear, .stride = 2, .expand = 2};
      o.layers = {S4DOptions{.d_state = 2}};
      Plain model = make<Plain>(o, 1), other = make<Plain>(o, 2);
      const TemporaryFolder folder;
      save_torch(folder / "a", model);
      CHECK(numbers(model) != numbers(other));
      load_torch(folder / "a", other);
      CHECK(numbers(model) == numbers(other));
    }
}

TEST_CASE(
    "torch_names: the example's classifier gives the reference outputs, where LONGWAVE_GOLDEN names their folder") {
  const char* golden = std::getenv("LONGWAVE_GOLDEN");
  const std::string cases = std::string(golden != nullptr ? golden : "") + "/s4d_classifier";
  if (golden == nullptr || !std::filesystem::is_directory(cases)) {
    WARN("LONGWAVE_GOLDEN names no folder with s4d_classifier in it: skipped");
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(cases)) {
    INFO(entry.path());
    const SafetensorsFile file(entry.path().string());
    const auto& C = file.shape("param/s4_layers.0.kernel.C");
    index_t layers = 0;
    while (file.contains("param/norms." + std::to_string(layers) + ".weight")) ++layers;
    auto model =
        make<SequenceClassifier<double>>({.d_input = file.shape("param/encoder.weight")[1],
                                          .d_output = file.shape("param/decoder.weight")[0],
                                          .d_model = C[0],
                                          .d_state = 2 * C[1],
                                          .n_layers = layers,
                                          .dropout = 0,
                                          .prenorm = contains(file.metadata().at("config"), "\"prenorm\": true")},
                                         1);
    load_torch(file, model, {.prefix = "param/"});
    const auto x = file.read<double, 3>("in/x");
    Tape<double> tape;
    const auto y = model(tape, tape.input(x.view().transpose(1, 2)));
    CHECK(relative_error(y.value(), file.read<double, 2>("out/logits").view()) <=
          std::atof(file.metadata().at("rtol").c_str()));
    const TemporaryFolder folder;
    save_torch(folder / "back", model, {.prefix = "param/"});
    const SafetensorsFile back(folder / "back");
    for (const std::string& name : back.names()) CHECK(back.shape(name) == file.shape(name));
  }
}

TEST_CASE("torch_names: PyTorch takes every file and gives it back, where python3 has it") {
  const TemporaryFolder folder;
  auto s4 = make<S4<float>>({.d_model = H, .d_state = 2 * N, .l_max = 11, .kernel = {.rank = 2}}, 1);
  s4.kernel.prepare(11, 1);
  auto s4_real = make<S4Diag<float>>(
      {.d_model = H, .d_state = N, .kernel = {.init = "diag-real", .dt_tie = false, .is_real = true}}, 1);
  auto s4d = make<S4D<float>>({.d_model = H, .d_state = 2 * N}, 1);
  auto dss = make<DSS<float>>({.d_model = H, .d_state = N}, 1);
  SequenceClassifier<float> model = classifier(1);
  Backbone deep = backbone(1);
  save_torch(folder / "s4", s4);
  save_torch(folder / "s4_real", s4_real);
  save_torch(folder / "s4d", s4d);
  save_torch(folder / "dss", dss);
  save_torch(folder / "dss_flat", dss, {.transposed = false});
  save_torch(folder / "classifier", model);
  save_torch(folder / "backbone", deep);

  const std::string script = std::filesystem::path(__FILE__).parent_path().string() + "/torch_check.py";
  const int status = std::system(("python3 '" + script + "' '" + folder.path() + "' >&2").c_str());
  if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 77) {
    WARN("no PyTorch in python3: skipped");
    return;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  auto comes_back = [&](const std::string& name, auto& was, auto&& other) {
    load_torch(folder / (name + ".back"), other);
    CHECK(numbers(other) == numbers(was));
  };
  comes_back("s4", s4, make<S4<float>>(s4.options, 2));
  comes_back("s4_real", s4_real, make<S4Diag<float>>(s4_real.options, 2));
  comes_back("s4d", s4d, make<S4D<float>>(s4d.options, 2));
  comes_back("dss", dss, make<DSS<float>>(dss.options, 2));
  comes_back("dss_flat", dss, make<DSS<float>>(dss.options, 3));
  comes_back("classifier", model, classifier(2));
  comes_back("backbone", deep, backbone(2));
}
