// session.hpp - a trained model as a step function: B streams, one sample of each at a time.
//
//   Session session(model, B);                  // with the weights of this moment
//   session.prefill(history);                   // (B, d_input, L) at once, by the scan; may be left out
//   for (;;) {
//     ... write the next samples to session.input(), (B, d_input) ...
//     session.step();
//     ... read session.output(), (B, d_output) ...
//   }
//
// Model: an S4D, S4 or other SsmLayer, SequenceClassifier, SequenceModel, or what else has make_state(B) and
// step(x, state, y); prefill takes forward_stream(tape, x, state), or a layer's forward(tape, x, state). The model must
// outlive the session and stay as it is; after training make a new one.
//
// On the host a step allocates nothing, takes no lock and throws nothing. On the device it is one launch, a captured
// graph that is replayed: queued on the current stream, it returns at once. Input, output and states stay where they
// are. What bounds many streams there is reading and writing every state once a step.
#pragma once

#include <type_traits>

#include "longwave/autograd/tape.hpp"
#include "longwave/cuda/graph.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

namespace detail {

template <class Model>
index_t stream_input(const Model& model) {
  if constexpr (requires { model.d_input(); })
    return model.d_input();
  else if constexpr (requires { model.options.d_input; })
    return model.options.d_input;
  else
    return model.options.d_model;
}
template <class Model>
index_t stream_output(const Model& model) {
  if constexpr (requires { model.d_output(); })
    return model.d_output();
  else if constexpr (requires { model.options.d_output; })
    return model.options.d_output;
  else
    return model.options.d_model;
}

// What repeats a step: the call itself, or its graph.
template <device D>
struct StepRunner {
  template <class F>
  void run(F&& step) noexcept {
    step();
  }
};
template <>
struct StepRunner<Cuda> {
  cuda::Graph graph;
  template <class F>
  void run(F&& step) {
    graph.run(step);
  }
};

}  // namespace detail

template <class Model>
class Session {
 public:
  using T = detail::module_value<Model>;
  using D = detail::module_device<Model>;
  using State = decltype(std::declval<Model&>().make_state(index_t(1)));

  Session(Model& model, index_t B)
      : model_(model),
        state_(model.make_state(B)),
        input_(B, detail::stream_input(model)),
        output_(B, detail::stream_output(model)) {}

  index_t streams() const { return input_.size(0); }
  TensorView<T, 2, D> input() { return input_; }                // (B, d_input)
  TensorView<const T, 2, D> output() const { return output_; }  // (B, d_output), of the last step
  State& state() { return state_; }

  // The sample in input() of every stream -> output().
  void step() noexcept(std::is_same_v<D, Host>) {
    runner_.run([this]() noexcept(std::is_same_v<D, Host>) { model_.step(input_, state_, output_.view()); });
  }

  // x (B, d_input, L), the next L samples of every stream; output() is then that of the last one.
  void prefill(TensorView<const T, 3, D> x) {
    check_shape("Session::prefill", "x", x, Extents<3>{streams(), input_.size(1), x.size(2)}, "BIL");
    if (x.size(2) == 0) return;
    Tape<T, D> tape;
    tape.set_recording(false);
    if constexpr (requires { model_.forward_stream(tape, tape.input(x), state_); }) {
      keep_last(model_.forward_stream(tape, tape.input(x), state_));
    } else {
      const auto before = tape.template keep<T>(state_.x.sizes());
      copy(before, state_.x.view());
      const auto out = model_.forward(tape, tape.input(x), tape.input(before));
      copy(state_.x.view(), out.state.value());
      keep_last(out.y);
    }
  }

  // All streams from the start.
  void reset() {
    state_.reset();
    output_.zero();
  }

 private:
  void keep_last(Var<T, 2, D> y) { copy(output_.view(), y.value()); }
  void keep_last(Var<T, 3, D> y) {
    const index_t L = y.size(2);
    const TensorView<const T, 3, D> last = TensorView<const T, 3, D>(y.value()).slice(2, L - 1, L);
    copy(TensorView<T, 3, D>(output_.data(), Extents<3>{output_.size(0), output_.size(1), 1}), last);
  }

  Model& model_;
  State state_;
  Tensor<T, 2, D> input_, output_;
  detail::StepRunner<D> runner_;
};

}  // namespace longwave
