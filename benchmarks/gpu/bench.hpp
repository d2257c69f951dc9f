// bench.hpp - how longwave_gpu_bench measures: captured work replayed between two events, after warm-up, the median of
// 30; what it is compared with: the machine's own rates, measured in the same run.
//
// A file of rows registers a function of its own, so rows can be built and run without the others:
//
//   const bench::Family family("vandermonde", [](bench::Suite& suite) { ... suite.time(row, calls, f); });
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "longwave/core/complex.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/core/random.hpp"
#include "longwave/cuda.hpp"

namespace longwave::bench {

inline constexpr int rounds = 30, warm_up = 5;

// Which of the machine's rates bounds the arithmetic. fp64: half of fp32's, double without tensor cores.
enum class Products { none, fp64, fp32, tf32, bf16 };

// What one call must do at least: each input read once, each output written once, and the operations of the algorithm.
struct Row {
  std::string name;
  double bytes = 0;
  double flops = 0;
  Products products = Products::fp32;
  double target_ms = 0;     // 0: none
  double target_bytes = 0;  // of memory rows
};

struct Times {
  double median_ms, least_ms;
};

class Suite {
 public:
  // only: a part of the names of rows to run; json: file to write, or "".
  Suite(std::string only, std::string json);
  Suite(const Suite&) = delete;
  Suite& operator=(const Suite&) = delete;
  ~Suite();

  bool wants(const std::string& name) const { return name.find(only_) != std::string::npos; }

  // The copy and product rates that fractions refer to.
  void measure_ceilings();

  // f(i) queues call i of `calls` that are captured together. Inputs should take turns, so that no call finds its own
  // in the cache: see sets().
  void time(const Row& row, int calls, const std::function<void(int)>& f);
  // prepare(graph) registers what counts steps and returns one whole step.
  void time_step(const Row& row, const std::function<std::function<void()>(cuda::Graph&)>& prepare);
  // How many sets of `bytes` do not fit in the cache together, at least 2 and at most 64.
  int sets(double bytes) const;

  void memory(const Row& row, std::size_t bytes);               // peak of a call
  void note(const std::string& name, const std::string& text);  // a row that could not run

 private:
  void report(const Row& row, Times t);
  void write(const std::string& name, const std::string& fields);

  std::string only_;
  std::FILE* json_ = nullptr;
  bool first_ = true;
  double copy_ = 0, fp32_ = 0, tf32_ = 0, bf16_ = 0;  // bytes and operations per second
};

Times measure(int calls, const std::function<void(int)>& f);
Times measure(cuda::Graph& graph, int calls, const std::function<void(int)>& f);

class Family {
 public:
  Family(const char* name, void (*run)(Suite&));
  static const std::vector<std::pair<std::string, void (*)(Suite&)>>& all();
};

template <class T, int N>
Tensor<T, N, Cuda> random(Extents<N> sizes, std::uint64_t seed) {
  Tensor<T, N, Cuda> x(sizes);
  Generator(seed).normal(x.view());
  return x;
}

inline Tensor<complex<double>, 2> random_modes(index_t H, index_t N, std::uint64_t seed) {
  Tensor<complex<double>, 2> z(H, N);
  Generator(seed).normal(TensorView<double, 1>(&z.data()->re, Extents<1>{2 * z.count()}));
  return z;
}

// S4D-Lin's start values with steps between 0.001 and 0.1.
inline Tensor<complex<double>, 2> start_modes(index_t H, index_t N) {
  Tensor<complex<double>, 2> x(H, N);
  for (index_t h = 0; h < H; ++h)
    for (index_t n = 0; n < N; ++n) {
      const double dt = 0.001 * (1 + 99.0 * static_cast<double>(h) / static_cast<double>(H));
      x(h, n) = {-0.5 * dt, 3.14159265358979 * static_cast<double>(n) * dt};
    }
  return x;
}

}  // namespace longwave::bench
