// Reading, drawing and batching the data of long sequences, in sizes near those of the published sets; the counter is
// the time of a whole set of that size.
#include <benchmark/benchmark.h>

#include "longwave/data/buckets.hpp"
#include "longwave/data/cifar10.hpp"
#include "longwave/data/listops_generate.hpp"
#include "longwave/data/pathfinder_generate.hpp"
#include "longwave/data/synthetic.hpp"

namespace longwave {
namespace {

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

// Seconds for `whole` items at the pace of `n` an iteration.
void count(benchmark::State& state, index_t n, index_t whole) {
  state.counters["whole_set"] =
      benchmark::Counter(static_cast<double>(n) / static_cast<double>(whole),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void listops_draw(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(generate_listops(2000, {}).symbols.data());
  count(state, 2000, 96000);
}

// With the parentheses of the binary tree, as Long Range Arena's files have them.
void listops_read(benchmark::State& state) {
  const ListOps data = generate_listops(2000, {});
  std::string text = "Source\tTarget\n";
  for (index_t i = 0; i < data.size(); ++i) {
    for (const std::uint8_t s : data.expression(i))
      text += (s < listops_close ? "( " : "( ( ") + std::string(listops_symbols[s]) + " ) ";
    text += std::string("\t") + static_cast<char>('0' + data.values[static_cast<std::size_t>(i)]) + "\n";
  }
  for (auto _ : state) {
    const ListOps read = read_listops(as_bytes(text), "text");
    benchmark::DoNotOptimize(tokenize(read, listops_vocabulary(read)).values.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  count(state, 2000, 96000);
}

void listops_batches(benchmark::State& state) {
  const ListOps data = generate_listops(2000, {});
  const TokenSet set = tokenize(data, listops_vocabulary(data));
  SequenceLoader loader(set, {.batch = 32, .bounds = equal_buckets(set.lengths(), 8)}, Generator(1));
  index_t epoch = 0;
  for (auto _ : state)
    for (const auto [x, y, lengths] : loader.epoch(++epoch)) benchmark::DoNotOptimize(x.data());
  count(state, 2000, 96000);
}

void cifar10(benchmark::State& state) {
  std::string records;
  for (int i = 0; i < 5000; ++i)
    records += std::string(1, static_cast<char>(i % 10)) + std::string(3072, static_cast<char>(7 * i));
  for (auto _ : state) {
    const Cifar10 images = read_cifar10_batch(as_bytes(records), "records");
    benchmark::DoNotOptimize(cifar10_dataset<float>(images, {.gray = state.range(0) != 0}).x.data());
  }
  count(state, 5000, 50000);
}

void pathfinder(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(draw_pathfinder(200, {.side = state.range(0)}).image.data());
  count(state, 200, 200000);
}

void delay_task(benchmark::State& state) {
  const DelayTask task;
  Tensor<float, 3> x(64, 1, 4000);
  Tensor<float, 2> y(64, 4000);
  std::uint32_t draw = 0;
  for (auto _ : state) task.fill(x.view(), y.view(), {1, 0, ++draw});
  count(state, 64, 16384);
}

BENCHMARK(listops_draw)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(listops_read)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(listops_batches)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cifar10)->ArgName("gray")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(pathfinder)->ArgName("side")->Arg(32)->Arg(128)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(delay_task)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace longwave
