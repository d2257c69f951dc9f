// case.hpp - one reference case as an op sees it: typed access to its inputs, parameters and options, and a place for
// what the op computes. The runner compares that with the file.
//
//   const Op softmax_op("softmax", []<class T>(Case<T>& c) {
//     c.out("y", softmax(c.template in<2>("x"), 1));
//   });
//
// is all that a new op needs, in any ops_*.cpp. An op only computes outputs; the runner seeds their cotangents, runs
// the tape backward and collects the gradients of all that was taken through in(), param() or load().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longwave/autograd/tape.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/io/safetensors.hpp"
#include "longwave/nn/module.hpp"

namespace longwave::golden {

// What a case asks for and the library (or the runner) does not offer: reported as a skip with its reason.
struct Unsupported : Error {
  using Error::Error;
};

// The options of a case: a JSON object. A missing key or one of another type is a ValueError that names it.
class Config {
 public:
  Config(const std::string& json, std::string where);

  bool has(const std::string& key) const;  // present and not null
  index_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool flag(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;
  Config object(const std::string& key) const;

  index_t integer(const std::string& key, index_t otherwise) const { return has(key) ? integer(key) : otherwise; }
  double number(const std::string& key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool flag(const std::string& key, bool otherwise) const { return has(key) ? flag(key) : otherwise; }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  // An option that must have one value, for ops that know no other.
  void expect(const std::string& key, const std::string& value) const;

  std::vector<std::string> unread() const;  // keys that nobody asked for

 private:
  struct Data;
  std::shared_ptr<Data> data_;
};

struct Tolerance {
  double rtol = 0, atol = 0;
  bool applies = true;  // false: the file says "none"
};

// One file: its tensors and what its metadata says. Throws IoError or ValueError for anything out of order.
struct CaseFile {
  explicit CaseFile(const std::string& path);

  SafetensorsFile file;
  std::string op, name;  // name: the case's, without the op
  Tolerance f64, f32;

  Config config() const;
};

// What an op computed for one tensor of the file.
struct Result {
  std::vector<double> values;
  std::vector<std::int64_t> integers;
  bool is_integer = false;
};

class CaseBase {
 public:
  struct SameFile {
    const CaseBase& of;
  };

  explicit CaseBase(const CaseFile& file) : config(file.config()), file_(file.file) {}
  explicit CaseBase(SameFile same) : config(same.of.config), file_(same.of.file_) {}
  CaseBase(const CaseBase&) = delete;
  CaseBase& operator=(const CaseBase&) = delete;

  const Config config;

  bool has(const std::string& entry) const { return file_.contains(entry); }
  const std::vector<index_t>& shape(const std::string& entry) const { return file_.shape(entry); }
  index_t count(const std::string& entry) const {
    return detail::shape_bytes(file_.shape(entry), file_.dtype(entry)) / dtype_bytes(file_.dtype(entry));
  }

  // The shape of `entry` as (outer, axis, inner), for ops along one axis of any rank.
  Extents<3> around_axis(const std::string& entry, index_t axis) const;
  // The shape of `entry` as (rows, last axis).
  Extents<2> rows(const std::string& entry) const;

  // The option `key`, a size, which must agree with what the file stores: so a broken file cannot ask for any amount of
  // memory or time.
  index_t size_option(const std::string& key, index_t stored) const {
    const index_t size = config.integer(key);
    expect_size(key, size, stored);
    return size;
  }
  static void expect_size(const std::string& what, index_t size, index_t stored) {
    if (size != stored)
      throw_shape_error(what + " is " + std::to_string(size) + ", the stored tensors have " + std::to_string(stored));
  }
  index_t size_option(const std::string& key, const std::string& entry, std::size_t axis) const {
    return size_option(key, this->axis(entry, axis));
  }

  // The size of one axis of a stored tensor, which may have fewer axes than it should.
  index_t axis(const std::string& entry, std::size_t axis) const {
    if (axis >= shape(entry).size())
      throw_shape_error(entry + " is " + detail::shape_text(shape(entry)) + ", it has no axis " + std::to_string(axis));
    return shape(entry)[axis];
  }
  // A number of samples that a case asks for without storing as many.
  static void expect_length(const std::string& what, double length) {
    if (!(length >= 0 && length <= (1 << 20))) throw_value_error(what + " is not between 0 and 2^20 samples");
  }

  std::vector<double> doubles(const std::string& entry) const { return file_.values<double>(entry); }
  std::vector<std::int64_t> integers(const std::string& entry) const { return file_.values<std::int64_t>(entry); }

  void out(const std::string& name, std::vector<double> values) { results_["out/" + name].values = std::move(values); }
  void out_integer(const std::string& name, std::int64_t value) { results_["out/" + name] = {{}, {value}, true}; }

  // For what is not on the tape: a gradient that the op worked out by itself.
  void gradient(const std::string& name, std::vector<double> values) {
    results_["grad/" + name].values = std::move(values);
  }

  const std::map<std::string, Result>& results() const { return results_; }
  void take_results(const CaseBase& other) { results_ = other.results_; }

 protected:
  const SafetensorsFile& file_;
  std::map<std::string, Result> results_;
};

template <class T, int N>
std::vector<double> to_doubles(const TensorView<const T, N>& view) {
  std::vector<double> values;
  if (view.data() == nullptr || view.count() == 0) return values;
  const Extents<N> strides[1] = {view.strides()};
  const detail::RowPlan<N, 1> plan(view.sizes(), strides);
  for (index_t r = 0; r < plan.rows(); ++r) {
    const Row<1> row = plan.row(r);
    for (index_t i = 0; i < row.length; ++i)
      values.push_back(static_cast<double>(view.data()[row.offset[0] + i * row.step[0]]));
  }
  return values;
}

template <class T, int N>
std::vector<double> to_doubles(const TensorView<const T, N, Cuda>& view) {
  auto dense = Tensor<T, N, Cuda>::uninitialized(view.sizes());
  if (view.data() != nullptr) copy(dense.view(), view);
  const Tensor<T, N> host = cuda::to_host(dense);
  return view.data() != nullptr ? to_doubles(host.view()) : std::vector<double>();
}

// The view with two axes exchanged; itself for a = b, of any rank.
template <class View>
View exchanged(const View& view, int a, int b) {
  return a == b ? view : view.transpose(a, b);
}

// Tape, inputs and modules of a case on one device.
template <class T, device D = Host>
class CaseOn : public CaseBase {
 public:
  using CaseBase::CaseBase;
  using CaseBase::out;

  Tape<T, D> tape;

  // --- in -----------------------------------------------------------------------------------------------------

  // An input or parameter on the tape; its gradient is collected if the file holds one. With sizes: reshaped.
  template <int N>
  Var<T, N, D> in(const std::string& name) {
    return variable<N>("in/" + name, sizes<N>("in/" + name), name);
  }
  template <int N>
  Var<T, N, D> in(const std::string& name, const Extents<N>& sizes) {
    return variable<N>("in/" + name, sizes, name);
  }
  template <int N>
  Var<T, N, D> param(const std::string& name) {
    return variable<N>("param/" + name, sizes<N>("param/" + name), name);
  }
  template <int N>
  Var<T, N, D> param(const std::string& name, const Extents<N>& sizes) {
    return variable<N>("param/" + name, sizes, name);
  }
  template <int N>  // no value if the file has none
  Var<T, N, D> optional_param(const std::string& name) {
    return has("param/" + name) ? param<N>(name) : Var<T, N, D>();
  }
  // Stored with the axes a and b the other way round, as (B, L, H) where the library takes (B, H, L).
  template <int N>
  Var<T, N, D> in_transposed(const std::string& name, int a, int b) {
    const std::string entry = "in/" + name;
    return variable_at(name, storage(entry).reshape(sizes<N>(entry)).transpose(a, b), a, b);
  }
  Var<T, 1, D> flat(const std::string& name) { return in<1>(name, {count("in/" + name)}); }

  // Numbers that need no gradient and may be written to.
  template <int N>
  TensorView<T, N, D> values(const std::string& entry) {
    return storage(entry).reshape(sizes<N>(entry));
  }

  TensorView<T, 1, D> flat_values(const std::string& entry) { return storage(entry); }

  // A module that lives as long as the case.
  template <class M, class... Args>
  M& make(Args&&... args) {
    auto module = std::make_shared<M>(std::forward<Args>(args)...);
    owned_.push_back(module);
    return *module;
  }

  // Parameters and buffers of a module from the file, by their names there; their gradients are collected.
  template <class M>
  void load(M& module, const std::string& prefix = "") {
    module.for_each_parameter([&](const std::string& name, auto& parameter) {
      load_values(prefix + name, parameter.value);
      parameter.grad.zero();
      if (file_.contains("grad/" + prefix + name))
        gradients_.emplace_back(prefix + name,
                                [&parameter] { return to_doubles(std::as_const(parameter.grad).view()); });
    });
    visit_buffers("", module, [&](const std::string& name, auto& buffer) { load_values(prefix + name, buffer); });
  }

  // --- out ----------------------------------------------------------------------------------------------------

  template <int N>
  void out(const std::string& name, Var<T, N, D> y) {
    out_transposed(name, y, 0, 0);
  }
  template <int N>
  void out_transposed(const std::string& name, Var<T, N, D> y, int a, int b) {
    const TensorView<const T, N, D> stored = exchanged(y.value(), a, b);
    results_["out/" + name].values = to_doubles(stored);
    const std::string cotangent = "cotangent/" + name;
    if (!file_.contains(cotangent) || !y.needs_grad()) return;
    if (count(cotangent) != stored.count())
      throw_shape_error(name + " is " + to_string(stored.sizes()) + ", its cotangent " +
                        detail::shape_text(shape(cotangent)));
    const TensorView<const T, N, D> seed = exchanged(storage(cotangent).reshape(stored.sizes()), a, b);
    seeds_.push_back([this, y, seed](bool run) {
      if (run)
        tape.backward(y, seed);
      else
        detail::add_to(tape.grad_to_add(y), seed);
    });
  }
  template <int N>
  void out(const std::string& name, TensorView<const T, N, D> y) {
    out(name, to_doubles(y));
  }

  // Gradients of sum over outputs of sum(cotangent * output) with respect to all that was taken in.
  void backward() {
    for (std::size_t i = 0; i < seeds_.size(); ++i) seeds_[i](i + 1 == seeds_.size());
    for (const auto& [name, gradient] : gradients_) results_["grad/" + name].values = gradient();
  }

 private:
  template <int N>
  Extents<N> sizes(const std::string& entry) const {
    Extents<N> sizes;
    if (!detail::to_extents(shape(entry), sizes))
      throw_shape_error(entry + " is " + detail::shape_text(shape(entry)) + ", expected " + std::to_string(N) +
                        " axes");
    return sizes;
  }

  TensorView<T, 1, D> storage(const std::string& entry) {
    Tensor<T, 1, D>& tensor = storage_.emplace_back(count(entry));
    assign(tensor.view(), file_.values<T>(entry));
    return tensor.view();
  }

  template <int N>
  Var<T, N, D> variable(const std::string& entry, const Extents<N>& sizes, const std::string& name) {
    return variable_at(name, storage(entry).reshape(sizes), 0, 0);
  }

  // The gradient is collected with the axes a and b exchanged.
  template <int N>
  Var<T, N, D> variable_at(const std::string& name, TensorView<T, N, D> value, int a, int b) {
    if (!file_.contains("grad/" + name)) return tape.input(value);
    const Var<T, N, D> var = tape.variable(value);
    gradients_.emplace_back(name, [var, a, b] {
      const auto grad = var.grad();
      std::vector<double> numbers = grad.data() != nullptr ? to_doubles(exchanged(grad, a, b)) : std::vector<double>();
      numbers.resize(static_cast<std::size_t>(var.value().count()));  // nothing flowed back: zeros
      return numbers;
    });
    return var;
  }

  template <int N>
  void load_values(const std::string& name, Tensor<T, N, D>& to) {
    const std::string entry = "param/" + name;
    auto squeezed = [](const index_t* sizes, std::size_t rank) {
      std::vector<index_t> kept;
      for (std::size_t i = 0; i < rank; ++i)
        if (sizes[i] != 1) kept.push_back(sizes[i]);
      return kept;
    };
    const std::vector<index_t>& stored = shape(entry);
    if (squeezed(stored.data(), stored.size()) != squeezed(to.sizes().sizes, N))
      throw_shape_error(entry + " is " + detail::shape_text(stored) + ", the module's is " + to_string(to.sizes()));
    assign(to.view().flat(), file_.values<T>(entry));
  }

  static void assign(TensorView<T, 1, D> to, const std::vector<T>& values) {
    const TensorView<const T, 1> from(values.data(), Extents<1>{static_cast<index_t>(values.size())});
    if constexpr (std::is_same_v<D, Host>)
      copy(to, from);
    else
      cuda::copy(to, from);
  }

  std::deque<Tensor<T, 1, D>> storage_;
  std::vector<std::shared_ptr<void>> owned_;
  std::vector<std::function<void(bool run)>> seeds_;
  std::vector<std::pair<std::string, std::function<std::vector<double>()>>> gradients_;
};

template <class T>
using Case = CaseOn<T, Host>;

// An op that the runner knows, on one device.
struct OpEntry {
  std::function<void(Case<double>&)> f64;
  std::function<void(Case<float>&)> f32;
};

using Registry = std::map<std::string, OpEntry>;
Registry& registry(const std::string& device);  // "cpu" or "cuda"

// Makes an op known; f is a function template over the scalar type.
struct Op {
  template <class F>
  Op(const char* name, F f, const char* device = "cpu") {
    registry(device)[name] = {[f](Case<double>& c) { f(c); }, [f](Case<float>& c) { f(c); }};
  }
};

// The same op on the device, its tape and modules there: f is a function template over CaseOn<T, D>.
template <class F>
void on_cuda(const char* name, F f) {
  Op(
      name,
      [f]<class T>(Case<T>& c) {
        CaseOn<T, Cuda> there(CaseBase::SameFile{c});
        f(there);
        there.backward();
        c.take_results(there);
      },
      "cuda");
}

}  // namespace longwave::golden
