// Sums (means differ in a factor) and softmax of (B, H, L) over channels or positions: time per element of x.
#include "longwave/ops/reduce.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

struct Data {
  int axis;
  Tensor<float, 3> x, y, dx;      // y: softmax
  Tensor<float, 2> sums, d_sums;  // without the axis
  explicit Data(benchmark::State& state) : axis(static_cast<int>(state.range(3))) {
    Generator gen(1);
    x = normal(gen, state.range(0), state.range(1), state.range(2));
    y = x.clone();
    dx = x.clone();
    sums = normal(gen, state.range(0), axis == 1 ? state.range(2) : state.range(1));
    d_sums = sums.clone();
  }
};

template <class Op>
void sum_forward(benchmark::State& state) {
  Data d(state);
  measure(state, d.x.count(), [&] { Op::forward(d.sums.view(), d.x, d.axis); });
}

template <class Op>
void sum_backward(benchmark::State& state) {
  Data d(state);
  measure(state, d.x.count(), [&] { Op::backward(d.dx.view(), d.d_sums, d.axis); });
}

void sum_of_all(benchmark::State& state) {
  Data d(state);
  Tensor<float, 0> y{Extents<0>()};
  measure(state, d.x.count(), [&] { ops::Sum::forward(y.view(), d.x.view()); });
}

void logsumexp_backward(benchmark::State& state) {
  Data d(state);
  ops::LogSumExp::forward(d.sums.view(), d.x, d.axis);
  measure(state, d.x.count(), [&] { ops::LogSumExp::backward(d.dx.view(), d.d_sums, d.x, d.sums, d.axis); });
}

template <class Op>
void softmax_forward(benchmark::State& state) {
  Data d(state);
  measure(state, d.x.count(), [&] { Op::forward(d.y.view(), d.x, d.axis); });
}

template <class Op>
void softmax_backward(benchmark::State& state) {
  Data d(state);
  Op::forward(d.y.view(), d.x, d.axis);
  measure(state, d.x.count(), [&] { Op::backward(d.dx.view(), d.x, d.y, d.axis); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "H", "L", "axis"})->UseRealTime();
  for (int axis : {1, 2}) b->Args({64, 128, 1024, axis})->Args({128, 64, 40, axis});
}
BENCHMARK_TEMPLATE(sum_forward, Sum)->Apply(sizes);
BENCHMARK_TEMPLATE(sum_forward, LogSumExp)->Apply(sizes);
BENCHMARK(sum_of_all)->ArgNames({"B", "H", "L", "axis"})->Args({64, 128, 1024, 1})->UseRealTime();
BENCHMARK_TEMPLATE(sum_backward, Sum)->Apply(sizes);
BENCHMARK(logsumexp_backward)->Apply(sizes);
BENCHMARK_TEMPLATE(softmax_forward, Softmax)->Apply(sizes);
BENCHMARK_TEMPLATE(softmax_forward, LogSoftmax)->Apply(sizes);
BENCHMARK_TEMPLATE(softmax_backward, Softmax)->Apply(sizes);
BENCHMARK_TEMPLATE(softmax_backward, LogSoftmax)->Apply(sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
