// The dense product of cpu/gemm.hpp beside Eigen's, one thread, on the shapes this library multiplies: GFLOP/s.
// The decision in docs/design/gemm.md rests on these rows. Then linear layers with what is around the product.
#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/nn/linear.hpp"

namespace longwave {
namespace {

using Matrix = Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

// transposed: B is given as (N, K), as in a gradient of weights.
template <bool ours>
void product(benchmark::State& state) {
  const index_t M = state.range(0), N = state.range(1), K = state.range(2);
  const bool transposed = state.range(3) != 0;
  Tensor<float, 1> a(M * K), b(K * N), c(M * N);
  Generator gen(1);
  gen.normal(a.view());
  gen.normal(b.view());
  Eigen::setNbThreads(1);
  Matrix A(a.data(), M, K), B(b.data(), transposed ? N : K, transposed ? K : N), C(c.data(), M, N);
  for (auto _ : state) {
    if (ours)
      impl::gemm<float>(M, N, K, a.data(), K, 1, b.data(), transposed ? 1 : N, transposed ? K : 1, c.data(), N, false);
    else if (transposed)
      C.noalias() = A * B.transpose();
    else
      C.noalias() = A * B;
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  state.counters["flops"] =
      benchmark::Counter(static_cast<double>(2 * M * N * K), benchmark::Counter::kIsIterationInvariantRate);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"M", "N", "K", "transposed"});
  b->Args({256, 64, 64, 0});     // chunked scan: states of one sequence
  b->Args({256, 64, 128, 0});    // chunked scan: outputs from states
  b->Args({64, 64, 4096, 0});    // chunked scan: gradients of tables
  b->Args({128, 40, 40, 0});     // short sequences
  b->Args({256, 1024, 128, 0});  // position-wise linear, H = 128
  b->Args({512, 1024, 256, 0});  // position-wise linear, H = 256
  b->Args({512, 256, 1024, 1});  // its weights' gradient
}
BENCHMARK_TEMPLATE(product, true)->Apply(shapes);
BENCHMARK_TEMPLATE(product, false)->Apply(shapes);

// Forward and backward on a tape, with a bias: relu after it or not.
template <bool relu>
void linear_layer(benchmark::State& state) {
  set_num_threads(1);
  const index_t R = state.range(0), I = state.range(1), O = state.range(2);
  Generator gen(1);
  Linear<float> layer({.in = I, .out = O}, gen);
  Tensor<float, 2> x(R, I), dy(R, O);
  gen.normal(x.view());
  gen.normal(dy.view());
  Tape<float> tape;
  for (auto _ : state) {
    tape.rewind();
    const auto v = tape.variable(x.view());
    const auto y = relu ? layer.with_relu(tape, v) : layer(tape, v);
    tape.backward(y, std::as_const(dy).view());
    benchmark::ClobberMemory();
  }
  state.counters["flops"] =
      benchmark::Counter(static_cast<double>(6 * R * I * O), benchmark::Counter::kIsIterationInvariantRate);
}

void layers(benchmark::internal::Benchmark* b) {
  b->ArgNames({"R", "I", "O"});
  b->Args({128, 64, 64});     // the point U-Net of the MNIST-1D experiments
  b->Args({4096, 128, 128});  // position-wise, a short batch
}
BENCHMARK_TEMPLATE(linear_layer, false)->Apply(layers);
BENCHMARK_TEMPLATE(linear_layer, true)->Apply(layers);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
