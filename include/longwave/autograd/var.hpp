// var.hpp - Var<T, N, D>: a value on a tape, and its gradient once backward has run. Values of bfloat16 lie on a tape
// of floats, as their parameters do; their gradients are bfloat16 too.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

template <class T, device D>
class Tape;

namespace detail {

// Lives in the tape's arena. `grad` has no data until a first contribution arrives.
template <class T, int N, device D>
struct VarNode {
  TensorView<T, N, D> value;
  TensorView<T, N, D> grad;
  const char* name;  // a parameter's, else nullptr
  bool needs_grad;
  bool has_grad;
};

}  // namespace detail

template <class T, int N, device D = Host>
class Var {
 public:
  static constexpr int rank = N;

  Var() = default;  // no value: an optional argument left out
  Var(Tape<Arithmetic<T>, D>& tape, detail::VarNode<T, N, D>* node) : tape_(&tape), node_(node) {}

  explicit operator bool() const { return node_ != nullptr; }
  Tape<Arithmetic<T>, D>& tape() const { return *tape_; }
  bool needs_grad() const { return node_ != nullptr && node_->needs_grad; }

  TensorView<const T, N, D> value() const { return node_->value; }
  // Where the op that makes this value writes it.
  TensorView<T, N, D> output() const { return node_->value; }
  // dL/dvalue; without data when nothing flowed back to it.
  TensorView<const T, N, D> grad() const { return node_->grad; }

  index_t size(int axis) const { return node_->value.size(axis); }
  const Extents<N>& sizes() const { return node_->value.sizes(); }

  detail::VarNode<T, N, D>* node() const { return node_; }

 private:
  Tape<Arithmetic<T>, D>* tape_ = nullptr;
  detail::VarNode<T, N, D>* node_ = nullptr;
};

// The value of an optional argument: without data if it was left out.
template <class T, int N, device D>
TensorView<const T, N, D> value_or_none(Var<T, N, D> x) {
  return x ? x.value() : TensorView<const T, N, D>();
}

}  // namespace longwave
