// Kernels K (H, L) from parameters, DSS beside S4D, with equally many stored modes M per feature: S4D's d_state is 2 M,
// DSS's is M. Milliseconds, and time per mode and sample.
#include "bench.hpp"
#include "longwave/state_space/kernel_dss.hpp"
#include "longwave/state_space/kernel_s4d.hpp"

namespace longwave {
namespace {

using namespace bench;

template <class T, bool with_backward, class Vars>
void run(benchmark::State& state, index_t modes, Tape<T>& tape, Vars vars) {
  const index_t L = state.range(2);
  measure(state, state.range(0) * modes * L, [&] {
    tape.rewind();
    const auto K = ssm_kernel(tape, vars(), L);
    if (with_backward) tape.backward(K, K.value());
    benchmark::DoNotOptimize(K.value().data());
  });
}

template <class T>
void fill_rows(Tensor<T, 2>& to, double first, double step) {  // row h: first + step n
  for (index_t h = 0; h < to.size(0); ++h)
    for (index_t n = 0; n < to.size(1); ++n) to(h, n) = static_cast<T>(first + step * static_cast<double>(n));
}

template <class T, bool with_backward>
void s4d(benchmark::State& state) {
  const index_t H = state.range(0), M = state.range(1);
  Generator gen(1);
  Tensor<T, 1> log_dt(H);
  for (index_t h = 0; h < H; ++h) log_dt(h) = T(-4);
  Tensor<T, 2> log_A_real(H, M), A_imag(H, M);
  fill_rows(log_A_real, -0.7, 0);
  fill_rows(A_imag, 0, 3);
  const auto C = normal<T>(gen, H, M, index_t(2));
  Tape<T> tape;
  run<T, with_backward>(state, M, tape, [&] {
    return S4DVars<T>{tape.variable(log_dt.view()), tape.variable(log_A_real.view()), tape.variable(A_imag.view()),
                      tape.variable(C.view())};
  });
}

// growing: every second mode has Re Lambda > 0.
template <class T, bool with_backward, bool growing = false>
void dss(benchmark::State& state) {
  const index_t H = state.range(0), M = state.range(1);
  Generator gen(1);
  Tensor<T, 2> log_dt(H, 2), Lambda(M, 2);
  fill_rows(log_dt, -4, 0);
  for (index_t n = 0; n < M; ++n) {
    Lambda(n, 0) = growing && n % 2 == 0 ? T(0.5) : T(-0.5);
    Lambda(n, 1) = static_cast<T>(3 * n);
  }
  const auto W = normal<T>(gen, index_t(1), H, M, index_t(2));
  Tape<T> tape;
  run<T, with_backward>(state, M, tape, [&] {
    return DssVars<T>{.log_dt = tape.variable(log_dt.view()),
                      .Lambda = tape.variable(Lambda.view()),
                      .Lambda_re = {},
                      .Lambda_im = {},
                      .W = tape.variable(W.view()),
                      .form = {}};
  });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"H", "M", "L"})->UseRealTime()->Unit(benchmark::kMillisecond);
  b->Args({256, 32, 16384})->Args({256, 64, 16384})->Args({256, 64, 1024});
}
BENCHMARK_TEMPLATE(s4d, float, false)->Apply(sizes);
BENCHMARK_TEMPLATE(dss, float, false)->Apply(sizes);
BENCHMARK_TEMPLATE(s4d, float, true)->Apply(sizes);
BENCHMARK_TEMPLATE(dss, float, true)->Apply(sizes);
BENCHMARK_TEMPLATE(dss, float, true, true)->Apply(sizes);

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
