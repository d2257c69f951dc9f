// typed_modules.hpp - a layer or model on any device against the same one in double on the host: its start values bit
// for bit, then its output and every gradient.
#pragma once

#include <cstdio>
#include "longwave/autograd/functions/shape.hpp"
#include "typed_optim.hpp"

namespace longwave::test {

// What a module is made for: make([..](auto on) { return Linear<scalar_of<on>, ..>; }).
template <class T, device D>
struct On {
  using Scalar = T;
  using Device = D;
};

template <device D, class T, int N>
Tensor<T, N, D> placed(const Tensor<T, N>& x) {
  if constexpr (std::is_same_v<D, Host>)
    return x.clone();
  else
    return cuda::to_device(x);
}

// Normal numbers that float holds, so that they are the same in double.
template <class T, int N>
Tensor<T, N> float_numbers(const Extents<N>& sizes, std::uint64_t seed) {
  const Tensor<float, N> from = random<float>(sizes, seed);
  Tensor<T, N> to(sizes);
  for (index_t i = 0; i < to.count(); ++i) to.data()[i] = static_cast<T>(from.data()[i]);
  return to;
}

template <class T, int N, device D>
Tensor<T, 1> flat_numbers(TensorView<const T, N, D> x) {
  return numbers(ParameterRef<T, D>{"", {}, const_cast<T*>(x.data()), nullptr, x.count(), {}});
}

// call(module, tape, x) -> Var: the output, the gradients of sum(w * output) by x and by every trained parameter, and
// all values and buffers afterwards. With a generator the tape trains.
template <class T, device D, int N, class Module, class Call>
std::vector<Tensor<T, 1>> pass_of(Module& module, const Extents<N>& sizes, const Call& call, Generator* generator) {
  Tape<T, D> tape;
  if (generator != nullptr) tape.train(*generator);
  const Tensor<T, N, D> x = placed<D>(float_numbers<T>(sizes, 61));
  const auto var = tape.variable(x.view());
  const auto y = contiguous(call(module, tape, var));
  const auto weights = placed<D>(float_numbers<T>(y.sizes(), 62));
  std::vector<Tensor<T, 1>> all;
  all.push_back(flat_numbers(y.value()));
  tape.backward(y, weights.view());
  if (var.grad().data() != nullptr) all.push_back(flat_numbers(var.grad()));
  for (auto& grad : numbers(parameters<T, D>(module), true)) all.push_back(std::move(grad));
  for (auto& value : numbers(state<T, D>(module))) all.push_back(std::move(value));
  return all;
}

struct ModuleTolerance {
  double single = 2e-5;  // some hundred roundings of float, relative to a tensor's largest element
  double twice = 1e-11;
};

// What differs, "" if nothing does. make(On<T, D>()) -> module. R: the reference's scalar; T where both must draw the
// same numbers (dropout).
template <class T, device D, class R, int N, class Make, class Call>
std::string module_difference(const Extents<N>& sizes, const Make& make, const Call& call, bool train, double bound) {
  auto there = make(On<T, D>());
  auto here = make(On<T, Host>());
  const auto start = numbers(state<T, D>(there));
  if (!same_bits(start, numbers(state<T>(here)))) return "the start values differ";

  auto reference = make(On<R, Host>());
  const auto refs = state<R>(reference), trained = parameters<R>(reference);
  for (std::size_t i = 0; i < refs.size(); ++i)
    for (index_t k = 0; k < refs[i].count; ++k) refs[i].value[k] = static_cast<R>(start[i].data()[k]);
  Generator gen_there(63), gen_here(63);
  const auto got = pass_of<T, D>(there, sizes, call, train ? &gen_there : nullptr);
  const auto want = pass_of<R, Host>(reference, sizes, call, train ? &gen_here : nullptr);
  if (got.size() != want.size()) return "another number of gradients";
  std::string text;
  const std::size_t values = got.size() - refs.size(), gradients = values - trained.size();
  for (std::size_t i = 0; i < got.size(); ++i) {
    // Some gradients are zero but for rounding.
    const double error = relative_error(got[i].view(), want[i].view(), 0.1);
    if (error <= bound) continue;
    text += i == 0          ? "output"
            : i < gradients ? "gradient of the input"
            : i < values    ? "gradient of " + trained[i - gradients].name
                            : refs[i - values].name;
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.2e", error);
    text += std::string(" is off by ") + digits + "; ";
  }
  return text;
}

// An exception of one module does not hide what is wrong with the next.
template <class T, device D, class R, int N, class Make, class Call>
void check_module_as(const std::string& what, const Extents<N>& sizes, const Make& make, const Call& call, bool train,
                     ModuleTolerance tolerance) {
  std::string difference;
  try {
    difference =
        module_difference<T, D, R>(sizes, make, call, train, sizeof(T) == 4 ? tolerance.single : tolerance.twice);
  } catch (const std::exception& error) {
    difference = error.what();
  }
  INFO(what << (train ? ", training" : ""));
  CHECK(difference == "");
}

template <class T, device D, int N, class Make, class Call>
void check_module(const std::string& what, const Extents<N>& sizes, const Make& make, const Call& call,
                  ModuleTolerance tolerance = {}) {
  check_module_as<T, D, double>(what, sizes, make, call, false, tolerance);
}
template <class T, device D, int N, class Make, class Call>
void check_training(const std::string& what, const Extents<N>& sizes, const Make& make, const Call& call,
                    ModuleTolerance tolerance = {}) {
  check_module_as<T, D, T>(what, sizes, make, call, true, tolerance);
}

// module(tape, x)
inline constexpr auto plainly = [](auto& module, auto& tape, auto x) { return module(tape, x); };

}  // namespace longwave::test
