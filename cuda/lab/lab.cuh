// lab.cuh - what versions 1 to 4 share: set-up, how chunks come and go, rounding, launch. The small matrices and the
// products are the library's own (kernels/chunk_tables.cuh, kernels/mma.cuh).
#pragma once

#include <algorithm>

#include "kernels/chunk_tables.cuh"
#include "lab/lab.hpp"

namespace longwave::cuda::lab {

using namespace detail;

inline constexpr int modes = 32, state_tiles = modes / 4;  // states are (Re, Im) pairs in tiles of 8 columns
inline constexpr int stages = 6;                           // chunks in shared memory: at work, and five arriving
static_assert(2 * modes == scan_steps);                    // so the states of 16 rows are a tile like their samples

struct Task {
  float* y;
  const float* u;
  ScanModes x, c;
  const float* skip;
  index_t row;  // between sequences: H L
  index_t L;
  int chunks;

  // Of this block's sequences.
  __device__ index_t first_sample() const { return index_t(blockIdx.y) * scan_rows * row + blockIdx.x * L; }
};

// Shared memory of versions 2 to 4, in floats.
template <Product product>
struct RoundedLayout {
  static constexpr int planes = Rounded<product>::planes;
  static constexpr int samples = 0;                                // (stages) as they have arrived
  static constexpr int rounded = stages * scan_tile;               // (2, planes): of this chunk and the last
  static constexpr int states = rounded + 2 * planes * scan_tile;  // (2, planes): before this chunk and the next
  static constexpr int floats = states + 2 * planes * scan_tile;
};

// To 10 bits of mantissa, by the instruction for it.
__device__ inline float round_by_cvt(float x) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
}

// The matrices as a warp's registers hold them, with e^{x T} of its columns of states.
template <Product product, class Columns>
struct Matrices {
  static constexpr int count = Columns::count;
  Rounded<product> toeplitz[count][8][2], in[count][8][2], out[count][8][2];
  float a_re[count], a_im[count];

  __device__ void make(const complex<double>* power, const float* taps, const Task& p, Columns columns, int lane) {
    const ScanTables<state_tiles, product, Columns> tables{power, taps, p.c, blockIdx.x, columns};
    fill(toeplitz, columns, lane, [&](int j, int i) { return tables.toeplitz(j, i); });
    fill(in, columns, lane, [&](int j, int column) { return tables.in(j, column); });
    fill(out, columns, lane, [&](int column, int i) { return tables.out(column, i); });
    tables.transition(a_re, a_im, lane);
  }

  template <class F>
  __device__ static void fill(Rounded<product> (&to)[count][8][2], Columns columns, int lane, F value) {
#pragma unroll
    for (int m = 0; m < count; ++m)
#pragma unroll
      for (int k = 0; k < 8; ++k)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float x = value(k * 8 + lane % 4 + 4 * i, columns.tile(m) * 8 + lane / 4);
          to[m][k][i].high = round_by_cvt(x);
          if constexpr (product == Product::tf32x3) to[m][k][i].low = round_by_cvt(x - to[m][k][i].high);
        }
  }
};

// Powers of e^x and the taps of the kernel, in double; all threads see them afterwards.
template <int Threads>
__device__ void set_up(complex<double>* power, float* taps, const Task& p) {
  scan_powers<modes, Threads>(power, p.x, blockIdx.x);
  __syncthreads();
  scan_taps<modes, Threads>(taps, power, p.c, static_cast<double>(p.skip[blockIdx.x]), blockIdx.x);
  __syncthreads();
}

__device__ inline void set_zero(float* to, int count) {
  for (int i = threadIdx.x; i < count; i += blockDim.x) to[i] = 0;
}

// f(row, column) of each four samples of a chunk that are this thread's.
template <int Threads, class F>
__device__ void each_piece(F f) {
#pragma unroll
  for (int i = 0; i < 256 / Threads; ++i) {
    const int piece = threadIdx.x + i * Threads;
    f(piece / 16, piece % 16 * 4);
  }
}

// Starts copying chunk k, if there is one, to its stage.
template <int Threads>
__device__ void fetch_chunk(float* samples, const float* u, const Task& p, int k) {
  if (k < p.chunks)
    each_piece<Threads>([&](int row, int column) {
      const float* const to = samples + k % stages * scan_tile + row * scan_pitch + column;
      asm volatile(
          "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(to))),
          "l"(u + row * p.row + k * scan_steps + column));
    });
  asm volatile("cp.async.commit_group;");
}

// This thread's part of the oldest chunk on its way is there.
__device__ inline void wait_for_chunk() { asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2)); }

// Rounds a chunk, or with tf32x3 splits it into two tiles.
template <int Threads, Product product>
__device__ void round_chunk(float* to, const float* from) {
  each_piece<Threads>([&](int row, int column) {
    const int at = row * scan_pitch + column;
    const float4 v = *reinterpret_cast<const float4*>(from + at);
    const float4 high{round_by_cvt(v.x), round_by_cvt(v.y), round_by_cvt(v.z), round_by_cvt(v.w)};
    *reinterpret_cast<float4*>(to + at) = high;
    if constexpr (product == Product::tf32x3)
      *reinterpret_cast<float4*>(to + scan_tile + at) =
          make_float4(round_by_cvt(v.x - high.x), round_by_cvt(v.y - high.y), round_by_cvt(v.z - high.z),
                      round_by_cvt(v.w - high.w));
  });
}

// A sum (16, 8) to rows that are `pitch` apart.
__device__ inline void store_tile(float* to, index_t pitch, const float (&c)[4], int lane) {
  to += lane / 4 * pitch + lane % 4 * 2;
  *reinterpret_cast<float2*>(to) = make_float2(c[0], c[1]);
  *reinterpret_cast<float2*>(to + 8 * pitch) = make_float2(c[2], c[3]);
}

// The same to shared memory, rounded or split.
template <Product product>
__device__ void store_rounded_tile(float* to, const float (&c)[4], int lane) {
  float high[4], low[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    high[i] = round_by_cvt(c[i]);
    low[i] = round_by_cvt(c[i] - high[i]);
  }
  store_tile(to, scan_pitch, high, lane);
  if constexpr (product == Product::tf32x3) store_tile(to + scan_tile, scan_pitch, low, lane);
}

// s = a^T s, of a tile of states.
__device__ inline void advance(float (&s)[4], float re, float im) {
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const float was = s[i];
    s[i] = re * was - im * s[i + 1];
    s[i + 1] = im * was + re * s[i + 1];
  }
}

// floats: of shared memory in the loop; the set-up's powers lie in the same place.
inline void launch(void (*kernel)(Task), int threads, int floats, Output y, const Inputs& in) {
  if (in.B() % scan_rows != 0 || in.L() % scan_steps != 0 || in.N() != modes || !in.u.contiguous() || !y.contiguous())
    throw_shape_error("lab: u is " + to_string(in.u.sizes()) + " with " + std::to_string(in.N()) +
                      " modes, expected dense, B a multiple of 16, L of 64, 32 modes");
  const int bytes = std::max(floats * 4, (scan_steps + 1) * modes * 16);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cudaFuncSetAttribute(lab)");
  const dim3 blocks(static_cast<unsigned>(in.H()), static_cast<unsigned>(in.B() / scan_rows));
  const Task p{y.data(),       in.u.data(),     in.x,   in.c,
               in.skip.data(), in.H() * in.L(), in.L(), static_cast<int>(in.L() / scan_steps)};
  kernel<<<blocks, threads, bytes, stream_handle()>>>(p);
  check_launch("lab");
}

}  // namespace longwave::cuda::lab
