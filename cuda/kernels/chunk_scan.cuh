// chunk_scan.cuh - the chunked scan of ops/chunk_scan.hpp on tensor cores, forward.
//
//   P_c = U_c in,   s_{c+1} = a^T s_c + P_c,   Y_c = U_c toeplitz + s_c out            chunks of T = 64 samples
//
// A block owns one feature and 16 rows (sequences, or segments of sequences), or several times 16 one after the other,
// chunk_group chunks at a time:
//   1. their samples have arrived by cp.async and are rounded in place, once for all warps;
//   2. P of all of them: independent products. The state lies in the accumulators' places, so the recurrence over the
//      chunks is an elementwise product in registers; the states before each chunk go to shared memory;
//   3. Y of all of them: independent products again.
// Two barriers per group; everything between them is free to overlap. The matrices stay in registers
// (chunk_tables.cuh).
//
// Per sample and feature: 8 bytes, and 164 products m16n8k8 per 16 x 64 samples at 32 modes. Stored in bfloat16: 4
// bytes and the same products. Samples are widened where they are rounded otherwise, so that shared memory and all
// behind it are the same for both; tiles of 16 bits would halve the reads of shared memory, which here keep up with the
// products.
#pragma once

#include "kernels/chunk_tables.cuh"

namespace longwave::cuda::detail {

inline constexpr int scan_threads = 128;
inline constexpr int scan_stages = 3;  // groups of chunks in shared memory: at work, and two arriving

template <Product product>
inline constexpr int chunk_group = product == Product::tf32 ? 4 : 2;

enum class ScanWork {
  states,  // end states and saved states only
  output,  // and y
  plain,   // the same where rows of u start on four samples and those of y on two, both dense, L is even, y is assigned
};

template <class S>  // of u and y: float or bfloat16
struct ChunkScanForward {
  const S* u;
  ScanRows from;
  S* y;
  index_t y_batch, y_feature, y_step;
  ScanModes x, c;     // (H, N): this group of modes
  const float* skip;  // D, or nullptr
  index_t skip_step;
  const float* starts;  // (H, 16 tiles, W): states before each row, W = 8 Tiles numbers; nullptr: zero
  float* ends;          // the same, after each row; nullptr: unwanted
  float* saved;         // (H, tiles, groups, 16, W): states before each group of chunks; nullptr: unwanted
  bool add;             // y += instead of y =
  int blocks;           // per feature; block b takes tiles of rows b, b + blocks, ..
};

// Two samples of a row of y, of which `left` exist. plain: dense, on two samples, an even number of them, nothing to
// add to.
template <bool plain>
__device__ inline void store_pair(float* y, index_t step, bool add, int l, int left, float y0, float y1) {
  if constexpr (plain) {
    if (left > 0) *reinterpret_cast<float2*>(y + l) = make_float2(y0, y1);
  } else {
    y += l * step;
    if (left > 0) *y = add ? *y + y0 : y0;
    y += step;
    if (left > 1) *y = add ? *y + y1 : y1;
  }
}
template <bool plain>
__device__ inline void store_pair(bfloat16* y, index_t step, bool, int l, int left, float y0, float y1) {
  if constexpr (plain) {
    if (left > 0) *reinterpret_cast<std::uint32_t*>(y + l) = pack_bfloat16(y0, y1);
  } else {
    y += l * step;
    if (left > 0) *y = bfloat16(y0);
    y += step;
    if (left > 1) *y = bfloat16(y1);
  }
}

// A warp's part of the states of 16 rows: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1) of each of its tiles.
template <int Tiles, class Columns>
struct ScanState {
  Columns columns;
  float at[Columns::count][4] = {};

  // f(numbers of a tile, row, column) of the tiles that hold states.
  template <class F>
  __device__ void each(int lane, F f) {
#pragma unroll
    for (int m = 0; m < Columns::count; ++m)
      if (columns.tile(m) < Tiles) f(at[m], lane / 4, columns.tile(m) * 8 + lane % 4 * 2);
  }
  __device__ void load(const float* from, int lane) {  // (16, W)
    each(lane, [&](float(&s)[4], int row, int column) {
      const float2 a = *reinterpret_cast<const float2*>(from + row * (8 * Tiles) + column);
      const float2 b = *reinterpret_cast<const float2*>(from + (row + 8) * (8 * Tiles) + column);
      s[0] = a.x, s[1] = a.y, s[2] = b.x, s[3] = b.y;
    });
  }
  __device__ void store(float* to, int lane) {
    each(lane, [&](float(&s)[4], int row, int column) {
      *reinterpret_cast<float2*>(to + row * (8 * Tiles) + column) = make_float2(s[0], s[1]);
      *reinterpret_cast<float2*>(to + (row + 8) * (8 * Tiles) + column) = make_float2(s[2], s[3]);
    });
  }
  template <Product product>
  __device__ void store_rounded_tile(float* to, int plane, int pitch, int lane) {
    each(lane, [&](float(&s)[4], int row, int column) {
      store_rounded<product>(to + row * pitch + column, plane, s[0], s[1]);
      store_rounded<product>(to + (row + 8) * pitch + column, plane, s[2], s[3]);
    });
  }
};

// Shared memory of a forward block, in floats.
template <int Tiles, Product product>
struct ForwardLayout {
  static constexpr int group = chunk_group<product>, planes = Rounded<product>::planes;
  static constexpr int pitch = 8 * Tiles + 4, state = scan_rows * pitch;  // of the states
  static constexpr int samples = 0;                                       // (stages, group) tiles
  static constexpr int rests = scan_stages * group * scan_tile;           // (2, group) tiles
  static constexpr int states = rests + (planes - 1) * 2 * group * scan_tile;
  static constexpr int floats = states + planes * group * state;
  static constexpr int power = 4 * (scan_steps + 1) * 4 * Tiles;  // before the first chunk, in the same place
  static constexpr int bytes = 4 * (floats > power ? floats : power);
};

template <int Tiles, Product product, ScanWork work, class S>
__device__ __forceinline__ void scan_chunks(const ChunkScanForward<S>& p, float* shared, const complex<double>* power,
                                            const float* taps) {
  using Layout = ForwardLayout<Tiles, product>;
  using Columns = WarpColumns<4>;
  constexpr int E = Layout::group;
  constexpr bool with_output = work != ScanWork::states, plain = work == ScanWork::plain;
  const Columns columns{__shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0)};
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, h = blockIdx.x;
  const int chunks = p.from.chunks, groups = (chunks + E - 1) / E;

  const ScanTables<Tiles, product, Columns> tables{power, taps, p.c, h, columns};
  Rounded<product> toeplitz[2][8][2], in[2][8][2], out[2][Tiles][2];
  float a_re[2], a_im[2];
  tables.fragments(in, lane, Tiles, [&](int j, int i) { return tables.in(j, i); });
  if constexpr (with_output) {
    tables.fragments(toeplitz, lane, 8, [&](int j, int i) { return tables.toeplitz(j, i); });
    tables.fragments(out, lane, 8, [&](int j, int i) { return tables.out(j, i); });
  }
  tables.transition(a_re, a_im, lane);
#pragma unroll 1
  for (int tile = blockIdx.y; tile < p.from.tiles(); tile += p.blocks) {
    const int row0 = tile * scan_rows;
    ScanState<Tiles, Columns> state{columns};
    const index_t place = index_t(h) * p.from.tiles() + tile;  // of these rows in (H, tiles)
    if (p.starts != nullptr) state.load(p.starts + place * (scan_rows * 8 * Tiles), lane);
    __syncthreads();  // the powers, or the samples and states of the tile before, have been read

    // This thread fetches and rounds four samples of rows `row` and `row + 8`, and writes rows g and g + 8 of y.
    const int row = threadIdx.x / 16, column = threadIdx.x % 16 * 4;
    const S* source[2];
    S* target[2];
    int length[2], room[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int r = row0 + row + 8 * i, w = row0 + g + 8 * i;
      length[i] = p.from.length(r);
      source[i] = p.u + (length[i] > 0 ? p.from.offset(r, h) : 0);
      room[i] = with_output ? p.from.length(w) : 0;
      target[i] = p.y;
      if (room[i] > 0)
        target[i] +=
            w % p.from.B * p.y_batch + h * p.y_feature + index_t(w / p.from.B) * chunks * scan_steps * p.y_step;
    }
    const int begin = row0 + row < p.from.B ? p.from.before : 0, begin8 = row0 + row + 8 < p.from.B ? p.from.before : 0;
    auto fetch_group = [&](int k, int stage) {
      if (k < groups)
#pragma unroll
        for (int e = 0; e < E; ++e) {
          float* to = shared + Layout::samples + (stage * E + e) * scan_tile + row * scan_pitch + column;
          const int at = (k * E + e) * scan_steps + column;
          fetch<plain>(to, source[0], p.from, at, begin, length[0]);
          fetch<plain>(to + 8 * scan_pitch, source[1], p.from, at, begin8, length[1]);
        }
      asm volatile("cp.async.commit_group;");
    };
    fetch_group(0, 0);
    fetch_group(1, 1);

    int stage = 0;
    for (int k = 0; k < groups; ++k) {
      float* U = shared + Layout::samples + stage * E * scan_tile;
      float* U_rest = shared + Layout::rests + k % 2 * E * scan_tile;
      float* states = shared + Layout::states;
      asm volatile("cp.async.wait_group 1;");
#pragma unroll
      for (int i = 0; i < 2 * E; ++i) {
        const int at = i / 2 * scan_tile + (row + i % 2 * 8) * scan_pitch + column;
        round_in_place<product>(U + at, U_rest + at, p.u);
      }
      __syncthreads();
      const int plane = static_cast<int>(U_rest - U);
      fetch_group(k + 2, stage == 0 ? 2 : stage - 1);
      stage = stage == 2 ? 0 : stage + 1;
      if (p.saved != nullptr) state.store(p.saved + (place * groups + k) * (scan_rows * 8 * Tiles), lane);

      float sum[E][2][4] = {};
      if (columns.tile(0) < Tiles || columns.tile(1) < Tiles)
#pragma unroll
        for (int i = 0; i < 8; ++i)
#pragma unroll
          for (int e = 0; e < E; ++e) {
            RowOperand<product> u;
            u.load(U + e * scan_tile + 8 * i, plane, scan_pitch, lane);
            multiply_add(sum[e][0], u, in[0][i]);
            if (Tiles > 4) multiply_add(sum[e][1], u, in[1][i]);
          }
#pragma unroll
      for (int e = 0; e < E; ++e) {
        if (with_output)
          state.template store_rounded_tile<product>(states + e * Layout::state, E * Layout::state, Layout::pitch,
                                                     lane);
        if (k * E + e < chunks)
#pragma unroll
          for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int i = 0; i < 4; i += 2) {
              const float re = state.at[m][i], im = state.at[m][i + 1];
              state.at[m][i] = a_re[m] * re - a_im[m] * im + sum[e][m][i];
              state.at[m][i + 1] = a_re[m] * im + a_im[m] * re + sum[e][m][i + 1];
            }
      }
      if constexpr (with_output) {
        __syncthreads();
#pragma unroll 1
        for (int e = 0; e < E; ++e) {
          float now[2][4] = {}, past[2][4] = {};
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            RowOperand<product> u, s;
            if (i < Tiles) {
              s.load(states + e * Layout::state + 8 * i, E * Layout::state, Layout::pitch, lane);
#pragma unroll
              for (int m = 0; m < 2; ++m) multiply_add(past[m], s, out[m][i < Tiles ? i : 0]);
            }
            u.load(U + e * scan_tile + 8 * i, plane, scan_pitch, lane);
            if (i < 4) multiply_add(now[0], u, toeplitz[0][i]);  // tile w < 4: zeros below its rows
            multiply_add(now[1], u, toeplitz[1][i]);
          }
#pragma unroll
          for (int m = 0; m < 2; ++m) {
            const int l = (k * E + e) * scan_steps + columns.tile(m) * 8 + 2 * t;
#pragma unroll
            for (int i = 0; i < 2; ++i)
              store_pair<plain>(target[i], p.y_step, p.add, l, room[i] - l, now[m][2 * i] + past[m][2 * i],
                                now[m][2 * i + 1] + past[m][2 * i + 1]);
          }
        }
      }
    }
    if (p.ends != nullptr) state.store(p.ends + place * (scan_rows * 8 * Tiles), lane);
  }
}

template <int Tiles, Product product, ScanWork work, class S>
__global__ void __launch_bounds__(scan_threads, 2) chunk_scan_kernel(const __grid_constant__ ChunkScanForward<S> p) {
  constexpr bool with_output = work != ScanWork::states;
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  const auto power = reinterpret_cast<complex<double>*>(shared);
  scan_powers<4 * Tiles, scan_threads>(power, p.x, blockIdx.x);
  __syncthreads();
  if constexpr (with_output) {
    const double D = p.skip != nullptr ? static_cast<double>(p.skip[blockIdx.x * p.skip_step]) : 0.0;
    scan_taps<4 * Tiles, scan_threads>(taps, power, p.c, D, blockIdx.x);
    __syncthreads();
  }
  scan_chunks<Tiles, product, work>(p, shared, power, taps);
}

}  // namespace longwave::cuda::detail
