// graph.hpp - a step that is queued op by op once, and from then on all at once: one launch instead of some hundred.
// Defined in longwave::cuda.
//
//   cuda::Graph graph;
//   graph.advances(generator, optimizer, losses);          // what counts steps on the host, and outlives the graph
//   for (...) {
//     optimizer.set_lr_factor(schedule.factor());          // host code that runs each time stays outside
//     staging.next(loader, i);
//     graph.run([&] {                                      // the first calls run as written, then it is captured
//       tape.rewind();
//       tape.train(generator);
//       const auto loss = cross_entropy(model(tape, tape.input(x)), y);
//       tape.backward(loss);
//       optimizer.step();
//       losses.publish(loss.value());
//     });
//   }
//
// A replay repeats the kernels with the addresses and numbers of the call that was captured; the function itself is not
// called again. So inputs live in tensors that stay (staging.hpp), the step may not wait for the device, read from it
// or allocate, and whatever it decides on the host was decided once. After another size of batch call reset(), or keep
// one graph for each; a smaller last batch may as well run without a graph.
//
// What counts on the host (draws of a generator, steps of an optimiser or average, publications) goes on as if the step
// had been called: kernels get the difference through Stream::advance(), the objects are set after each replay. So n
// replays leave the same bits as n calls, on the device and on the host, in a checkpoint as well.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "longwave/cuda/event.hpp"

namespace longwave::cuda {

struct GraphOptions {
  int warm_up = 1;     // calls before the capture that run as written: they make working memory and plans
  bool eager = false;  // for debugging: every call runs as written
};

class Graph {
 public:
  explicit Graph(GraphOptions options = {});
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  // Generators, optimisers, averages, readbacks: what has state()/set_state(), steps(), updates() or published().
  template <class... Objects>
  void advances(Objects&... objects) {
    (counters_.push_back(counter_of(objects)), ...);
  }

  // In the order of the current stream. Every call is one real step. DeviceError: why it could not be captured, in
  // which case nothing has changed.
  template <class F>
  void run(F&& step) {
    using Step = std::remove_reference_t<F>;
    run_step({const_cast<void*>(static_cast<const void*>(&step)), [](void* f) { (*static_cast<Step*>(f))(); }});
  }

  // The next calls warm up and capture anew.
  void reset();

  bool captured() const { return executable_ != nullptr; }
  std::int64_t replays() const { return replays_; }

 private:
  struct Call {
    void* object;
    void (*call)(void*);
  };
  enum class Kind { draws, steps, other };
  struct Counter {
    Kind kind;
    void* object;
    std::int64_t (*get)(const void*);
    void (*set)(void*, std::int64_t);
    std::int64_t captured = 0, each = 0;  // before the captured call, and how far a call moves it
  };

  template <class T>
  static Counter counter_of(T& object) {
    void* const p = &object;
    if constexpr (requires { object.state().draw; })
      return {Kind::draws, p, [](const void* o) { return std::int64_t(static_cast<const T*>(o)->state().draw); },
              [](void* o, std::int64_t n) {
                auto key = static_cast<T*>(o)->state();
                key.draw = static_cast<std::uint32_t>(n);
                static_cast<T*>(o)->set_state(key);
              }};
    else if constexpr (requires { object.set_steps(1); })
      return {Kind::steps, p, [](const void* o) { return std::int64_t(static_cast<const T*>(o)->steps()); },
              [](void* o, std::int64_t n) { static_cast<T*>(o)->set_steps(n); }};
    else if constexpr (requires { object.set_updates(1); })
      return {Kind::steps, p, [](const void* o) { return std::int64_t(static_cast<const T*>(o)->updates()); },
              [](void* o, std::int64_t n) { static_cast<T*>(o)->set_updates(n); }};
    else
      return {Kind::other, p, [](const void* o) { return std::int64_t(static_cast<const T*>(o)->published()); },
              [](void* o, std::int64_t n) { static_cast<T*>(o)->set_published(n); }};
  }

  void run_step(Call step);
  void run_eagerly(Call step);
  void capture(Call step);
  void replay();
  Advance advance_now() const;

  GraphOptions options_;
  std::vector<Counter> counters_;
  Stream stream_;  // its working memory is the graph's alone
  Event before_, after_;
  void* executable_ = nullptr;  // a cudaGraphExec_t
  int warm_ = 0;
  std::int64_t replays_ = 0;
};

}  // namespace longwave::cuda
