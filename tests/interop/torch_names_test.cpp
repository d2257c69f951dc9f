#include "longwave/interop/torch_names.hpp"

#include <cstdio>
#include <cstdlib>
#include <deque>

#include "check.hpp"
#include "files.hpp"
#include "longwave/nn/batch_norm.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"

using namespace longwave;
using namespace longwave::test;
namespace lw = longwave;

namespace {

using S4LayerOptions = SsmOptions<S4BlockFlavour, S4Options>;

template <class Layer, class Options>
Layer make(const Options& options, std::uint64_t seed = 1) {
  Generator gen(seed);
  return Layer(options, gen);
}

// Every number of the module, in order.
template <class Module>
std::vector<double> numbers(Module& module) {
  std::vector<double> all;
  auto take = [&](const std::string&, auto& t) { all.insert(all.end(), t.data(), t.data() + t.count()); };
  module.for_each_parameter([&](const std::string& name, auto& p) { take(name, p.value); });
  visit_buffers("", module, take);
  return all;
}

// "name F32 (2, 3)" for every entry, by name.
std::vector<std::string> listing(const std::string& path) {
  const SafetensorsFile file(path);
  std::vector<std::string> lines;
  for (const auto& [name, e] : file.entries())
    lines.push_back(name + " " + dtype_name(e.dtype) + " " + detail::shape_text(e.shape));
  return lines;
}

using Lines = std::vector<std::string>;

// Saved and loaded into one of other weights: the same bits.
template <class Module>
bool comes_back(Module& module, Module&& other) {
  const TemporaryFolder folder;
  save_torch(folder / "a", module);
  if (numbers(module) == numbers(other)) return false;  // would show nothing
  const TorchReport report = load_torch(folder / "a", other);
  return numbers(module) == numbers(other) && report.missing.empty() && report.extra.empty() && report.misfit.empty() &&
         report.loaded.size() == SafetensorsFile(folder / "a").entries().size();
}

// A state dict written down in a test.
struct Written {
  std::deque<std::vector<std::byte>> data;
  std::vector<NamedArray> arrays;

  template <class T>
  Written& add(const std::string& name, DType dtype, std::vector<index_t> shape, const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
    data.emplace_back(bytes, bytes + values.size() * sizeof(T));
    arrays.push_back({name, dtype, std::move(shape), data.back().data()});
    return *this;
  }
  Written& floats(const std::string& name, std::vector<index_t> shape, const std::vector<float>& values) {
    return add(name, DType::f32, std::move(shape), values);
  }
  void write(const std::string& path) const { write_safetensors(path, arrays); }
};

// A linear map and a count, as small as a module can be.
struct Small {
  Parameter<float, 2> weight{Extents<2>{2, 3}};
  Parameter<float, 1> bias{Extents<1>{2}};
  Tensor<float, 1> l_kernel{Extents<1>{1}};

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
    f("bias", bias);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    f("l_kernel", l_kernel);
  }
};

Written small_dict() {
  Written w;
  w.floats("weight", {2, 3}, {1, 2, 3, 4, 5, 6}).floats("bias", {2}, {7, 8});
  w.add("l_kernel", DType::i64, {}, std::vector<std::int64_t>{100});
  return w;
}

template <class Module>
std::string load_error(const std::string& path, Module& module, const LoadTorchOptions& options = {}) {
  return error_text<IoError>([&] { load_torch(path, module, options); });
}

// checkpoint*.safetensors of an op of the reference cases.
std::vector<std::string> reference_checkpoints(const std::string& op) {
  std::vector<std::string> paths;
  const std::filesystem::path folder = std::string(std::getenv("LONGWAVE_GOLDEN")) + "/" + op;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().filename().string().starts_with("checkpoint")) paths.push_back(entry.path().string());
  if (paths.empty()) WARN("no checkpoint of " + op + ": skipped");
  return paths;
}

// From the options of a reference case, which are flat JSON.
bool has_option(const SafetensorsFile& file, const std::string& key, const std::string& value) {
  return contains(file.metadata().at("config"), "\"" + key + "\": " + value);
}
index_t size_option(const SafetensorsFile& file, const std::string& key) {
  const std::string& config = file.metadata().at("config");
  return std::atoll(config.c_str() + config.find("\"" + key + "\": ") + key.size() + 4);  // null: 0
}

// The layer with the case's parameters on its input: the case's output, to the case's tolerance.
template <class Layer>
void check_reference(const SafetensorsFile& file, Layer&& layer, const std::string& input) {
  load_torch(file, layer, {.prefix = "param/"});
  const bool time_last = has_option(file, "transposed", "true");
  const Tensor<double, 3> u = file.read<double, 3>("in/" + input), want = file.read<double, 3>("out/y");
  Tape<double> tape;
  const auto y = layer(tape, tape.input(time_last ? u.view() : u.view().transpose(1, 2)));
  const TensorView<const double, 3> got = time_last ? y.value() : y.value().transpose(1, 2);
  const double rtol = std::atof(file.metadata().at("rtol").c_str());  // its atol is for outputs of zeros alone
  CHECK(relative_error(got, want.view()) <= rtol);

  // And back: the file that PyTorch wrote, name by name.
  const TemporaryFolder folder;
  save_torch(folder / "back", layer, {.prefix = "param/", .transposed = time_last});
  const SafetensorsFile back(folder / "back");
  for (const auto& [name, e] : file.entries()) {
    if (!name.starts_with("param/")) continue;
    CHECK(back.shape(name) == e.shape);
    CHECK((back.dtype(name) == DType::i64) == (e.dtype == DType::i64));
  }
}

}  // namespace

TEST_CASE("torch_names: S4's file has the official names, shapes and types") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(S4LayerOptions{.d_model = 4, .d_state = 6, .bidirectional = true, .l_max = 10});
  save_torch(folder / "s4", layer);
  CHECK(listing(folder / "s4") == Lines{"layer.D F32 (1, 4)", "layer.kernel.A_imag F32 (4, 3)",
                                        "layer.kernel.A_real F32 (4, 3)", "layer.kernel.B F32 (1, 4, 3, 2)",
                                        "layer.kernel.C F32 (2, 4, 3, 2)", "layer.kernel.P F32 (1, 4, 3, 2)",
                                        "layer.kernel.inv_dt F32 (4, 1)", "layer.kernel.l_kernel I64 ()",
                                        "output_linear.0.bias F32 (8)", "output_linear.0.weight F32 (8, 4)"});
  CHECK(SafetensorsFile(folder / "s4").metadata() == std::map<std::string, std::string>{{"format", "pt"}});

  // Real modes have no axis for two parts there.
  auto real = make<S4Diag<double>>(
      S4DiagOptions{.d_model = 4, .d_state = 3, .kernel = {.init = "diag-real", .n_ssm = 2, .is_real = true}});
  save_torch(folder / "real", real, {.prefix = "model.layers.0.layer."});
  CHECK(listing(folder / "real")[0] == "model.layers.0.layer.layer.D F64 (1, 4)");
  CHECK(listing(folder / "real")[2] == "model.layers.0.layer.layer.kernel.B F64 (1, 2, 3)");
  CHECK(listing(folder / "real")[3] == "model.layers.0.layer.layer.kernel.C F64 (1, 4, 3)");
}

TEST_CASE("torch_names: the minimal S4D's file has the official names and shapes") {
  const TemporaryFolder folder;
  auto layer = make<S4D<float>>(S4DOptions{.d_model = 4, .d_state = 6});
  save_torch(folder / "s4d", layer);
  CHECK(listing(folder / "s4d") == Lines{"D F32 (4)", "kernel.A_imag F32 (4, 3)", "kernel.C F32 (4, 3, 2)",
                                         "kernel.log_A_real F32 (4, 3)", "kernel.log_dt F32 (4)",
                                         "output_linear.0.bias F32 (8)", "output_linear.0.weight F32 (8, 4, 1)"});
}

TEST_CASE("torch_names: DSS's file has the official names and shapes of either layout") {
  const TemporaryFolder folder;
  auto layer = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3, .final_act = Activation::glu});
  save_torch(folder / "dss", layer);
  CHECK(listing(folder / "dss") == Lines{"D F32 (1, 4)", "kernel.Lambda F32 (3, 2)", "kernel.W F32 (1, 4, 3, 2)",
                                         "kernel.log_dt F32 (4, 2)", "output_linear.0.bias F32 (8, 1)",
                                         "output_linear.0.weight F32 (8, 4)"});
  save_torch(folder / "dss", layer, {.transposed = false});
  CHECK(listing(folder / "dss")[4] == "output_linear.0.bias F32 (8)");
  CHECK(load_torch(folder / "dss", layer).loaded.size() == 6);  // both layouts load

  auto plain = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3, .kernel = {.sep_dt_re_im = false}});
  save_torch(folder / "plain", plain);
  CHECK(listing(folder / "plain")[3] == "kernel.log_dt F32 (4)");
  CHECK(listing(folder / "plain")[4] == "output_linear.bias F32 (4, 1)");
}

TEST_CASE("torch_names: the count of a batch norm is one I64, its other entries are as they are") {
  const TemporaryFolder folder;
  BatchNorm<float> norm({.features = 3});
  norm.num_batches_tracked() = 12345;
  save_torch(folder / "norm", norm);
  CHECK(listing(folder / "norm") == Lines{"bias F32 (3)", "num_batches_tracked I64 ()", "running_mean F32 (3)",
                                          "running_var F32 (3)", "weight F32 (3)"});
  CHECK(SafetensorsFile(folder / "norm").values<std::int64_t>("num_batches_tracked")[0] == 12345);
  BatchNorm<float> other({.features = 3});
  load_torch(folder / "norm", other);
  CHECK(other.num_batches_tracked() == 12345);
  norm.num_batches_tracked() = -1;
  CHECK(contains(error_text<ValueError>([&] { save_torch(folder / "norm", norm); }), "num_batches_tracked is -1"));
}

TEST_CASE("torch_names: what is saved comes back with the same bits, whatever the layer's options") {
  for (const bool gated : {false, true}) {
    const S4LayerOptions s4{.d_model = 4,
                            .d_state = 6,
                            .channels = 2,
                            .bidirectional = true,
                            .gate = gated ? 3 : 0,
                            .bottleneck = gated ? 2 : 0,
                            .weight_norm = gated,
                            .kernel = {.rank = 2, .n_ssm = 2}};
    auto layer = make<S4<float>>(s4);
    Tape<float> tape;
    layer(tape, tape.input(random<float>(Extents<3>{1, 4, 13})));  // sets l_kernel
    CHECK(layer.kernel.length() == 13);
    CHECK(comes_back(layer, make<S4<float>>(s4, 2)));
    auto diagonal = make<S4Diag<double>>(s4);
    CHECK(comes_back(diagonal, make<S4Diag<double>>(s4, 2)));
  }
  const S4DiagOptions real{
      .d_model = 4, .d_state = 3, .kernel = {.init = "diag-real", .dt_tie = false, .is_real = true}};
  auto real_layer = make<S4Diag<float>>(real);
  CHECK(comes_back(real_layer, make<S4Diag<float>>(real, 2)));

  const S4DOptions minimal{.d_model = 5, .d_state = 6};
  auto s4d = make<S4D<float>>(minimal);
  CHECK(comes_back(s4d, make<S4D<float>>(minimal, 2)));

  for (const DssVersion version : {DssVersion::softmax, DssVersion::exp, DssVersion::exp_re_im, DssVersion::clip}) {
    const DssOptions o{
        .d_model = 4, .d_state = 3, .hyper_act = Activation::tanh, .weight_norm = true, .kernel = {.version = version}};
    auto dss = make<DSS<double>>(o);
    CHECK(comes_back(dss, make<DSS<double>>(o, 2)));
  }
}

TEST_CASE("torch_names: layers of size 1 come back, though every axis of size 1 looks like any other") {
  const S4DOptions minimal{.d_model = 1, .d_state = 2};
  auto s4d = make<S4D<double>>(minimal);
  CHECK(comes_back(s4d, make<S4D<double>>(minimal, 2)));
  const DssOptions o{.d_model = 1, .d_state = 1};
  auto dss = make<DSS<double>>(o);
  CHECK(comes_back(dss, make<DSS<double>>(o, 2)));
}

TEST_CASE("torch_names: files of any real type load, counters exactly") {
  const TemporaryFolder folder;
  Small module;
  Written w;
  w.add("weight", DType::f16, {2, 3, 1}, std::vector<std::uint16_t>{0x3c00, 0xc000, 0x3800, 0x0001, 0x7bff, 0x8000});
  w.add("bias", DType::f64, {1, 2}, std::vector<double>{0.1, -1e-3});
  w.add("l_kernel", DType::i64, {1, 1}, std::vector<std::int64_t>{16777216});
  w.write(folder / "a");
  const TorchReport report = load_torch(folder / "a", module);
  CHECK(report.loaded == Lines{"weight", "bias", "l_kernel"});
  CHECK(numbers(module) == std::vector<double>{1, -2, 0.5, 0x1p-24, 65504, -0.0, double(0.1f), double(-1e-3f), 0x1p24});

  w = small_dict();
  w.arrays[1] = {"bias", DType::bf16, {2}, "\x80\x3f\x00\xc0"};
  w.arrays[2] = {"l_kernel", DType::u8, {}, "\x07"};
  w.write(folder / "a");
  load_torch(folder / "a", module);
  CHECK(numbers(module) == std::vector<double>{1, 2, 3, 4, 5, 6, 1, -2, 7});
}

TEST_CASE("torch_names: counters that the module cannot hold, and types that do not convert, are named") {
  const TemporaryFolder folder;
  Small module;
  const auto error = [&](const std::string& name, DType dtype, std::vector<index_t> shape, auto values) {
    Written w = small_dict();
    std::erase_if(w.arrays, [&](const NamedArray& a) { return a.name == name; });
    w.add(name, dtype, std::move(shape), values);
    w.write(folder / "a");
    const std::vector<double> before = numbers(module);
    const std::string text = load_error(folder / "a", module);
    CHECK(numbers(module) == before);
    return text.substr(text.find('\n') + 1);
  };
  using Integers = std::vector<std::int64_t>;
  CHECK(error("l_kernel", DType::i64, {}, Integers{16777217}) ==
        "  differs: l_kernel is 16777217.000000, expected a count that F32 holds exactly");
  CHECK(contains(error("l_kernel", DType::i64, {}, Integers{-1}), "l_kernel is -1.000000"));
  CHECK(contains(error("l_kernel", DType::i64, {}, Integers{INT64_MAX}), "expected a count"));
  CHECK(contains(error("l_kernel", DType::f32, {}, std::vector<float>{0.5f}), "l_kernel is 0.500000"));
  CHECK(contains(error("l_kernel", DType::f32, {}, std::vector<float>{NAN}), "expected a count"));
  CHECK(error("l_kernel", DType::c64, {}, std::vector<float>{1, 0}) ==
        "  differs: l_kernel is C64 () in the file, expected I64");
  CHECK(error("bias", DType::i64, {2}, Integers{1, 2}) ==
        "  differs: bias is I64 (2) in the file, expected F16, BF16, F32 or F64");
  CHECK(error("bias", DType::boolean, {2}, std::vector<char>{1, 0}) ==
        "  differs: bias is BOOL (2) in the file, expected F16, BF16, F32 or F64");
  CHECK(error("bias", DType::c64, {2}, std::vector<float>{1, 2, 3, 4}) ==
        "  differs: bias is C64 (2) in the file, expected F16, BF16, F32 or F64; save torch.view_as_real of it");
}

TEST_CASE("torch_names: shapes agree up to axes of size 1, and nothing is transposed") {
  const TemporaryFolder folder;
  Small module;
  for (const std::vector<index_t>& shape : {std::vector<index_t>{2, 3}, {2, 3, 1}, {1, 2, 1, 3}}) {
    Written w = small_dict();
    w.arrays[0].shape = shape;
    w.write(folder / "a");
    load_torch(folder / "a", module);
    CHECK(module.weight.value(1, 0) == 4);
  }
  for (const std::vector<index_t>& shape : {std::vector<index_t>{3, 2}, {6}, {2, 3, 1, 1}}) {
    Written w = small_dict();
    w.arrays[0].shape = shape;
    w.write(folder / "a");
    const bool fits = shape.size() == 4;
    CHECK(load_error(folder / "a", module).empty() == fits);
    if (!fits)
      CHECK(contains(load_error(folder / "a", module),
                     "weight is F32 " + detail::shape_text(shape) + " in the file, (2, 3) here"));
  }
}

TEST_CASE("torch_names: one error lists all that is missing, too much or different, and nothing is loaded") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(S4LayerOptions{.d_model = 4, .d_state = 6});
  save_torch(folder / "a", layer);
  const SafetensorsFile file(folder / "a");
  std::vector<NamedArray> arrays;
  for (const auto& [name, e] : file.entries()) {
    NamedArray a{name, e.dtype, e.shape, file.raw(name).data()};
    if (name == "layer.kernel.inv_dt") a.name = "layer.kernel.log_dt";
    if (name == "layer.D") a.shape = {4, 1, 1};
    if (name == "layer.kernel.B") a.shape = {1, 3, 4, 2};
    if (name == "output_linear.0.bias") continue;
    arrays.push_back(a);
  }
  arrays.push_back({"epoch", DType::i64, {}, "12345678"});
  write_safetensors(folder / "b", arrays);
  auto other = make<S4<float>>(S4LayerOptions{.d_model = 4, .d_state = 6}, 2);
  const std::vector<double> before = numbers(other);
  CHECK(load_error(folder / "b", other) ==
        (folder / "b") +
            ": the state dict is not of this module; nothing was loaded\n"
            "  missing: layer.kernel.inv_dt (4, 1); the nearest extra entry is layer.kernel.log_dt\n"
            "  missing: output_linear.0.bias (8)\n"
            "  differs: layer.kernel.B is F32 (1, 3, 4, 2) in the file, (1, 4, 3, 2) here\n"
            "  extra:   epoch ()\n"
            "  extra:   layer.kernel.log_dt (4, 1)");
  CHECK(numbers(other) == before);

  // The same without strict: what fits is loaded, the rest is reported and stays.
  const TorchReport report = load_torch(folder / "b", other, {.strict = false});
  CHECK(report.missing == Lines{"layer.kernel.inv_dt", "output_linear.0.bias"});
  CHECK(report.misfit == Lines{"layer.kernel.B"});
  CHECK(report.extra == Lines{"epoch", "layer.kernel.log_dt"});
  CHECK(report.loaded.size() == 7);
  CHECK(same_bits(other.kernel.parameters.C.value, layer.kernel.parameters.C.value));
  CHECK(same_bits(other.D.value, layer.D.value));
  CHECK(!same_bits(other.kernel.parameters.inv_dt.value, layer.kernel.parameters.inv_dt.value));
}

TEST_CASE("torch_names: entries that other tools add may be ignored, by name or by how they begin") {
  const TemporaryFolder folder;
  Small module;
  Written w = small_dict();
  w.floats("epoch", {}, {3}).floats("optimizer.0.m", {1}, {0}).floats("optimizer.0.v", {1}, {0});
  w.write(folder / "a");
  CHECK(contains(load_error(folder / "a", module), "extra:   epoch"));
  CHECK(contains(load_error(folder / "a", module, {.ignore = {"optimizer"}}), "extra:   optimizer.0.m"));
  CHECK(!contains(load_error(folder / "a", module, {.ignore = {"optimizer.*"}}), "optimizer"));
  CHECK(load_torch(folder / "a", module, {.ignore = {"optimizer.*", "epoch"}}).extra.empty());
  // What the module has is loaded all the same.
  CHECK(load_torch(folder / "a", module, {.ignore = {"*"}}).loaded.size() == 3);
}

TEST_CASE("torch_names: a prefix picks one module of a file and leaves the others alone") {
  const TemporaryFolder folder;
  Small module;
  Written w = small_dict();
  for (NamedArray& a : w.arrays) a.name = "model.head." + a.name;
  w.floats("model.body", {1}, {1});
  w.write(folder / "a");
  CHECK(load_torch(folder / "a", module, {.prefix = "model.head."}).loaded.size() == 3);
  CHECK(module.bias.value(1) == 8);
  const std::string wrong = load_error(folder / "a", module, {.prefix = "head."});
  CHECK(contains(wrong, "missing: weight (2, 3)\n  missing: bias (2)\n  missing: l_kernel ()"));
  CHECK(contains(wrong, "no name in the file begins with \"head.\""));
}

TEST_CASE("torch_names: a linear map with its activation in a Sequential or without one is the same map") {
  const TemporaryFolder folder;
  auto layer = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3});  // output_linear.weight
  save_torch(folder / "a", layer);
  Written w;
  const SafetensorsFile file(folder / "a");
  for (const auto& [name, e] : file.entries()) {
    const std::size_t at = name.find("output_linear.");
    const std::string other = at == 0 ? "output_linear.0." + name.substr(14) : name;
    w.arrays.push_back({other, e.dtype, e.shape, file.raw(name).data()});
  }
  w.write(folder / "b");
  auto copy = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3}, 2);
  load_torch(folder / "b", copy);
  CHECK(numbers(copy) == numbers(layer));

  const S4LayerOptions gated{.d_model = 4, .d_state = 6, .gate = 2};
  auto block = make<S4<float>>(gated);
  save_torch(folder / "c", block);
  const SafetensorsFile blocks(folder / "c");
  Written v;
  for (const auto& [name, e] : blocks.entries())
    v.arrays.push_back(
        {name == "input_gate.0.weight" ? "input_gate.weight" : name, e.dtype, e.shape, blocks.raw(name).data()});
  v.write(folder / "d");
  auto block_copy = make<S4<float>>(gated, 2);
  load_torch(folder / "d", block_copy);
  CHECK(numbers(block_copy) == numbers(block));
}

TEST_CASE("torch_names: a checkpoint of another configuration is refused as a whole") {
  const TemporaryFolder folder;
  const S4LayerOptions base{.d_model = 4, .d_state = 6};
  auto layer = make<S4<float>>(base);
  save_torch(folder / "a", layer);
  std::vector<S4LayerOptions> others(6, base);
  others[0].d_model = 6;
  others[1].d_state = 8;
  others[2].channels = 2;
  others[3].bidirectional = true;
  others[4].kernel.rank = 2;
  others[5].gate = 2;
  for (const S4LayerOptions& o : others) {
    auto other = make<S4<float>>(o, 2);
    const std::vector<double> before = numbers(other);
    CHECK(contains(load_error(folder / "a", other), "nothing was loaded"));
    CHECK(numbers(other) == before);
  }
  auto diagonal = make<S4Diag<float>>(base);
  const std::string extra = load_error(folder / "a", diagonal);
  CHECK(contains(extra, "extra:   layer.kernel.P (1, 4, 3, 2)"));
  CHECK(contains(extra, "extra:   layer.kernel.l_kernel ()"));

  auto softmax = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3});
  auto exponential = make<DSS<float>>(DssOptions{.d_model = 4, .d_state = 3, .kernel = {.version = DssVersion::exp}});
  save_torch(folder / "b", softmax);
  const std::string version = load_error(folder / "b", exponential);
  CHECK(contains(version, "missing: kernel.Lambda_im (3); the nearest extra entry is kernel.Lambda"));
  CHECK(contains(version, "missing: kernel.Lambda_log_neg_re (3)"));
  CHECK(contains(version, "extra:   kernel.Lambda (3, 2)"));
}

TEST_CASE("torch_names: a file that is cut short, empty, or has a name twice is refused and changes nothing") {
  const TemporaryFolder folder;
  Small module;
  small_dict().write(folder / "a");
  const std::string content = read_text(folder / "a");
  load_torch(folder / "a", module);
  const std::vector<double> before = numbers(module);
  for (std::size_t n = 0; n < content.size(); ++n) {
    write_text(folder / "b", content.substr(0, n));
    CHECK(!load_error(folder / "b", module).empty());
  }
  CHECK(!load_error(folder / "none", module).empty());
  const std::string header = R"({"bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                             R"("bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  write_text(folder / "twice", little(header.size(), 8) + header + "abcd");
  CHECK(contains(load_error(folder / "twice", module), "twice"));
  write_text(folder / "nothing", little(2, 8) + "{}");
  CHECK(contains(load_error(folder / "nothing", module), "missing: weight (2, 3)\n  missing: bias (2)"));
  CHECK(numbers(module) == before);
}

TEST_CASE("torch_names: reference checkpoints give the reference outputs, where LONGWAVE_GOLDEN names their folder") {
  if (std::getenv("LONGWAVE_GOLDEN") == nullptr) {
    WARN("LONGWAVE_GOLDEN is not set: skipped");
    return;
  }
  for (const std::string& path : reference_checkpoints("s4_block")) {
    INFO(path);
    const SafetensorsFile file(path);
    const auto& C = file.shape("param/layer.kernel.C");  // (kernels, H, N / 2, 2)
    const bool two_sided = has_option(file, "bidirectional", "true");
    const S4LayerOptions o{.d_model = C[1],
                           .d_state = 2 * C[2],
                           .channels = C[0] / (two_sided ? 2 : 1),
                           .bidirectional = two_sided,
                           .l_max = size_option(file, "l_max")};
    if (!has_option(file, "activation", "\"gelu\"") || !has_option(file, "final_act", "\"glu\""))
      WARN(path + " has other activations: skipped");
    else if (file.contains("param/layer.kernel.P"))
      check_reference(file, make<S4<double>>(o), "x");
    else
      check_reference(file, make<S4Diag<double>>(o), "x");
  }
  for (const std::string& path : reference_checkpoints("dss_layer")) {
    INFO(path);
    const SafetensorsFile file(path);
    const auto& W = file.shape("param/kernel.W");
    if (!has_option(file, "version", "\"softmax\"") || !has_option(file, "activation", "\"gelu\"") ||
        !has_option(file, "postact", "null") || !has_option(file, "hyper_act", "null"))
      WARN(path + " has another version or activation: skipped");
    else
      check_reference(file, make<DSS<double>>(DssOptions{.d_model = W[1], .d_state = W[2]}), "u");
  }
}

TEST_CASE("docs: a state dict comes and goes") {
  const TemporaryFolder folder;
  const std::string in = folder / "s4.safetensors", out = folder / "tuned.safetensors";
  {
    auto trained = make<S4<float>>(S4LayerOptions{.d_model = 16, .d_state = 8, .l_max = 100}, 7);
    save_torch(in, trained);
  }
  // [snippet: checkpoint_load]
  lw::Generator gen(1);
  lw::S4<float> layer({.d_model = 16, .d_state = 8, .l_max = 100}, gen);
  lw::load_torch(in, layer);  // all of it, or an error that lists what does not fit
  // [/snippet]
  {
    const SafetensorsFile file(in);
    Written w;
    for (const auto& [name, e] : file.entries())
      w.arrays.push_back({"model.layers.0.layer." + name, e.dtype, e.shape, file.raw(name).data()});
    w.floats("model.layers.1.D", {1}, {0}).floats("global_step", {}, {0});
    w.write(folder / "run.safetensors");
  }
  const std::string run = folder / "run.safetensors";
  // [snippet: checkpoint_part]
  const lw::SafetensorsFile file(run);
  const auto report = lw::load_torch(file, layer, {.prefix = "model.layers.0.layer.", .strict = false});
  for (const std::string& name : report.missing) std::fprintf(stderr, "%s stays as it was drawn\n", name.c_str());
  // [/snippet]
  CHECK(report.missing.empty());
  CHECK(report.loaded.size() == 10);
  // [snippet: checkpoint_save]
  lw::save_torch(out, layer);  // load_state_dict(strict=True) takes it
  // [/snippet]
  auto again = make<S4<float>>(S4LayerOptions{.d_model = 16, .d_state = 8, .l_max = 100}, 8);
  load_torch(out, again);
  CHECK(numbers(again) == numbers(layer));
  // [snippet: checkpoint_error]
  lw::S4<float> wider({.d_model = 32, .d_state = 8}, gen);
  CHECK_THROWS_AS(lw::load_torch(in, wider), lw::IoError);  // one line for each entry of another shape
  // [/snippet]
}
