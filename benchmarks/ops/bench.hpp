// bench.hpp - what the benchmarks of single ops share: random tensors, the sizes of training, time per element.
#pragma once

#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::bench {

// Runs `step` once untimed, so that scratch memory is there, then measures it; counter: seconds per element.
template <class Step>
void measure(benchmark::State& state, index_t elements, Step step) {
  step();
  for (auto _ : state) {
    step();
    benchmark::ClobberMemory();
  }
  state.counters["per_element"] = benchmark::Counter(
      static_cast<double>(elements), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class T = float, class... I>
Tensor<T, sizeof...(I)> normal(Generator& gen, I... sizes) {
  Tensor<T, sizeof...(I)> t(sizes...);
  gen.normal(t.view());
  return t;
}

template <class T = float, class... I>
Tensor<T, sizeof...(I)> positive(Generator& gen, I... sizes) {
  Tensor<T, sizeof...(I)> t(sizes...);
  gen.uniform(t.view(), T(0.5), T(2));
  return t;
}

// Activations (B, H, L): long sequences, and MNIST-1D.
inline void training_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "H", "L"})->Args({64, 128, 1024})->Args({128, 64, 40})->UseRealTime();
}

// Ops of one tensor, y = f(x) and dx = dy f'(x); x > 0, so that log and sqrt have a value.
template <class Op, class T = float>
void unary_forward(benchmark::State& state) {
  Generator gen(1);
  const auto x = positive<T>(gen, state.range(0), state.range(1), state.range(2));
  Tensor<T, 3> y(x.sizes());
  measure(state, x.count(), [&] { Op::forward(y.view(), x); });
}

template <class Op, class T = float>
void unary_backward(benchmark::State& state) {
  Generator gen(1);
  const auto x = positive<T>(gen, state.range(0), state.range(1), state.range(2));
  const auto dy = normal<T>(gen, state.range(0), state.range(1), state.range(2));
  Tensor<T, 3> dx(x.sizes());
  measure(state, x.count(), [&] { Op::backward(dx.view(), dy, x); });
}

}  // namespace longwave::bench
