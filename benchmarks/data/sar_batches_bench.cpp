// Reading batches of radar columns, 10 columns of 10000 rows, from raw and from packed chunks: samples a second that a
// training could take at most. A training step of the default network takes some 15 ms, 670 columns a second.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "longwave/core/random.hpp"
#include "longwave/data/sar_batches.hpp"

namespace longwave {
namespace {

constexpr index_t rows = 10000, columns = 128;

// A product of noise in a folder of its own, removed at the end.
class Product {
 public:
  Product(index_t chunk_rows, index_t chunk_columns, const std::vector<ChunkCodec>& codecs) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sar-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw_value_error("cannot make a folder");
    folder_ = pattern;
    ZarrGroup::create(name());
    Generator gen(1);
    Tensor<complex<float>, 2> z(rows, columns);
    gen.normal(TensorView<float, 2>(&z.data()->re, {rows, 2 * columns}, {2 * columns, 1}), 0, 1000);
    for (const char* array : {"rc", "az"})
      ZarrArray::create(
          name() + "/" + array,
          {.shape = {rows, columns}, .chunks = {chunk_rows, chunk_columns}, .dtype = DType::c64, .codecs = codecs})
          .write(z.view(), {0, 0});
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;
  ~Product() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string name() const { return folder_ + "/s1a-s3-noise.zarr"; }

 private:
  std::string folder_;
};

void read_all(benchmark::State& state, index_t chunk_columns, const std::vector<ChunkCodec>& codecs) {
  const Product product(2048, chunk_columns, codecs);
  SarSampling sampling;
  sampling.buffer_rows = sampling.buffer_columns = 0;
  sampling.workers = state.range(0);
  SarBatches batches(product.name(), sampling, 10, 1);
  SarBatch batch;
  index_t epoch = 0, taken = 0;
  for (auto _ : state) {
    if (!batches.next(batch)) {
      batches.start(++epoch);
      batches.next(batch);
    }
    taken += batch.x.size(0);
    benchmark::DoNotOptimize(batch.x.data());
  }
  state.counters["columns/s"] = benchmark::Counter(static_cast<double>(taken), benchmark::Counter::kIsRate);
}

void raw_chunks(benchmark::State& state) { read_all(state, 8, {}); }
void wide_raw_chunks(benchmark::State& state) { read_all(state, 64, {}); }
void blosc_chunks(benchmark::State& state) { read_all(state, 8, {{.kind = ChunkCodec::Kind::blosc}}); }
void zstd_chunks(benchmark::State& state) { read_all(state, 8, {{.kind = ChunkCodec::Kind::zstd, .level = 1}}); }

BENCHMARK(raw_chunks)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(wide_raw_chunks)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(blosc_chunks)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(zstd_chunks)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace longwave
