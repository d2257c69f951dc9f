// tape.hpp - reverse-mode differentiation as an explicit list of coarse ops.
//
// An op computes its value into tape.make(...) and records a closure that pulls the gradient back; backward() runs
// the closures in reverse order of recording. Values, gradients and closures live in one arena that rewind() takes
// back, so from the second step on nothing is allocated and every address repeats.
//
//   tape.rewind();
//   auto y = layer(tape, tape.input(u));
//   auto loss = mse(y, tape.input(target));
//   tape.backward(loss);                       // parameters' gradients are added to, see Var::grad for the rest
#pragma once

#include <cstddef>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>

#include "longwave/autograd/beside.hpp"
#include "longwave/autograd/var.hpp"
#include "longwave/core/arena.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/core/random.hpp"

namespace longwave {

template <class T, device D = Host>
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Forgets everything recorded; memory stays for the next step. Vars and views of earlier steps are void.
  void rewind() {
    arena_.rewind();
    nodes_.rewind();
    beside_.forget();
    last_ = nullptr;
  }

  // Training mode is on while a generator is set: dropout and batch statistics ask for it.
  void train(Generator& generator) { generator_ = &generator; }
  void evaluate() { generator_ = nullptr; }
  bool training() const { return generator_ != nullptr; }
  Generator& generator() const { return *generator_; }

  // With it on, every value and gradient is checked and the first op with a NaN or infinity is named in an error.
  void set_finite_check(bool on) { finite_check_ = on; }

  // While off, nothing is recorded: values only.
  void set_recording(bool on) { recording_ = on; }
  bool recording() const { return recording_; }

  Arena<D>& arena() { return arena_; }

  // --- values -------------------------------------------------------------------------------------------------

  // Data from outside, without a gradient, in T or stored as bfloat16. The view is kept, not copied.
  template <class U, int N>
    requires(std::is_same_v<Arithmetic<std::remove_const_t<U>>, T>)
  Var<std::remove_const_t<U>, N, D> input(TensorView<U, N, D> value) {
    return node(const_cast_view(value), {}, nullptr, false);
  }
  template <class Owner>
    requires requires(const Owner& owner) { owner.view(); }
  auto input(const Owner& owner) { return input(owner.view()); }

  // Data from outside whose gradient is wanted in Var::grad().
  template <class U, int N>
  Var<std::remove_const_t<U>, N, D> variable(TensorView<U, N, D> value) {
    return node(const_cast_view(value), {}, nullptr, recording_);
  }

  // A parameter: its gradient is added to `grad`, which belongs to the caller.
  template <int N>
  Var<T, N, D> parameter(TensorView<T, N, D> value, Out<T, N, D> grad, const char* name = "parameter") {
    Var<T, N, D> var = node(value, grad, name, recording_ && wanted(grad));
    var.node()->has_grad = true;
    return var;
  }

  // --- for ops ------------------------------------------------------------------------------------------------

  // A new value to be written by an op.
  template <int N>
  Var<T, N, D> make(const Extents<N>& sizes, bool needs_grad) {
    return make_as<T>(sizes, needs_grad);
  }
  // The same, stored as U.
  template <class U, int N>
  Var<U, N, D> make_as(const Extents<N>& sizes, bool needs_grad) {
    return node(arena_.template tensor<U, N>(sizes), {}, nullptr, needs_grad && recording_);
  }

  // A value that is part of another one's memory.
  template <int N>
  Var<T, N, D> alias(TensorView<T, N, D> value, bool needs_grad) {
    return node(value, {}, nullptr, needs_grad && recording_);
  }

  // Room for something an op keeps for its backward pass.
  template <class U, int N>
  TensorView<U, N, D> keep(const Extents<N>& sizes) {
    return arena_.template tensor<U, N>(sizes);
  }

  // Notes how the gradient of `y` flows back. `backward` captures views and numbers only and runs at most once, and
  // only if a gradient arrived.
  template <class U, int N, class F>
  void record(const char* op, Var<U, N, D> y, F backward) {
    record_outputs(op, backward, y);
  }

  // The same for an op with two or three results; in `backward`, some of their gradients may have no data: then they
  // are zero.
  template <class U, int N, int M, class F>
  void record(const char* op, Var<U, N, D> y, Var<T, M, D> z, F backward) {
    record_outputs(op, backward, y, z);
  }
  template <class U, int N, int M, class F>
  void record(const char* op, Var<U, N, D> y, Var<T, M, D> z, Var<T, M, D> w, F backward) {
    record_outputs(op, backward, y, z, w);
  }

  // The same for an op whose inputs are parameters, or come from such ops: `backward` runs where the gradient of y was
  // formed, see beside().
  template <class U, int N, class F>
  void record_following(const char* op, Var<U, N, D> y, F backward) {
    record_outputs<false>(
        op, [this, y, backward] { beside_.follow(y.grad().data(), backward); }, y);
  }

  // What a backward pass may do beside the rest: products and sums for parameters. On the host f is just called.
  Beside<D>& beside() { return beside_; }

  // Where an op adds its contribution to the gradient of x; without data if none is wanted.
  template <class U, int N>
  TensorView<U, N, D> grad_to_add(Var<U, N, D> x) {
    if (!x.needs_grad()) return {};
    auto* node = x.node();
    if (!node->has_grad) {
      node->grad = arena_.template tensor<U, N>(node->value.sizes());
      detail::fill(node->grad, U(0));
      node->has_grad = true;
    }
    beside_.writes(node->grad.data());
    return node->grad;
  }

  // Makes `gradient`, which lies in this tape's memory and is used for nothing else from here on, a contribution to the
  // gradient of x: the first one stays where it is.
  template <class U, int N>
  void hand_over(Var<U, N, D> x, Out<U, N, D> gradient) {
    auto* node = x.node();
    if (!node->has_grad) {
      node->grad = gradient;
      node->has_grad = true;
    } else if (node->name == nullptr && beside_.in_use(node->grad.data())) {
      beside_.reads(node->grad.data());
      const TensorView<U, N, D> sum = arena_.template tensor<U, N>(node->value.sizes());
      detail::add<U, N>(sum, node->grad, gradient);
      node->grad = sum;
    } else {
      beside_.writes(node->grad.data());
      detail::add_to(node->grad, gradient);
    }
    if (finite_check_) check_finite(running_, "gradient", TensorView<const U, N, D>(node->grad), node->name);
  }

  // --- backward -----------------------------------------------------------------------------------------------

  // Gradients of a scalar with respect to all that it was computed from.
  void backward(Var<T, 0, D> loss) { backward(loss, nullptr); }

  // Vector-Jacobian product: `seed` is dL/dy, which must stay until the work is done.
  template <class U, int N>
  void backward(Var<U, N, D> y, In<U, N, D> seed) {
    if (!y.needs_grad()) throw_value_error("backward: the value depends on no parameter and no variable");
    check_same_shape("backward", "seed", seed, "y", y.value());
    const bool lent = !y.node()->has_grad && seed.contiguous();
    if (lent) {  // read where it is: no op writes to the gradient of its result
      y.node()->grad = const_cast_view(seed);
      y.node()->has_grad = true;
    } else {
      detail::add_to(grad_to_add(y), seed);
    }
    run();
    if (lent) y.node()->has_grad = false;  // what comes later starts in memory of its own
  }

 private:
  struct Step {
    const char* op;
    void (*run)(Step*, Tape&);
    Step* before;
  };

  // waits: for gradients of y that are formed beside this.
  template <bool waits = true, class F, class... Y>
  void record_outputs(const char* op, F backward, Y... y) {
    static_assert(std::is_trivially_destructible_v<F>, "a tape closure holds views and numbers, nothing that owns");
    if (finite_check_) (check_finite(op, "value", y.value()), ...);
    if (!(y.needs_grad() || ...)) return;
    struct Closure : Step {
      F backward;
      std::tuple<Y...> outputs;
      Closure(const char* name, Step* previous, F f, Y... out)
          : Step{name, run_it, previous}, backward(f), outputs(out...) {}
      static void run_it(Step* self, Tape& tape) {
        auto* me = static_cast<Closure*>(self);
        const auto run = [&](const Y&... out) {
          if (!(out.node()->has_grad || ...)) return;
          if constexpr (waits) (tape.beside_.reads(out.grad().data()), ...);
          me->backward();
        };
        std::apply(run, me->outputs);
      }
    };
    void* place = nodes_.template take<Closure>(1);
    last_ = ::new (place) Closure(op, last_, backward, y...);
  }

  template <class U, int N>
  static TensorView<std::remove_const_t<U>, N, D> const_cast_view(TensorView<U, N, D> v) {
    return {const_cast<std::remove_const_t<U>*>(v.data()), v.sizes(), v.strides()};
  }

  template <class U, int N>
  Var<U, N, D> node(TensorView<U, N, D> value, Out<U, N, D> grad, const char* name, bool needs_grad) {
    using Node = detail::VarNode<U, N, D>;
    void* place = nodes_.template take<Node>(1);
    return {*this, ::new (place) Node{value, grad, name, needs_grad, false}};
  }

  void backward(Var<T, 0, D> loss, std::nullptr_t) {
    if (!loss.needs_grad()) throw_value_error("backward: the loss depends on no parameter and no variable");
    auto* node = loss.node();
    if (!node->has_grad) node->grad = arena_.template tensor<T, 0>(Extents<0>());
    node->has_grad = true;
    detail::fill(node->grad, T(1));
    run();
  }

  void run() {
    for (Step* step = last_; step != nullptr; step = step->before) {
      running_ = step->op;
      step->run(step, *this);
    }
    last_ = nullptr;
    beside_.join();
  }

  template <class U, int N>
  void check_finite(const char* op, const char* what, TensorView<const U, N, D> x, const char* name = nullptr) {
    if (detail::all_finite(x)) return;
    throw_value_error(std::string(op) + ": NaN or infinity in its " + what +
                      (name != nullptr ? std::string(" of ") + name : std::string()) + " " + to_string(x.sizes()));
  }

  template <class, int, device>
  friend class Grad;
  template <class, int, device>
  friend class GradSum;

  Arena<D> arena_;     // values and gradients
  Arena<Host> nodes_;  // Var nodes and closures
  Step* last_ = nullptr;
  Beside<D> beside_;
  Generator* generator_ = nullptr;
  const char* running_ = "";
  bool recording_ = true;
  bool finite_check_ = false;
};

// The gradient of one input while a closure runs, for ops that assign (=) their gradients: a first contribution is
// written in place, a further one goes to a temporary that the destructor adds. Converts to the view to write to,
// which has no data when the gradient is not wanted. An op that can add as well says so (can_add), and must where
// adds(): then the view is the gradient so far.
template <class T, int N, device D>
class Grad {
 public:
  explicit Grad(Var<T, N, D> x, bool can_add = false) : x_(x) {
    if (!x.needs_grad()) return;
    auto* node = x.node();
    if (can_add && node->has_grad) {
      view_ = node->grad;
      first_ = adds_ = true;
      x.tape().beside().writes(view_.data());
      return;
    }
    view_ = x.tape().arena().template tensor<T, N>(node->value.sizes());
    if (!node->has_grad) {
      node->grad = view_;
      node->has_grad = true;
      first_ = true;
    }
    if (first_) x.tape().beside().writes(view_.data());
  }
  Grad(const Grad&) = delete;
  Grad& operator=(const Grad&) = delete;
  ~Grad() noexcept(false) {
    if (!wanted(view_)) return;
    if (!first_) {
      x_.tape().beside().writes(x_.node()->grad.data());
      detail::add_to(x_.node()->grad, view_);
    }
    auto& tape = x_.tape();
    if (tape.finite_check_)
      tape.check_finite(tape.running_, "gradient", TensorView<const T, N, D>(x_.node()->grad), x_.node()->name);
  }

  TensorView<T, N, D> view() const { return view_; }
  operator TensorView<T, N, D>() const { return view_; }
  bool adds() const { return adds_; }

 private:
  Var<T, N, D> x_;
  TensorView<T, N, D> view_;
  bool first_ = false, adds_ = false;
};

// The gradient of one input for ops that assign the sum of what they contribute and what there is, `before()`: without
// data if there is nothing yet. The sum gets memory of its own, so whoever still reads `before` beside the pass is not
// waited for. A parameter's gradient has its place: there the sum is added to it at the end.
template <class T, int N, device D>
class GradSum {
 public:
  explicit GradSum(Var<T, N, D> x) : x_(x) {
    if (!x.needs_grad()) return;
    const auto* node = x.node();
    view_ = x.tape().arena().template tensor<T, N>(node->value.sizes());
    if (!node->has_grad || node->name != nullptr) return;
    before_ = node->grad;
    x.tape().beside().reads(before_.data());
  }
  GradSum(const GradSum&) = delete;
  GradSum& operator=(const GradSum&) = delete;
  ~GradSum() noexcept(false) {
    if (!wanted(view_)) return;
    auto& tape = x_.tape();
    auto* node = x_.node();
    if (node->has_grad && node->name != nullptr) {
      tape.beside().writes(node->grad.data());
      detail::add_to(node->grad, view_);
    } else {
      node->grad = view_;
      node->has_grad = true;
    }
    if (tape.finite_check_)
      tape.check_finite(tape.running_, "gradient", TensorView<const T, N, D>(node->grad), node->name);
  }

  TensorView<T, N, D> view() const { return view_; }
  TensorView<const T, N, D> before() const { return before_; }

 private:
  Var<T, N, D> x_;
  TensorView<T, N, D> view_, before_;
};

template <class T, int N, device D>
Grad(Var<T, N, D>) -> Grad<T, N, D>;
template <class T, int N, device D>
Grad(Var<T, N, D>, bool) -> Grad<T, N, D>;
template <class T, int N, device D>
GradSum(Var<T, N, D>) -> GradSum<T, N, D>;

}  // namespace longwave
