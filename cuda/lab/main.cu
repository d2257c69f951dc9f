// longwave_lab [L]: a line per version of the chunked scan, with both kinds of products: median time of 21 runs, the
// bandwidth that it amounts to, error against the recurrence in double. B = 16, H = 256, 32 modes, L = 16384.
// longwave_lab products ...: gemm_main.cu.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numbers>
#include <vector>

#include "kernels/launch.cuh"
#include "lab/gemm.hpp"
#include "lab/lab.hpp"
#include "longwave/core/random.hpp"
#include "longwave/cuda/device.hpp"
#include "longwave/cuda/event.hpp"

namespace longwave::cuda::lab {
namespace {

constexpr index_t B = 16, H = 256, N = 32;
constexpr int runs = 21, warm_up = 3;
constexpr std::array<index_t, 3> checked_sequences = {0, 7, 15}, checked_features = {0, 101, 255};

struct Version {
  const char* name;
  void (*scan)(Output, const Inputs&, Product);
};

constexpr Version versions[] = {
    {"1 rounded when loaded", scan_1}, {"2 rounded once", scan_2},           {"3 four warps", scan_3},
    {"4 body per warp", scan_4},       {"5 groups (the library's)", scan_5},
};

struct Problem {
  Tensor<float, 3> u;
  Tensor<complex<double>, 2> x, c;
  Tensor<float, 1> skip;

  // Modes as S4D-Lin starts with them, steps dt from 0.001 to 0.1.
  explicit Problem(index_t L) : u(B, H, L), x(H, N), c(H, N), skip(H) {
    Generator generator(1);
    generator.uniform(u.view(), -1.0f, 1.0f);
    generator.uniform(skip.view());
    Tensor<double, 3> weights(H, N, 2);
    generator.uniform(weights.view(), -0.5, 0.5);
    for (index_t h = 0; h < H; ++h) {
      const double dt = 0.001 * std::pow(100.0, static_cast<double>(h) / H);
      for (index_t n = 0; n < N; ++n) {
        x(h, n) = {-0.5 * dt, std::numbers::pi * static_cast<double>(n) * dt};
        c(h, n) = {dt * weights(h, n, 0), dt * weights(h, n, 1)};
      }
    }
  }
  index_t L() const { return u.size(2); }
};

// y of one sequence and feature, step by step.
std::vector<double> recurrence(const Problem& p, index_t b, index_t h) {
  std::array<complex<double>, N> state{}, a;
  for (index_t n = 0; n < N; ++n) a[n] = exp(p.x(h, n));
  std::vector<double> y(p.L());
  for (index_t l = 0; l < p.L(); ++l) {
    const double u = p.u(b, h, l);
    y[l] = p.skip(h) * u;
    for (index_t n = 0; n < N; ++n) {
      state[n] = a[n] * state[n] + complex<double>(u);
      y[l] += 2 * (p.c(h, n) * state[n]).re;
    }
  }
  return y;
}

using Reference = std::vector<std::vector<double>>;

Reference reference(const Problem& p) {
  Reference all;
  for (const index_t b : checked_sequences)
    for (const index_t h : checked_features) all.push_back(recurrence(p, b, h));
  return all;
}

double relative_error(Output y, const Reference& want) {
  double difference = 0, size = 0;
  auto expected = want.begin();
  for (const index_t b : checked_sequences)
    for (const index_t h : checked_features) {
      const Tensor<float, 1> got = to_host(y[b][h]);
      for (index_t l = 0; l < got.count(); ++l) {
        const double w = (*expected)[l], d = got(l) - w;
        difference += d * d;
        size += w * w;
      }
      ++expected;
    }
  return std::sqrt(difference / size);
}

// All runs are queued at once: the host's part of a launch is not in the times, the set-up in the kernel is.
double median_time(const Version& version, Output y, const Inputs& in, Product product) {
  std::vector<Event> marks(warm_up + runs + 1);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (i > 0) version.scan(y, in, product);
    marks[i].record();
  }
  std::vector<double> times;
  for (std::size_t i = warm_up + 1; i < marks.size(); ++i) times.push_back(milliseconds(marks[i - 1], marks[i]));
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

// True if every version agrees with the recurrence.
bool run(index_t L) {
  const Problem problem(L);
  const Reference want = reference(problem);
  const auto u = to_device(problem.u);
  const auto x = to_device(problem.x), c = to_device(problem.c);
  const auto skip = to_device(problem.skip);
  Tensor<float, 3, Cuda> y(u.sizes());
  const std::size_t bytes = static_cast<std::size_t>(y.count()) * sizeof(float);
  const Inputs in{u, x, c, skip, {}};

  bool good = true;
  std::printf("%s, B %td, H %td, %td modes, L %td\n", device_info(current_device()).name.c_str(), B, H, N, L);
  std::printf("%-26s %9s %6s %9s | %9s %6s %9s\n", "version", "TF32 ms", "GB/s", "error", "3xTF32 ms", "GB/s", "error");
  for (const Version& version : versions) {
    std::printf("%-26s", version.name);
    for (const Product product : {Product::tf32, Product::tf32x3}) {
      check(cudaMemsetAsync(y.data(), 0xff, bytes, stream_handle()), "cudaMemsetAsync");  // NaN
      const double ms = median_time(version, y.view(), in, product);
      const double error = relative_error(y.view(), want);
      good = good && error < (product == Product::tf32 ? 1e-3 : 1e-5);
      std::printf("%s %9.4f %6.0f %9.1e", product == Product::tf32 ? "" : " |", ms,
                  2e-6 * static_cast<double>(bytes) / ms, error);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  if (!good) std::printf("a version does not agree with the recurrence\n");
  return good;
}

}  // namespace
}  // namespace longwave::cuda::lab

int main(int count, char** arguments) {
  using namespace longwave;
  const bool products = count > 1 && std::strcmp(arguments[1], "products") == 0;
  try {
    if (products && cuda::device_count() > 0) return cuda::lab::run_products(count - 2, arguments + 2);
    const index_t L = count > 1 ? std::atol(arguments[1]) : 16384;
    if (!products && (count > 2 || L <= 0)) {
      std::fprintf(stderr, "usage: longwave_lab [L], a multiple of 64; longwave_lab products [VERSION [L [B]]]\n");
      return 2;
    }
    if (cuda::device_count() == 0) {
      std::fprintf(stderr, "longwave_lab: no CUDA device\n");
      return 1;
    }
    return cuda::lab::run(L) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "longwave_lab: %s\n", error.what());
    return 1;
  }
}
