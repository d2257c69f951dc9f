// parameter.hpp - Parameter<T, N, D>: a trained tensor, its gradient and how the optimiser treats it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/autograd/tape.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

// What a parameter asks of its optimiser. NaN: no wish, the optimiser's own setting holds.
struct ParameterGroup {
  static constexpr double unset = __builtin_nan("");
  double lr = unset;  // learning rate at the start; schedules scale it like every other
  double weight_decay = unset;
  bool trainable = true;

  bool has_lr() const { return lr == lr; }
  bool has_weight_decay() const { return weight_decay == weight_decay; }
};

template <class T, int N, device D = Host>
struct Parameter {
  Tensor<T, N, D> value;
  Tensor<T, N, D> grad;  // added to by Tape::backward, set to zero by the optimiser's step
  ParameterGroup group;

  Parameter() = default;
  explicit Parameter(Extents<N> sizes, ParameterGroup group_ = {}) : value(sizes), grad(sizes), group(group_) {}

  // The parameter on a tape. `name` appears in finite_check errors; it must outlive the tape.
  Var<T, N, D> on(Tape<T, D>& tape, const char* name = "parameter") { return on(tape, value.sizes(), name); }

  // The same numbers under other sizes.
  template <int M>
  Var<T, M, D> on(Tape<T, D>& tape, const Extents<M>& sizes, const char* name) {
    const auto gradient = group.trainable ? grad.view().reshape(sizes) : TensorView<T, M, D>();
    return tape.parameter(value.view().reshape(sizes), gradient, name);
  }
};

// A parameter or buffer with its rank forgotten: what optimisers and checkpoints see. All its elements are dense.
template <class T, device D = Host>
struct ParameterRef {
  std::string name;
  std::vector<index_t> shape;
  T* value;
  T* grad;  // nullptr for a buffer
  index_t count;
  ParameterGroup group;
};

namespace detail {

template <class T, int N, device D>
ParameterRef<T, D> parameter_ref(std::string name, Tensor<T, N, D>& value, T* grad, ParameterGroup group) {
  std::vector<index_t> shape(value.sizes().sizes, value.sizes().sizes + N);
  return {std::move(name), std::move(shape), value.data(), grad, value.count(), group};
}

}  // namespace detail
}  // namespace longwave
