// chunk_tables.cuh - what a block of the chunked scan sets up for its feature: powers of e^x and the small matrices, as
// each warp's registers hold them.
//
//   toeplitz (T, T)   toeplitz[j][i] = K_{i-j} for i >= j, K_l = 2 Re sum_n c_n e^{x_n l}, plus D on the diagonal
//   in (T, 2N)        in[j]  = (Re, Im) pairs of e^{x (T-1-j)}              what sample j adds to the state after a
//   chunk out (2N, T)       out[:, i] = (2 Re, -2 Im) pairs of c e^{x (i+1)}      what the state before adds to sample
//   i
//
// T = 64, N = 4 Tiles modes, of which x may have fewer. Columns come in tiles of 8: with four warps, warp w owns tiles
// w and 7 - w, which makes the work on the triangle equal; with eight, tile w. All warps run the same code, with
// branches that are uniform in a warp: a body per warp would not fit the instruction cache.
#pragma once

#include "kernels/bfloat16.cuh"
#include "kernels/launch.cuh"
#include "kernels/mma.cuh"
#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave::cuda::detail {

inline constexpr int scan_steps = 64;              // T
inline constexpr int scan_rows = 16;               // sequences of a block: the rows of one product
inline constexpr int scan_pitch = scan_steps + 4;  // of a row in shared memory: ldmatrix without bank conflicts
inline constexpr int scan_tile = scan_rows * scan_pitch;

using ScanModes = TensorView<const complex<double>, 2, Cuda>;

__device__ inline complex<double> device_exp(complex<double> w) {
  double sine, cosine;
  sincos(w.im, &sine, &cosine);
  const double r = ::exp(w.re);
  return {r * cosine, r * sine};
}

// power[j * N + n] = e^{x_n j}, j = 0 .. T, for feature h.
template <int N, int Threads>
__device__ void scan_powers(complex<double>* power, const ScanModes& x, index_t h) {
  constexpr int parts = Threads / N, run = (scan_steps + parts) / parts;
  const int n = threadIdx.x % N, first = threadIdx.x / N * run;
  const complex<double> mode = n < x.size(1) ? x(h, n) : complex<double>();
  complex<double> z = device_exp(static_cast<double>(first) * mode);
  const complex<double> a = device_exp(mode);
  for (int j = first; j < min(first + run, scan_steps + 1); ++j) {
    power[j * N + n] = z;
    z *= a;
  }
}

// taps[j] = K_j, and D added to the first.
template <int N, int Threads>
__device__ void scan_taps(float* taps, const complex<double>* power, const ScanModes& c, double D, index_t h) {
  constexpr int lanes = Threads / scan_steps;
  const int j = threadIdx.x / lanes, part = threadIdx.x % lanes;
  double sum = 0;
  for (int n = part; n < c.size(1); n += lanes) sum += (c(h, n) * power[j * N + n]).re;
#pragma unroll
  for (int step = 1; step < lanes; step *= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (part == 0) taps[j] = static_cast<float>(2 * sum + (j == 0 ? D : 0.0));
}

// The column tiles of a warp.
template <int Warps>
struct WarpColumns {
  static constexpr int count = 8 / Warps;
  int warp;
  __device__ int tile(int m) const { return m == 0 ? warp : 7 - warp; }
};

template <int Tiles, Product product, class Columns>
struct ScanTables {
  static constexpr int N = 4 * Tiles;

  const complex<double>* power;
  const float* taps;
  const ScanModes& c;
  index_t h;
  Columns columns;

  // The warp's part of a matrix of `tiles` column tiles, given by value(row, column).
  template <int Rows, class F>
  __device__ void fragments(Rounded<product> (&to)[Columns::count][Rows][2], int lane, int tiles, F value) const {
#pragma unroll
    for (int m = 0; m < Columns::count; ++m)
#pragma unroll
      for (int k = 0; k < Rows; ++k)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          to[m][k][i].set(columns.tile(m) < tiles ? value(k * 8 + lane % 4 + 4 * i, columns.tile(m) * 8 + lane / 4)
                                                  : 0.0f);
  }

  __device__ float toeplitz(int j, int i) const { return i >= j ? taps[i - j] : 0.0f; }
  __device__ float in(int j, int column) const {
    const complex<double> w = power[(scan_steps - 1 - j) * N + column / 2];
    return static_cast<float>(column % 2 ? w.im : w.re);
  }
  __device__ float out(int column, int i) const {
    const int n = column / 2;
    if (n >= c.size(1)) return 0;
    const complex<double> w = c(h, n) * power[(i + 1) * N + n];
    return static_cast<float>(column % 2 ? -2 * w.im : 2 * w.re);
  }
  // e^{x T} of the modes in columns 2t, 2t + 1 of each of the warp's tiles.
  __device__ void transition(float (&re)[Columns::count], float (&im)[Columns::count], int lane) const {
#pragma unroll
    for (int m = 0; m < Columns::count; ++m) {
      const bool exists = columns.tile(m) < Tiles;
      const complex<double> a = exists ? power[scan_steps * N + columns.tile(m) * 4 + lane % 4] : complex<double>();
      re[m] = static_cast<float>(a.re);
      im[m] = static_cast<float>(a.im);
    }
  }
};

// One feature's rows (B, L), or any other rows of samples: cut into `segments` of `chunks` chunks each. A block has 16
// of the B segments rows, row = segment B + batch.
struct ScanRows {
  index_t batch, feature, step;  // strides; step is 1 unless the rows run backwards or have gaps
  int B, L, segments, chunks;
  int before;    // zeros before the first sample
  bool vectors;  // step is 1 and rows start on four samples; of bfloat16 also: L is a multiple of four

  __host__ __device__ int rows() const { return B * segments; }
  __host__ __device__ int tiles() const { return (rows() + scan_rows - 1) / scan_rows; }

  // Offset of sample 0 of a row's segment, and how many samples follow there.
  __device__ index_t offset(int row, index_t h) const {
    return row % B * batch + h * feature + (index_t(row / B) * chunks * scan_steps - before) * step;
  }
  __device__ int length(int row) const {
    if (row >= rows()) return 0;
    const int from = row / B * chunks * scan_steps;
    return max(0, min(L + before - from, chunks * scan_steps));
  }
};

// Copies the four samples from `at` on of a row of `length` samples to shared memory; zeros beyond its ends.
template <bool plain>
__device__ inline void fetch(float* to, const float* row, const ScanRows& r, int at, int begin, int length) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if (plain || r.vectors) {
    const int bytes = max(0, min(4 * (length - at), 16));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(bytes > 0 ? row + at : row),
                 "r"(bytes));
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const bool exists = at + i >= begin && at + i < length;
      asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address + 4 * i),
                   "l"(row + (exists ? at + i : begin) * r.step), "r"(exists ? 4 : 0));
    }
  }
}

// The same of bfloat16: eight bytes, at the start of the place that the four floats will take.
template <bool plain>
__device__ inline void fetch(float* to, const bfloat16* row, const ScanRows& r, int at, int begin, int length) {
  if (plain || r.vectors) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
    const bool exists = at < length;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(address), "l"(exists ? row + at : row),
                 "r"(exists ? 8 : 0));
  } else {
    std::uint32_t bits[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) bits[i] = at + i >= begin && at + i < length ? row[(at + i) * r.step].bits() : 0u;
    *reinterpret_cast<uint2*>(to) = make_uint2(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16);
  }
}

// Four samples that this thread has fetched, where they lie, as tensor cores take them. bfloat16 is exact in TF32.
template <Product product>
__device__ inline void round_in_place(float* at, float* rest, const float*) {
  store_rounded<product>(at, rest, *reinterpret_cast<const float4*>(at));
}
template <Product product>
__device__ inline void round_in_place(float* at, float*, const bfloat16*) {
  static_assert(product == Product::tf32);
  const uint2 pairs = *reinterpret_cast<const uint2*>(at);
  *reinterpret_cast<float4*>(at) =
      make_float4(low_of_pair(pairs.x), high_of_pair(pairs.x), low_of_pair(pairs.y), high_of_pair(pairs.y));
}

}  // namespace longwave::cuda::detail
