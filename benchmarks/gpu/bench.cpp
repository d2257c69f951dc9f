#include "bench.hpp"

#include <algorithm>
#include <cmath>

#include "longwave/cuda/blas.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave::bench {

namespace {

std::vector<std::pair<std::string, void (*)(Suite&)>>& families() {
  static std::vector<std::pair<std::string, void (*)(Suite&)>> list;
  return list;
}

constexpr double cache_bytes = 64e6;  // more than an H100's or A100's second level

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

}  // namespace

Family::Family(const char* name, void (*run)(Suite&)) { families().emplace_back(name, run); }

const std::vector<std::pair<std::string, void (*)(Suite&)>>& Family::all() {
  std::sort(families().begin(), families().end());
  return families();
}

Times measure(int calls, const std::function<void(int)>& f) {
  cuda::Graph graph;
  return measure(graph, calls, f);
}

Times measure(cuda::Graph& graph, int calls, const std::function<void(int)>& f) {
  cuda::Event begin, end;
  std::vector<double> times;
  for (int round = -warm_up; round < rounds; ++round) {
    begin.record();
    graph.run([&] {
      for (int i = 0; i < calls; ++i) f(i);
    });
    end.record();
    const double ms = cuda::milliseconds(begin, end) / calls;
    if (round >= 0) times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

Suite::Suite(std::string only, std::string json) : only_(std::move(only)) {
  if (json.empty()) return;
  json_ = std::fopen(json.c_str(), "w");
  if (json_ == nullptr) throw IoError(json, "cannot be written");
}

Suite::~Suite() {
  if (json_ == nullptr) return;
  std::fprintf(json_, first_ ? "[]\n" : "\n]\n");
  std::fclose(json_);
}

int Suite::sets(double bytes) const {
  return static_cast<int>(std::clamp(std::ceil(2 * cache_bytes / std::max(bytes, 1.0)), 2.0, 64.0));
}

void Suite::write(const std::string& name, const std::string& fields) {
  if (json_ == nullptr) return;
  std::fprintf(json_, "%s\n  {\"name\": \"%s\"%s}", first_ ? "[" : ",", name.c_str(), fields.c_str());
  std::fflush(json_);
  first_ = false;
}

void Suite::measure_ceilings() {
  constexpr index_t count = index_t(1) << 26;  // 256 MiB, twice
  const Tensor<float, 1, Cuda> from = random<float>(Extents<1>(count), 1);
  Tensor<float, 1, Cuda> to(count);
  const double by_driver = measure(4, [&](int) { Memory<Cuda>::copy(to.data(), from.data(), from.bytes()); }).median_ms;
  const double by_kernel = measure(4, [&](int) { copy(to.view(), from.view()); }).median_ms;
  copy_ = 2e3 * static_cast<double>(from.bytes()) / std::min(by_driver, by_kernel);

  constexpr index_t n = 8192;
  const auto A = random<float>(Extents<3>(1, n, n), 2), B = random<float>(Extents<3>(1, n, n), 3);
  Tensor<float, 3, Cuda> C(1, n, n);
  const auto product_rate = [&](bool tf32) {
    cuda::set_tf32(tf32);
    const double rate = 2e3 * n * n * n / measure(1, [&](int) { cuda::gemm<float>(C.view(), A, B, false); }).median_ms;
    cuda::set_tf32(false);
    return rate;
  };
  fp32_ = product_rate(false);
  tf32_ = product_rate(true);
  Tensor<bfloat16, 3, Cuda> A16(1, n, n), B16(1, n, n), C16(1, n, n);
  ops::Cast::forward(A16.view(), A.view());
  ops::Cast::forward(B16.view(), B.view());
  const auto product = [&](int) { cuda::gemm<bfloat16>(C16.view(), A16.view(), B16.view(), false); };
  bf16_ = 2e3 * n * n * n / measure(1, product).median_ms;
  std::printf("copy %.2f TB/s, products of 8192 x 8192: fp32 %.1f, TF32 %.1f, bf16 %.1f TFLOP/s\n\n", 1e-12 * copy_,
              1e-12 * fp32_, 1e-12 * tf32_, 1e-12 * bf16_);
  std::printf("%-52s %10s %10s %10s %10s %8s %10s\n", "row", "median ms", "least ms", "GB/s", "TFLOP/s", "of limit",
              "target ms");
  write("ceilings", text(", \"copy\": %.4g", copy_) + text(", \"fp32\": %.4g", fp32_) +
                        text(", \"tf32\": %.4g", tf32_) + text(", \"bf16\": %.4g", bf16_));
}

void Suite::time(const Row& row, int calls, const std::function<void(int)>& f) {
  if (!wants(row.name)) return;
  try {
    report(row, measure(calls, f));
  } catch (const Error& error) {
    note(row.name, error.what());
  }
}

void Suite::time_step(const Row& row, const std::function<std::function<void()>(cuda::Graph&)>& prepare) {
  if (!wants(row.name)) return;
  try {
    cuda::Graph graph;
    const auto step = prepare(graph);
    report(row, measure(graph, 1, [&](int) { step(); }));
  } catch (const Error& error) {
    note(row.name, error.what());
  }
}

void Suite::report(const Row& row, Times t) {
  const double rate = row.products == Products::bf16   ? bf16_
                      : row.products == Products::tf32 ? tf32_
                      : row.products == Products::fp64 ? fp32_ / 2
                                                       : fp32_;
  const double limit_ms = 1e3 * std::max(copy_ > 0 ? row.bytes / copy_ : 0, rate > 0 ? row.flops / rate : 0);
  std::printf("%-52s %10.4f %10.4f %10.0f %10.2f %7.0f%% %10s\n", row.name.c_str(), t.median_ms, t.least_ms,
              1e-6 * row.bytes / t.median_ms, 1e-9 * row.flops / t.median_ms, 100 * limit_ms / t.median_ms,
              row.target_ms > 0 ? text("%.4g", row.target_ms).c_str() : "-");
  std::fflush(stdout);
  write(row.name, text(", \"ms\": %.6g", t.median_ms) + text(", \"least_ms\": %.6g", t.least_ms) +
                      text(", \"bytes\": %.6g", row.bytes) + text(", \"flops\": %.6g", row.flops) +
                      text(", \"limit_ms\": %.6g", limit_ms) + text(", \"target\": %.6g", row.target_ms));
}

void Suite::memory(const Row& row, std::size_t bytes) {
  const double gib = static_cast<double>(bytes) / (1 << 30);
  std::printf("%-52s %10.3f GiB %47s\n", row.name.c_str(), gib,
              text("target %.3g GiB", row.target_bytes / (1 << 30)).c_str());
  write(row.name, text(", \"gib\": %.6g", gib) + text(", \"target\": %.6g", row.target_bytes / (1 << 30)));
}

void Suite::note(const std::string& name, const std::string& why) {
  std::printf("%-52s %s\n", name.c_str(), why.c_str());
  std::fflush(stdout);
}

}  // namespace longwave::bench
