// Gradients of a layer from several passes that make one step, with a kernel per pass and with one for all of them
// (SsmLayer::hold): milliseconds per step.
#include <benchmark/benchmark.h>

#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave {
namespace {

template <class Layer>
void accumulated_step(benchmark::State& state) {
  const index_t passes = state.range(0), B = state.range(1), H = state.range(2), N = state.range(3), L = state.range(4);
  const bool hold = state.range(5) != 0;
  Generator gen(1);
  typename Layer::Options options{.d_model = H, .d_state = N};
  if constexpr (std::is_same_v<Layer, S4<float>>) options.l_max = L;
  Layer layer(options, gen);
  Tensor<float, 3> u(B, H, L), dy(B, H, L);
  gen.normal(u.view());
  gen.normal(dy.view());
  Tape<float> tape;
  const auto step = [&] {
    if (hold) layer.hold(B, L);
    for (index_t i = 0; i < passes; ++i) {
      tape.rewind();
      tape.backward(layer(tape, tape.variable(u.view())), dy.view());
    }
    layer.release();
  };
  step();  // memory
  for (auto _ : state) step();
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"passes", "B", "H", "N", "L", "hold"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const std::int64_t hold : {0, 1}) b->Args({8, 8, 128, 64, 1024, hold});
  for (const std::int64_t hold : {0, 1}) b->Args({8, 1, 128, 64, 1024, hold});
  for (const std::int64_t hold : {0, 1}) b->Args({8, 2, 256, 64, 4096, hold});
}
BENCHMARK_TEMPLATE(accumulated_step, S4D<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(accumulated_step, S4Diag<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(accumulated_step, DSS<float>)->Apply(sizes);
BENCHMARK_TEMPLATE(accumulated_step, S4<float>)->Apply(sizes);

}  // namespace
}  // namespace longwave
