// cuda_bench - times of the device ops: CUDA events around replays of a graph that holds many launches, so that launch
// gaps are those of a captured training step; warm-up, then the median of 30 replays.
//
//   cuda_bench [OUT.json]
//
// Outputs rotate through more memory than the cache holds. Rates count what must be done: 2 FMA per mode and position
// forward, 4 backward; each input read once, each output written once.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/cuda.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/vandermonde.hpp"

using namespace longwave;

namespace {

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) throw Error(std::string(call) + ": " + cudaGetErrorString(status));
}

struct Times {
  double median, least;  // microseconds per call
};

// f(i) issues call i on the current stream.
Times time_calls(const std::function<void(int)>& f, int calls) {
  cuda::Stream stream;
  cuda::UseStream use(stream);
  const auto handle = static_cast<cudaStream_t>(stream.handle());
  for (int i = 0; i < calls; ++i) f(i);  // working memory is taken here, not in the capture
  stream.synchronize();
  cudaGraph_t graph;
  cudaGraphExec_t replay;
  check(cudaStreamBeginCapture(handle, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  for (int i = 0; i < calls; ++i) f(i);
  check(cudaStreamEndCapture(handle, &graph), "cudaStreamEndCapture");
  check(cudaGraphInstantiate(&replay, graph, 0), "cudaGraphInstantiate");
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  std::vector<double> times;
  for (int round = -5; round < 30; ++round) {
    check(cudaEventRecord(begin, handle), "cudaEventRecord");
    check(cudaGraphLaunch(replay, handle), "cudaGraphLaunch");
    check(cudaEventRecord(end, handle), "cudaEventRecord");
    stream.synchronize();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
    if (round >= 0) times.push_back(1e3 * static_cast<double>(milliseconds) / calls);
  }
  (void)cudaEventDestroy(begin);
  (void)cudaEventDestroy(end);
  (void)cudaGraphExecDestroy(replay);
  (void)cudaGraphDestroy(graph);
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

class Report {
 public:
  explicit Report(const char* path) : file_(path != nullptr ? std::fopen(path, "w") : nullptr) {
    std::printf("%-44s %12s %12s %10s %10s\n", "case", "median us", "least us", "TFLOP/s", "GB/s");
  }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report() {
    if (file_ == nullptr) return;
    std::fprintf(file_, "\n]\n");
    std::fclose(file_);
  }

  void row(const std::string& name, Times t, double flops, double bytes) {
    const double tflops = 1e-6 * flops / t.median, gbytes = 1e-3 * bytes / t.median;
    std::printf("%-44s %12.2f %12.2f %10.2f %10.0f\n", name.c_str(), t.median, t.least, tflops, gbytes);
    std::fflush(stdout);
    if (file_ == nullptr) return;
    std::fprintf(file_,
                 "%s\n  {\"name\": \"%s\", \"us\": %.4f, \"least_us\": %.4f, \"tflops\": %.4f, \"gb_per_s\": %.2f}",
                 first_ ? "[" : ",", name.c_str(), t.median, t.least, tflops, gbytes);
    first_ = false;
  }

 private:
  std::FILE* file_;
  bool first_ = true;
};

template <class T, int N>
Tensor<T, N, Cuda> random(Extents<N> sizes, std::uint64_t seed) {
  Tensor<T, N> t(sizes);
  Generator(seed).normal(t.view());
  return cuda::to_device(t);
}

// S4D-Lin's start values at dt = 0.01 and a spread of decays.
Tensor<complex<double>, 2, Cuda> modes(index_t H, index_t N) {
  Tensor<complex<double>, 2> x(H, N);
  for (index_t h = 0; h < H; ++h)
    for (index_t n = 0; n < N; ++n) {
      const double dt = 0.001 * (1 + 99.0 * static_cast<double>(h) / static_cast<double>(H));
      x(h, n) = {-0.5 * dt, 3.14159265 * static_cast<double>(n) * dt};
    }
  return cuda::to_device(x);
}

Tensor<complex<double>, 2, Cuda> random_modes(index_t H, index_t N, std::uint64_t seed) {
  Tensor<complex<double>, 2> z(H, N);
  Generator(seed).normal(TensorView<double, 1>(&z.data()->re, Extents<1>{2 * z.count()}));
  return cuda::to_device(z);
}

template <class T>
void vandermonde(Report& report, const char* type, index_t H, index_t N, index_t L) {
  constexpr int sets = 8;  // of 17 MB at the largest size
  const auto x = modes(H, N), v = random_modes(H, N, 2);
  std::vector<Tensor<T, 2, Cuda>> K;
  for (int i = 0; i < sets; ++i) K.push_back(random<T>(Extents<2>(H, L), 3));
  Tensor<complex<double>, 2, Cuda> dx(H, N), dv(H, N);
  const double positions = static_cast<double>(H) * static_cast<double>(N) * static_cast<double>(L);
  const double bytes = static_cast<double>(H * L) * sizeof(T);
  const std::string sizes = " H=" + std::to_string(H) + " modes=" + std::to_string(N) + " L=" + std::to_string(L);
  // Backward first: forward would overwrite its random numbers with a kernel's.
  const Times backward = time_calls(
      [&](int i) {
        ops::Vandermonde::backward(dx.view(), dv.view(), K[static_cast<std::size_t>(i % sets)].view(), x, v);
      },
      16);
  const Times forward =
      time_calls([&](int i) { ops::Vandermonde::forward(K[static_cast<std::size_t>(i % sets)].view(), x, v); }, 16);
  report.row(std::string("vandermonde ") + type + sizes, forward, 4 * positions, bytes);
  report.row(std::string("vandermonde backward ") + type + sizes, backward, 8 * positions, bytes);
}

void gelu(Report& report, index_t n) {
  const auto x = random<float>(Extents<1>(n), 4), dy = random<float>(Extents<1>(n), 5);
  Tensor<float, 1, Cuda> y(n), dx(n);
  const double bytes = static_cast<double>(n) * sizeof(float);
  const std::string size = " n=" + std::to_string(n);
  const Times copy = time_calls([&](int) { Memory<Cuda>::copy(y.data(), x.data(), x.bytes()); }, 4);
  report.row("device copy float" + size, copy, 0, 2 * bytes);
  report.row("gelu float" + size, time_calls([&](int) { ops::Gelu::forward(y.view(), x); }, 4), 0, 2 * bytes);
  report.row("gelu backward float" + size, time_calls([&](int) { ops::Gelu::backward(dx.view(), dy, x); }, 4), 0,
             3 * bytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (cuda::device_count() == 0) {
    std::fprintf(stderr, "cuda_bench: no CUDA device\n");
    return 1;
  }
  try {
    cudaDeviceProp device;
    check(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
    std::printf("%s, %d multiprocessors, L2 %d MB\n", device.name, device.multiProcessorCount,
                device.l2CacheSize >> 20);
    Report report(argc > 1 ? argv[1] : nullptr);
    for (const index_t L : {1024, 4096, 16384}) vandermonde<float>(report, "float", 256, 32, L);
    vandermonde<double>(report, "double", 256, 32, 16384);
    gelu(report, index_t(1) << 26);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_bench: %s\n", error.what());
    return 1;
  }
}
