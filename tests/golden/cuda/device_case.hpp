// device_case.hpp - a reference case whose tape is on the device, with the names that golden::Case has, so that a body
// reads the same on both:
//
//   on_device<float>("softmax", [](auto& c) { c.out("y", softmax(c.template in<2>("x", sizes), 1)); });
#pragma once

#include <deque>

#include "../case.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {

template <class T>
class DeviceCase {
 public:
  explicit DeviceCase(Case<T>& c) : host(c), config(c.config) {}

  Case<T>& host;
  const Config& config;
  Tape<T, Cuda> tape;

  template <int N>
  Var<T, N, Cuda> in(const std::string& name, const Extents<N>& sizes) {
    return variable<N>("in/" + name, sizes, name);
  }
  Var<T, 1, Cuda> flat(const std::string& name) { return in<1>(name, {host.count("in/" + name)}); }
  Var<T, 1, Cuda> optional_vector(const std::string& name) {
    const std::string entry = "param/" + name;
    return host.has(entry) ? variable<1>(entry, {host.count(entry)}, name) : Var<T, 1, Cuda>();
  }
  // Numbers that need no gradient and may be written to.
  template <int N>
  TensorView<T, N, Cuda> values(const std::string& entry, const Extents<N>& sizes) {
    return storage_.emplace_back(cuda::to_device(host.flat_values(entry))).view().reshape(sizes);
  }
  TensorView<const std::int64_t, 1, Cuda> integers(const std::string& entry) {
    const std::vector<std::int64_t> numbers = host.integers(entry);
    return integers_
        .emplace_back(cuda::to_device(
            TensorView<const std::int64_t, 1>(numbers.data(), Extents<1>{static_cast<index_t>(numbers.size())})))
        .view();
  }

  template <int N>
  void out(const std::string& name, TensorView<const T, N, Cuda> y) {
    host.out(name, back(y));
  }
  // The only output with a gradient: runs the tape backward and hands over all gradients.
  template <int N>
  void out(const std::string& name, Var<T, N, Cuda> y) {
    out(name, y.value());
    const std::string cotangent = "cotangent/" + name;
    if (!host.has(cotangent) || !y.needs_grad()) return;
    CaseBase::expect_size(cotangent, host.count(cotangent), y.value().count());
    tape.backward(y, values<N>(cotangent, y.sizes()));
    for (const auto& [entry, gradient] : gradients_) host.gradient(entry, gradient());
  }

 private:
  template <int N>
  static std::vector<double> back(TensorView<const T, N, Cuda> there) {
    const Tensor<T, N> here = cuda::to_host(there);
    return to_doubles(here.view());
  }

  template <int N>
  Var<T, N, Cuda> variable(const std::string& entry, const Extents<N>& sizes, const std::string& name) {
    const TensorView<T, N, Cuda> value = values<N>(entry, sizes);
    if (!host.has("grad/" + name)) return tape.input(value);
    const Var<T, N, Cuda> var = tape.variable(value);
    gradients_.emplace_back(name, [var] {
      if (var.grad().data() != nullptr) return back(var.grad());
      return std::vector<double>(static_cast<std::size_t>(var.value().count()));  // nothing flowed back
    });
    return var;
  }

  std::deque<Tensor<T, 1, Cuda>> storage_;
  std::deque<Tensor<std::int64_t, 1, Cuda>> integers_;
  std::vector<std::pair<std::string, std::function<std::vector<double>()>>> gradients_;
};

// Makes an op known on the device; body(DeviceCase<T>&).
template <class F>
void on_device(const char* name, F body) {
  Op(
      name,
      [body]<class T>(Case<T>& c) {
        DeviceCase<T> there(c);
        body(there);
      },
      "cuda");
}

}  // namespace longwave::golden
