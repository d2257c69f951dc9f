// S4's kernel K (H, L) from its parameters, d_state = 2 M, rank R; and one pass of the recurrence for the end state.
#include "bench.hpp"
#include "longwave/nn/s4.hpp"

namespace longwave {
namespace {

using namespace bench;

template <class T>
DplrKernel<T> kernel(const benchmark::State& state) {
  Generator gen(1);
  const index_t R = state.range(3);
  DplrKernel<T> k({.d_model = state.range(0), .d_state = 2 * state.range(1)},
                  {.init = R == 1 ? "legs" : "legt", .rank = R}, gen);
  k.l_kernel(0) = static_cast<T>(state.range(2));  // the random C taken for C~
  return k;
}

template <class T, bool with_backward>
void s4(benchmark::State& state) {
  DplrKernel<T> k = kernel<T>(state);
  Tape<T> tape;
  measure(state, state.range(0) * state.range(1) * state.range(2), [&] {
    tape.rewind();
    const auto K = ssm_kernel(tape, k.on(tape), state.range(2));
    if (with_backward) tape.backward(K, K.value());
    benchmark::DoNotOptimize(K.value().data());
  });
}

template <class T>
void prepare(benchmark::State& state) {
  DplrKernel<T> k = kernel<T>(state);
  for (auto _ : state) {
    k.l_kernel(0) = 0;
    k.prepare(state.range(2), 1);
    benchmark::ClobberMemory();
  }
}

template <class T, bool with_backward>
void end_state(benchmark::State& state) {
  DplrKernel<T> k = kernel<T>(state);
  Generator gen(2);
  const auto u = normal<T>(gen, index_t(4), state.range(0), state.range(2));
  Tape<T> tape;
  measure(state, 4 * state.range(0) * state.range(1) * state.range(2), [&] {
    tape.rewind();
    const auto s = detail::end_state(tape.variable(u.view()), k.on(tape), Var<T, 4>(), 1);
    if (with_backward) tape.backward(s, s.value());
    benchmark::DoNotOptimize(s.value().data());
  });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"H", "M", "L", "R"})->UseRealTime()->Unit(benchmark::kMillisecond);
  b->Args({256, 32, 16384, 1})->Args({256, 32, 16384, 2})->Args({256, 32, 1024, 1});
}
BENCHMARK_TEMPLATE(s4, float, false)->Apply(sizes);
BENCHMARK_TEMPLATE(s4, float, true)->Apply(sizes);
BENCHMARK_TEMPLATE(prepare, float)
    ->ArgNames({"H", "M", "L", "R"})
    ->Unit(benchmark::kMillisecond)
    ->Args({256, 32, 16384, 1});
BENCHMARK_TEMPLATE(end_state, float, false)
    ->ArgNames({"H", "M", "L", "R"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({256, 32, 1024, 1});
BENCHMARK_TEMPLATE(end_state, float, true)
    ->ArgNames({"H", "M", "L", "R"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({256, 32, 1024, 1});

}  // namespace
}  // namespace longwave
