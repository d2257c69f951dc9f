// The classical SAR processor on a block of 1536 pulses of 2048 samples: milliseconds for each part and for all.
#include <benchmark/benchmark.h>

#include "longwave/core/random.hpp"
#include "longwave/sar/range_doppler.hpp"

namespace longwave {
namespace {

constexpr index_t pulses = 1536, samples = 2048, rows = 2048;

Tensor<complex<float>, 2> noise(index_t n, index_t m) {
  Generator gen(1);
  Tensor<complex<float>, 2> z(n, m);
  gen.normal(TensorView<float, 2>(&z.data()->re, {n, 2 * m}, {2 * m, 1}));
  return z;
}

void compress_range(benchmark::State& state) {
  const sar::Radar radar;
  const auto raw = noise(pulses, samples);
  Tensor<complex<float>, 2> rc(pulses, sar::compressed_columns(radar, samples));
  for (auto _ : state) sar::compress_range<float, Host>(rc.view(), raw, radar);
}

void range_doppler(benchmark::State& state) {
  const sar::Radar radar;
  const auto rc = noise(pulses, sar::compressed_columns(radar, samples));
  Tensor<complex<float>, 2> image(rows, rc.size(1));
  for (auto _ : state) sar::range_doppler<float, Host>(image.view(), rc, radar);
}

void raw_to_image(benchmark::State& state) {
  const sar::Radar radar;
  const auto raw = noise(pulses, samples);
  Tensor<complex<float>, 2> rc(pulses, sar::compressed_columns(radar, samples)), image(rows, rc.size(1));
  for (auto _ : state) {
    sar::compress_range<float, Host>(rc.view(), raw, radar);
    sar::range_doppler<float, Host>(image.view(), rc, radar);
  }
}

BENCHMARK(compress_range)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(range_doppler)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(raw_to_image)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace longwave
