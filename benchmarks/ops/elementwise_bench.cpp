// Elementwise arithmetic on (B, H, L), operands alike or one of them (1, H, 1): time per element of y.
#include "longwave/ops/elementwise.hpp"

#include "bench.hpp"

namespace longwave::ops {
namespace {

using namespace bench;

// repeated: b is (1, H, 1), a bias or a scale per channel, and its gradient is a sum.
template <class Op, bool repeated = false>
void forward(benchmark::State& state) {
  const index_t B = state.range(0), H = state.range(1), L = state.range(2);
  Generator gen(1);
  const auto a = normal(gen, B, H, L), b = positive(gen, repeated ? 1 : B, H, repeated ? 1 : L);
  Tensor<float, 3> y(B, H, L);
  measure(state, y.count(), [&] { Op::forward(y.view(), a, b); });
}

template <class Op, bool repeated = false>
void backward(benchmark::State& state) {
  const index_t B = state.range(0), H = state.range(1), L = state.range(2);
  Generator gen(1);
  const auto a = normal(gen, B, H, L), b = positive(gen, repeated ? 1 : B, H, repeated ? 1 : L);
  const auto dy = normal(gen, B, H, L);
  Tensor<float, 3> da(a.sizes()), db(b.sizes());
  measure(state, dy.count(), [&] { Op::backward(da.view(), db, dy, a, b); });
}

BENCHMARK_TEMPLATE(forward, Add)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Sub)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Mul)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Div)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Add, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(forward, Mul, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Add)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Sub)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Mul)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Div)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Add, true)->Apply(training_sizes);
BENCHMARK_TEMPLATE(backward, Mul, true)->Apply(training_sizes);

BENCHMARK_TEMPLATE(unary_forward, Scale)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Inverse)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Exp)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Log)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Square)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Sqrt)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_forward, Abs)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Scale)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Inverse)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Exp)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Log)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Square)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Sqrt)->Apply(training_sizes);
BENCHMARK_TEMPLATE(unary_backward, Abs)->Apply(training_sizes);

}  // namespace
}  // namespace longwave::ops

BENCHMARK_MAIN();
