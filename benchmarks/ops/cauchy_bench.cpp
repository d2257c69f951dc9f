// Sums of N / 2 conjugate pairs of poles at L nodes per channel: time per pole and node.
#include "longwave/ops/cauchy.hpp"

#include "bench.hpp"

namespace longwave {
namespace {

using namespace bench;

// pass: 0 forward, 1 backward without dz, 2 backward
template <class T, int pass>
void cauchy(benchmark::State& state) {
  const index_t H = state.range(0), N = state.range(1) / 2, L = state.range(2);
  Tensor<complex<T>, 2> v(H, N), w(H, N), r(H, L), dv(H, N), dw(H, N);
  Tensor<complex<T>, 1> z(L), dz(L);
  for (index_t i = 0; i < w.count(); ++i) {
    w.data()[i] = {T(-0.5), T(3) * static_cast<T>(i % N)};
    v.data()[i] = {T(1), T(0.5)};
  }
  for (index_t l = 0; l < L; ++l) z(l) = {T(0), T(100) * static_cast<T>(l) / static_cast<T>(L)};
  ops::Cauchy::forward(r.view(), v, w, z);
  measure(state, H * N * L, [&] {
    if (pass == 0)
      ops::Cauchy::forward(r.view(), v, w, z);
    else
      ops::Cauchy::backward(dv, dw, pass == 2 ? dz.view() : TensorView<complex<T>, 1>(), std::as_const(r).view(), v, w,
                            z);
  });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"H", "N", "L"})->UseRealTime()->Unit(benchmark::kMillisecond);
  b->Args({256, 64, 513})->Args({256, 64, 8193})->Args({1, 64, 65537});
}
BENCHMARK_TEMPLATE(cauchy, float, 0)->Apply(sizes);
BENCHMARK_TEMPLATE(cauchy, float, 1)->Apply(sizes);
BENCHMARK_TEMPLATE(cauchy, float, 2)->Apply(sizes);
BENCHMARK_TEMPLATE(cauchy, double, 0)->Apply(sizes);
BENCHMARK_TEMPLATE(cauchy, double, 1)->Apply(sizes);
BENCHMARK_TEMPLATE(cauchy, double, 2)->Apply(sizes);

}  // namespace
}  // namespace longwave
