#include "longwave/interop/torch_v3.hpp"

#include <deque>
#include <numbers>

#include "check.hpp"
#include "files.hpp"
#include "longwave/interop/torch_names.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"

using namespace longwave;
using namespace longwave::test;
namespace lw = longwave;

namespace {

using S4LayerOptions = SsmOptions<S4BlockFlavour, S4Options>;

template <class Layer>
Layer make(const S4LayerOptions& options, std::uint64_t seed = 1) {
  Generator gen(seed);
  return Layer(options, gen);
}

using Numbers = std::vector<float>;

// A state dict of floats, but for the buffers L.
struct Old {
  std::deque<Numbers> numbers;
  std::deque<std::int64_t> lengths;
  std::vector<NamedArray> arrays;

  Old& add(const std::string& name, std::vector<index_t> shape, Numbers values, DType dtype = DType::f32) {
    arrays.push_back({name, dtype, std::move(shape), numbers.emplace_back(std::move(values)).data()});
    return *this;
  }
  Old& length(const std::string& name, std::int64_t L) {
    arrays.push_back({name, DType::i64, {}, &lengths.emplace_back(L)});
    return *this;
  }
  void rename(const std::string& from, const std::string& to) {
    for (NamedArray& a : arrays)
      if (a.name == from) a.name = to;
  }
  void remove(const std::string& name) {
    std::erase_if(arrays, [&](const NamedArray& a) { return a.name == name; });
  }
  void write(const std::string& path) const { write_safetensors(path, arrays); }
};

template <class T, int N>
Numbers copied(const Tensor<T, N>& t, float sign = 1) {
  Numbers all;
  for (index_t i = 0; i < t.count(); ++i) all.push_back(sign * t.data()[i]);
  return all;
}

// What version 3 would have stored for this S4, under `prefix`.
template <class Layer>
Old as_v3(Layer& layer, const std::string& prefix) {
  auto& p = layer.kernel.parameters;
  const auto shape = [](const auto& t) {
    const auto sizes = t.sizes();
    return std::vector<index_t>(sizes.sizes, sizes.sizes + sizeof(sizes.sizes) / sizeof(index_t));
  };
  const index_t H = p.inv_dt.value.size(0);
  Old old;
  const std::string kernel = prefix + "kernel.kernel.";
  old.add(prefix + "D", shape(layer.D.value), copied(layer.D.value));
  old.add(kernel + "C", shape(p.C.value), copied(p.C.value)).add(kernel + "B", shape(p.B.value), copied(p.B.value));
  old.add(kernel + "log_dt", {H}, copied(p.inv_dt.value));
  old.add(kernel + "inv_w_real", shape(p.A_real.value), copied(p.A_real.value));
  old.add(kernel + "w_imag", shape(p.A_imag.value), copied(p.A_imag.value, -1));
  old.add(prefix + "output_linear.0.weight", shape(layer.output_linear.weight.value),
          copied(layer.output_linear.weight.value));
  old.add(prefix + "output_linear.0.bias", {layer.output_linear.bias.value.size(0), 1},
          copied(layer.output_linear.bias.value));
  if (p.P.value.count() > 0) old.add(kernel + "P", shape(p.P.value), copied(p.P.value));
  return old;
}

template <class Module>
std::vector<double> numbers(Module& module) {
  std::vector<double> all;
  auto take = [&](const std::string&, auto& t) { all.insert(all.end(), t.data(), t.data() + t.count()); };
  module.for_each_parameter([&](const std::string& name, auto& p) { take(name, p.value); });
  visit_buffers("", module, take);
  return all;
}

// A module that holds one layer under a name.
template <class Layer>
struct Holder {
  using Options = S4LayerOptions;
  Layer layer;
  template <class F>
  void for_each_parameter(F&& f) {
    visit("layers.0.layer.", layer, f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("layers.0.layer.", layer, f);
  }
};

template <class Module>
void load_old(const std::string& path, Module& module) {
  const SafetensorsFile file(path);
  load_torch(torch_names::from_v3(torch_names::state_dict(file)), module);
}

std::string conversion_error(const std::string& path) {
  const SafetensorsFile file(path);
  return error_text<IoError>([&] { torch_names::from_v3(torch_names::state_dict(file)); });
}

const S4LayerOptions small{.d_model = 4, .d_state = 6, .l_max = 12};

}  // namespace

TEST_CASE("torch_v3: an S4 of version 3 is that of version 4 under other names") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(small);
  layer.kernel.prepare(12, 1);
  for (const char* prefix : {"", "layers.0.layer."}) {
    Old old = as_v3(layer, prefix);
    old.length(prefix + std::string("kernel.kernel.L"), 12);
    old.write(folder / "old");
    Holder<S4<float>> holder{make<S4<float>>(small, 2)};
    if (*prefix == '\0')
      load_old(folder / "old", holder.layer);
    else
      load_old(folder / "old", holder);
    CHECK(numbers(holder.layer) == numbers(layer));
  }
  // Loaded as it is, the error says what to do.
  auto other = make<S4<float>>(small, 2);
  as_v3(layer, "").write(folder / "old");
  CHECK(contains(error_text<IoError>([&] { load_torch(folder / "old", other); }),
                 "names with kernel.kernel. are those of older versions: torch_names::from_v3 converts them"));
}

TEST_CASE("torch_v3: the diagonal kernel of version 3") {
  const TemporaryFolder folder;
  auto layer = make<S4Diag<float, Host, Bilinear>>(small);
  Old old = as_v3(layer, "");
  old.rename("kernel.kernel.inv_w_real", "kernel.kernel.inv_A_real");
  old.rename("kernel.kernel.w_imag", "kernel.kernel.A_imag");
  old.add("kernel.kernel.A", {4, 3, 2}, Numbers(24));  // a copy that early code stored and did not use
  for (NamedArray& a : old.arrays)
    if (a.name == "kernel.kernel.B") a.shape = {4, 3, 2};
  old.write(folder / "old");
  auto other = make<S4Diag<float, Host, Bilinear>>(small, 2);
  load_old(folder / "old", other);
  CHECK(numbers(other) == numbers(layer));
}

TEST_CASE("torch_v3: version 2 keeps A whole, its length in the nodes, and no Sequential") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(small);
  for (const index_t L : {1, 2, 3, 12, 13, 4096, 16383}) {
    layer.kernel.l_kernel(0) = static_cast<float>(L);
    Old old = as_v3(layer, "");
    const auto& p = layer.kernel.parameters;
    Numbers w, Q, omega;
    for (index_t i = 0; i < p.A_real.value.count(); ++i) {
      w.push_back(-std::exp(p.A_real.value.data()[i]));
      w.push_back(-p.A_imag.value.data()[i]);
    }
    for (index_t i = 0; i < p.P.value.count(); ++i) Q.push_back((i % 2 == 0 ? 1.0f : -1.0f) * p.P.value.data()[i]);
    for (index_t k = 0; k <= L / 2; ++k) {
      const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(L);
      omega.push_back(static_cast<float>(std::cos(angle)));
      omega.push_back(static_cast<float>(std::sin(angle)));
    }
    old.remove("kernel.kernel.inv_w_real");
    old.remove("kernel.kernel.w_imag");
    // As two reals, or complex.
    const bool complex = L % 2 == 0;
    std::vector<index_t> A{4, 3}, P{1, 4, 3};
    if (!complex) A.push_back(2), P.push_back(2);
    old.add("kernel.kernel.w", A, w, complex ? DType::c64 : DType::f32);
    old.add("kernel.kernel.Q", P, Q, complex ? DType::c64 : DType::f32);
    for (NamedArray& a : old.arrays)
      if (a.name == "kernel.kernel.P" && complex) a = {a.name, DType::c64, {1, 4, 3}, a.data};
    old.add("kernel.kernel.omega", {L / 2 + 1, 2}, omega).add("kernel.kernel.z", {L / 2 + 1, 2}, omega);
    old.rename("output_linear.0.weight", "output_linear.weight");
    old.rename("output_linear.0.bias", "output_linear.bias");
    old.write(folder / "old");
    auto other = make<S4<float>>(small, 2);
    load_old(folder / "old", other);
    CHECK(other.kernel.length() == L);
    // log(exp(a)) in float and back: a few units in the last place.
    CHECK(relative_error(other.kernel.parameters.A_real.value, p.A_real.value) < 1e-6);
    copy(other.kernel.parameters.A_real.value.view(), TensorView<const float, 2>(p.A_real.value.view()));
    CHECK(numbers(other) == numbers(layer));
  }
}

TEST_CASE("torch_v3: what is version 4 already, or another model's, stays as it is") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(small);
  save_torch(folder / "new", layer);
  auto other = make<S4<float>>(small, 2);
  load_old(folder / "new", other);
  CHECK(numbers(other) == numbers(layer));

  Old old;
  old.add("D", {1}, {1})
      .add("kernel.log_dt", {1}, {2})
      .add("subkernel.kernel.w", {1}, {3})
      .add("output_linear.bias", {1}, {4});
  old.write(folder / "other");
  const SafetensorsFile file(folder / "other");
  std::vector<std::string> names;
  for (const auto& [name, e] : torch_names::from_v3(torch_names::state_dict(file)).entries) names.push_back(name);
  CHECK(names == file.names());
}

TEST_CASE("torch_v3: what cannot be converted is one error that lists all of it") {
  const TemporaryFolder folder;
  auto layer = make<S4<float>>(small);
  Old old = as_v3(layer, "a.");
  old.add("a.kernel.kernel.Q", {1, 4, 3, 2}, Numbers(24, 1.0f));
  old.add("a.kernel.kernel.w", {1, 2}, {0.5f, 1});
  old.add("a.kernel.kernel.omega", {2, 2}, {1, 0, 1, 0});
  old.remove("a.kernel.kernel.inv_w_real");
  old.remove("a.kernel.kernel.w_imag");
  old.write(folder / "old");
  CHECK(conversion_error(folder / "old") ==
        (folder / "old") +
            ": the state dict cannot be converted to version 4\n"
            "  a.kernel.kernel.Q is not the conjugate of P; version 4 has A = diag - P P*\n"
            "  a.layer.kernel.l_kernel cannot be told from omega\n"
            "  a.layer.kernel.A_real needs Re w < 0, it is 0.500000");

  Old twice;
  twice.add("kernel.kernel.inv_w_real", {1}, {0}).add("kernel.kernel.log_w_real", {1}, {0});
  twice.add("kernel.kernel.w", {3}, {-1, 2, 3});
  twice.write(folder / "twice");
  const std::string text = conversion_error(folder / "twice");
  CHECK(contains(text, "layer.kernel.A_real comes from two entries"));
  CHECK(contains(text, "layer.kernel.A_imag needs w as pairs, it is (3)"));
}

TEST_CASE("docs: an older state dict") {
  const TemporaryFolder folder;
  const std::string old = folder / "v3.safetensors";
  auto trained = make<S4<float>>(small);
  as_v3(trained, "").length("kernel.kernel.L", 0).write(old);
  auto layer = make<S4<float>>(small, 2);
  // [snippet: checkpoint_v3]
  const lw::SafetensorsFile file(old);
  lw::load_torch(lw::torch_names::from_v3(lw::torch_names::state_dict(file)), layer);
  // [/snippet]
  CHECK(numbers(layer) == numbers(trained));
}
