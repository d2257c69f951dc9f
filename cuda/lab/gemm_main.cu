// longwave_lab products [VERSION [L [B]]]: versions of a layer's end (gemm.hpp), each first on small odd sizes, then on
// B = 16, H = 256, L = 16384 (or what is asked for): errors against double, then the median of 15 runs of each part.
//
// What is compared: y, dz, dv of all positions, or of 1024 of them, with the same sums in double over operands rounded
// as the version rounds them; dW and dbias with sums in double over the version's own dz. A version that fails is said
// to, and the others run; a kernel that breaks the device ends the program, so a script had better ask for one version
// at a time.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "kernels/launch.cuh"
#include "kernels/mma.cuh"
#include "lab/gemm.hpp"
#include "longwave/core/random.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/device.hpp"
#include "longwave/cuda/event.hpp"

namespace longwave::cuda::lab {
namespace {

constexpr int H = 256, runs = 15, warm_up = 3;
constexpr index_t most_columns = 1024;
constexpr int versions = 10;

// g as an operand: exact, then rounded.
__device__ float exact_gelu(float v) { return static_cast<float>(0.5 * v * erfc(-static_cast<double>(v) * M_SQRT1_2)); }
template <class S>
__device__ double operand(float x) {
  if constexpr (std::is_same_v<S, float>)
    return detail::round_tf32(x);
  else
    return static_cast<float>(bfloat16(x));
}

// What tensor cores see of a number.
__device__ double seen(float x) { return static_cast<double>(__uint_as_float(__float_as_uint(x) & 0xffffe000u)); }

template <class S>
__global__ void convert_kernel(S* to, const float* from, index_t n) {
  const index_t i = blockIdx.x * index_t(256) + threadIdx.x;
  if (i < n) to[i] = S(from[i]);
}

struct Columns {  // position i of those that are compared
  index_t all, compared;
  __host__ __device__ index_t operator()(index_t i) const { return all == compared ? i : i * 2654435761 % all; }
};

struct ColumnResults {  // (compared, H), dz (compared, 2 H)
  double *y, *dz, *dv;
};

template <class S>
__global__ void __launch_bounds__(H) reference_kernel(ColumnResults to, Columns columns, Tail<S> t) {
  __shared__ double g[H], dz[2 * H];
  const index_t L = t.v.size(2), at = columns(blockIdx.x), b = at / L, l = at % L;
  const int h = threadIdx.x;
  const double v = static_cast<float>(t.v(b, h, l));
  g[h] = operand<S>(exact_gelu(t.v(b, h, l)));
  __syncthreads();
  double left = t.bias(h), gate = t.bias(H + h);
  for (int k = 0; k < H; ++k) {
    left += operand<S>(t.W(h, k)) * g[k];
    gate += operand<S>(t.W(H + h, k)) * g[k];
  }
  const double s = 1 / (1 + ::exp(-gate)), dy = static_cast<float>(t.dy(b, h, l));
  const index_t i = blockIdx.x;
  to.y[i * H + h] = left * s;
  to.dz[i * 2 * H + h] = dz[h] = operand<S>(static_cast<float>(dy * s));
  to.dz[i * 2 * H + H + h] = dz[H + h] = operand<S>(static_cast<float>(dy * s * left * (1 - s)));
  __syncthreads();
  double dg = 0;
  for (int n = 0; n < 2 * H; ++n) dg += operand<S>(t.W(n, h)) * dz[n];
  to.dv[i * H + h] = dg * (0.5 * erfc(-v * M_SQRT1_2) + v * ::exp(-0.5 * v * v) * 0.3989422804014327);
}

// What the version has written at these positions.
template <class S>
__global__ void __launch_bounds__(H) gather_kernel(ColumnResults to, Columns columns, Tail<S> t) {
  const index_t L = t.v.size(2), at = columns(blockIdx.x), b = at / L, l = at % L, i = blockIdx.x;
  const int h = threadIdx.x;
  to.y[i * H + h] = static_cast<float>(t.y(b, h, l));
  to.dz[i * 2 * H + h] = seen(t.z(b, h, l));
  to.dz[i * 2 * H + H + h] = seen(t.z(b, H + h, l));
  to.dv[i * H + h] = static_cast<float>(t.dv(b, h, l));
}

// dW and, as its last column, dbias from t.z: blocks (2 H / 16, H / 16 + 1, pieces).
template <class S>
__global__ void __launch_bounds__(256) reference_sums_kernel(double* sums, Tail<S> t) {
  __shared__ double dz[16][17], g[16][17];
  const int row = threadIdx.x / 16, column = threadIdx.x % 16, first = blockIdx.x * 16, h = blockIdx.y * 16;
  const index_t L = t.v.size(2), positions = t.v.size(0) * L;
  const index_t begin = positions * blockIdx.z / gridDim.z, end = positions * (blockIdx.z + 1) / gridDim.z;
  double sum = 0;
  for (index_t p = begin; p < end; p += 16) {
    const index_t at = p + column, b = at / L, l = at % L;
    dz[row][column] = at < end ? seen(t.z(b, first + row, l)) : 0.0;
    g[row][column] = at >= end ? 0.0 : h < H ? operand<S>(exact_gelu(t.v(b, h + row, l))) : 1.0;
    __syncthreads();
    for (int k = 0; k < 16; ++k) sum += dz[row][k] * g[column][k];
    __syncthreads();
  }
  if (h < H || column == 0) atomicAdd(sums + (first + row) * (H + 1) + h + column, sum);
}

double relative_error(const double* got, const double* want, index_t count) {
  double difference = 0, size = 0;
  for (index_t i = 0; i < count; ++i) {
    difference += (got[i] - want[i]) * (got[i] - want[i]);
    size += want[i] * want[i];
  }
  return std::sqrt(difference / size);
}

template <class S>
struct Problem {
  Tensor<S, 3, Cuda> v, dy, g, z, y, dv;
  Tensor<float, 2, Cuda> W, dW;
  Tensor<float, 1, Cuda> bias, dbias;

  Problem(index_t B, index_t L) : v(B, H, L), dy(B, H, L), g(B, H, L), z(B, 2 * H, L), y(B, H, L), dv(B, H, L) {
    Generator generator(1);
    Tensor<float, 2> host_W(2 * H, H);
    Tensor<float, 1> host_bias(2 * H);
    generator.uniform(host_W.view(), -0.2f, 0.2f);
    generator.uniform(host_bias.view(), -1.0f, 1.0f);
    W = to_device(host_W);
    bias = to_device(host_bias);
    dW = Tensor<float, 2, Cuda>(2 * H, H);
    dbias = Tensor<float, 1, Cuda>(2 * H);
    Tensor<float, 3, Cuda> x(B, H, L);
    for (auto* to : {&v, &dy}) {
      generator.normal(x.view());
      convert_kernel<<<static_cast<unsigned>((x.count() + 255) / 256), 256, 0, stream_handle()>>>(to->data(), x.data(),
                                                                                                  x.count());
      check_launch("convert");
    }
  }

  Tail<S> tail() { return {v, dy, W, bias, g, z, y, dv, dW, dbias}; }

  void poison() {  // NaN, but for what is added to
    for (const auto& x : {g.view(), z.view(), y.view(), dv.view()})
      check(cudaMemsetAsync(x.data(), 0xff, static_cast<std::size_t>(x.count()) * sizeof(S), stream_handle()),
            "cudaMemset");
    check(cudaMemsetAsync(dW.data(), 0, sizeof(float) * 2 * H * H, stream_handle()), "cudaMemset");
    check(cudaMemsetAsync(dbias.data(), 0, sizeof(float) * 2 * H, stream_handle()), "cudaMemset");
  }
};

// What a version has written: y, dz, dv of the positions that are compared, all of dW, dbias.
struct Results {
  Tensor<double, 1> columns;
  Tensor<float, 2> dW;
  Tensor<float, 1> dbias;

  template <class S>
  explicit Results(Problem<S>& problem) {
    const Tail<S> t = problem.tail();
    const Columns at = positions(t);
    Tensor<double, 1, Cuda> got(at.compared * 4 * H);
    gather_kernel<<<static_cast<unsigned>(at.compared), H, 0, stream_handle()>>>(parts(got, at), at, t);
    check_launch("gather");
    columns = to_host(got.view());
    dW = to_host(problem.dW.view());
    dbias = to_host(problem.dbias.view());
  }
  template <class S>
  static Columns positions(const Tail<S>& t) {
    const index_t all = t.v.size(0) * t.v.size(2);
    return {all, std::min(all, most_columns)};
  }
  static ColumnResults parts(Tensor<double, 1, Cuda>& of, const Columns& at) {
    double* const p = of.data();
    return {p, p + at.compared * H, p + at.compared * 3 * H};
  }
  bool operator==(const Results& other) const {
    return std::equal(columns.data(), columns.data() + columns.count(), other.columns.data()) &&
           std::equal(dW.data(), dW.data() + dW.count(), other.dW.data()) &&
           std::equal(dbias.data(), dbias.data() + dbias.count(), other.dbias.data());
  }
};

using Errors = std::array<double, 5>;  // y, dz, dv, dW, dbias

template <class S>
Errors compare(Problem<S>& problem, const Results& got) {
  const Tail<S> t = problem.tail();
  const Columns at = Results::positions(t);
  const index_t n = at.compared;
  Tensor<double, 1, Cuda> columns(n * 4 * H), sums(2 * H * (H + 1));
  reference_kernel<<<static_cast<unsigned>(n), H, 0, stream_handle()>>>(Results::parts(columns, at), at, t);
  const dim3 blocks(2 * H / 16, H / 16 + 1, static_cast<unsigned>(std::min<index_t>(64, (at.all + 255) / 256)));
  reference_sums_kernel<<<blocks, 256, 0, stream_handle()>>>(sums.data(), t);
  check_launch("reference");
  const Tensor<double, 1> want = to_host(columns.view()), want_sums = to_host(sums.view());
  std::vector<double> got_W, want_W, got_bias, want_bias;
  for (index_t i = 0; i < 2 * H; ++i) {
    for (index_t k = 0; k < H; ++k) {
      got_W.push_back(got.dW(i, k));
      want_W.push_back(want_sums(i * (H + 1) + k));
    }
    got_bias.push_back(got.dbias(i));
    want_bias.push_back(want_sums(i * (H + 1) + H));
  }
  const double *a = got.columns.data(), *w = want.data();
  return {relative_error(a, w, n * H), relative_error(a + n * H, w + n * H, n * 2 * H),
          relative_error(a + n * 3 * H, w + n * 3 * H, n * H), relative_error(got_W.data(), want_W.data(), 2 * H * H),
          relative_error(got_bias.data(), want_bias.data(), 2 * H)};
}

template <class S>
void run_once(const TailVersion<S>& version, Problem<S>& problem) {
  const Tail<S> t = problem.tail();
  problem.poison();
  version.forward(t);
  version.backward(t);
  version.weights(t);
}

template <class S>
bool check_version(const TailVersion<S>& version, Problem<S>& problem) {
  const Tail<S> t = problem.tail();
  run_once(version, problem);
  const Results first(problem);
  const Errors e = compare(problem, first);
  run_once(version, problem);
  const bool same = Results(problem) == first;
  // dbias is compared with sums over dz as it is stored, rounded.
  const Errors bounds = {version.bound, version.sums_bound, version.bound, version.sums_bound, 10 * version.bound};
  bool good = true;
  for (std::size_t i = 0; i < e.size(); ++i) good = good && e[i] < bounds[i];
  std::printf("%-26s %3td x %5td  y %.1e  dz %.1e  dv %.1e  dW %.1e  dbias %.1e  %s\n", version.name, t.v.size(0),
              t.v.size(2), e[0], e[1], e[2], e[3], e[4],
              !good  ? "WRONG"
              : same ? "right"
                     : "NOT THE SAME TWICE");
  std::fflush(stdout);
  return good && same;
}

template <class F>
double median_time(F f) {
  std::vector<Event> marks(warm_up + runs + 1);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (i > 0) f();
    marks[i].record();
  }
  std::vector<double> times;
  for (std::size_t i = warm_up + 1; i < marks.size(); ++i) times.push_back(milliseconds(marks[i - 1], marks[i]));
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

template <class S>
void time_version(const TailVersion<S>& version, Problem<S>& problem) {
  const Tail<S> t = problem.tail();
  const double gigabytes = 1e-9 * sizeof(S) * static_cast<double>(t.v.count());
  const double teraflops = 4e-12 * static_cast<double>(t.v.count()) * H;
  void (*const part[])(const Tail<S>&) = {version.forward, version.backward, version.weights};
  constexpr const char* names[] = {"forward", "backward", "weights"};
  for (int i = 0; i < 3; ++i) {
    const double ms = median_time([&] { part[i](t); });
    std::printf("%-26s %-9s %8.4f ms %6.0f GB/s of %4.0f passes %6.1f TFLOP/s\n", version.name, names[i], ms,
                version.passes[i] * gigabytes / ms * 1e3, version.passes[i],
                version.products[i] * teraflops / ms * 1e3);
  }
  const double ms = median_time([&] {
    for (const auto f : part) f(t);
  });
  std::printf("%-26s %-9s %8.4f ms\n", version.name, "all", ms);
  std::fflush(stdout);
}

template <class S>
bool run_version(const TailVersion<S>& version, index_t B, index_t L) {
  try {
    bool good = true;
    for (const index_t odd : {index_t(8), index_t(72), index_t(200), index_t(392)}) {
      Problem<S> small(3, odd);
      good = check_version(version, small) && good;
    }
    Problem<S> problem(B, L);
    good = check_version(version, problem) && good;
    time_version(version, problem);
    return good;
  } catch (const std::exception& error) {
    std::printf("%-26s %s\n", version.name, error.what());
    std::fflush(stdout);
    return false;
  }
}

bool run_number(int version, index_t B, index_t L) {
  const TailVersion<float>* const in_float[] = {&gemm_1, &gemm_2, &gemm_3, &gemm_4, &gemm_5, &gemm_6, &gemm_7};
  const TailVersion<bfloat16>* const in_bfloat16[] = {&gemm_8, &gemm_9, &gemm_10};
  return version <= 7 ? run_version(*in_float[version - 1], B, L) : run_version(*in_bfloat16[version - 8], B, L);
}

}  // namespace

int run_products(int count, char** arguments) {
  const long which = count > 0 ? std::atol(arguments[0]) : 0;
  const index_t L = count > 1 ? std::atol(arguments[1]) : 16384, B = count > 2 ? std::atol(arguments[2]) : 16;
  if (count > 3 || which < 0 || which > versions || L <= 0 || L % 8 != 0 || B <= 0) {
    std::fprintf(stderr,
                 "usage: longwave_lab products [VERSION [L [B]]]; L is a multiple of 8, VERSION 0 is all of 1 to 10\n");
    return 2;
  }
  set_tf32(true);
  std::printf("%s, B %td, H %d, L %td\n", device_info(current_device()).name.c_str(), B, H, L);
  bool good = true;
  for (int i = 1; i <= versions; ++i)
    if (which == 0 || which == i) good = run_number(i, B, L) && good;
  return good ? 0 : 1;
}

}  // namespace longwave::cuda::lab
