// Best matches of N generated among N real sequences of length L, time per pair; and one longest common subsequence.
#include "longwave/metrics/sequence.hpp"

#include "bench.hpp"

namespace longwave {
namespace {

// Events of an alphabet of 60, all sequences different.
Tensor<std::int32_t, 2> events(Generator& gen, index_t rows, index_t length) {
  Tensor<float, 2> u(rows, length);
  gen.uniform(u.view(), 1, 61);
  Tensor<std::int32_t, 2> ids(rows, length);
  for (index_t i = 0; i < ids.count(); ++i) ids.data()[i] = static_cast<std::int32_t>(u.data()[i]);
  return ids;
}

void matches(benchmark::State& state) {
  Generator gen(1);
  const auto real = events(gen, state.range(0), state.range(1)),
             generated = events(gen, state.range(0), state.range(1));
  const auto real_rows = rows_of(real), generated_rows = rows_of(generated);
  bench::measure(state, state.range(0) * state.range(0),
                 [&] { benchmark::DoNotOptimize(best_matches(generated_rows, real_rows)); });
}

void longest_common_subsequence(benchmark::State& state) {
  Generator gen(1);
  const auto both = events(gen, 2, state.range(0));
  const auto rows = rows_of(both);
  bench::measure(state, state.range(0) * state.range(0),
                 [&] { benchmark::DoNotOptimize(lcs_length(rows[0], rows[1])); });
}

BENCHMARK(matches)->ArgNames({"N", "L"})->Args({500, 200})->Args({100, 1000})->UseRealTime();
BENCHMARK(longest_common_subsequence)->ArgName("L")->Arg(64)->Arg(200)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace longwave
