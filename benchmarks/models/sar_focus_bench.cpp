// SAR focusing: a training step (forward, loss, backward, AdamW) on 10 lines of 10,000 samples with the default model
// and with complex filters, and the same batches read from a Zarr product with a worker that reads ahead.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "longwave/data/sar_batches.hpp"
#include "longwave/models/sar_focus.hpp"
#include "longwave/models/sar_loss.hpp"
#include "longwave/optim/adamw.hpp"

namespace longwave {
namespace {

constexpr index_t B = 10, L = 10000;

void training_step(benchmark::State& state, const SarFocusOptions& options) {
  set_num_threads(static_cast<int>(state.range(0)));
  Generator gen(1);
  SarFocus<float> model(options, gen);
  AdamW<float> optimizer(model, {.lr = 5e-3});
  Tensor<float, 3> x(B, L, 3), target(B, L, 2);
  gen.normal(x.view(), 0.5f, 0.1f);
  gen.normal(target.view(), 0.5f, 0.1f);
  Tape<float> tape;
  const auto step = [&] {
    tape.rewind();
    tape.train(gen);
    tape.backward(sar_loss(model(tape, tape.input(x)), tape.input(target)).total);
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
  state.counters["columns/s"] =
      benchmark::Counter(static_cast<double>(B), benchmark::Counter::kIsIterationInvariantRate);
  set_num_threads(0);
}

// Chunks of 2048 x 8, raw or zstd, of which the cache holds none or all.
void reading(benchmark::State& state) {
  const index_t H = 10000, W = 160;
  const std::string folder =
      (std::filesystem::temp_directory_path() / ("longwave-bench-" + std::to_string(::getpid()))).string();
  ZarrGroup::create(folder, 2);
  Tensor<complex<float>, 2> image(H, W);
  Tensor<float, 3> parts(H, W, 2);
  Generator(1).normal(parts.view(), 0, 1000);
  for (index_t i = 0; i < H; ++i)
    for (index_t j = 0; j < W; ++j) image(i, j) = {parts(i, j, 0), parts(i, j, 1)};
  for (const char* name : {"/rc", "/az"}) {
    ZarrOptions options{.shape = {H, W}, .chunks = {2048, 8}, .dtype = DType::c64};
    if (state.range(0) != 0) options.codecs = {{.kind = ChunkCodec::Kind::zstd, .level = 1}};
    ZarrArray::create(folder + name, options).write(std::as_const(image).view(), {0, 0});
  }
  SarSampling sampling;
  sampling.buffer_rows = sampling.buffer_columns = 0;
  sampling.cache = state.range(1) != 0 ? 1000 : 5;
  SarBatches batches(folder, sampling, B, 0);
  SarBatch batch;
  index_t epoch = 0;
  for (auto _ : state)
    if (!batches.next(batch)) {
      batches.start(++epoch);
      batches.next(batch);
    }
  state.counters["columns/s"] =
      benchmark::Counter(static_cast<double>(B), benchmark::Counter::kIsIterationInvariantRate);
  std::filesystem::remove_all(folder);
}

BENCHMARK_CAPTURE(training_step, defaults, SarFocusOptions())
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(training_step, wide, wide_sar_focus())->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(reading)
    ->ArgNames({"zstd", "cached"})
    ->ArgsProduct({{0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace longwave

BENCHMARK_MAIN();
