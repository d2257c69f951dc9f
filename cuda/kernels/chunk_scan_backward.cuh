// chunk_scan_backward.cuh - gradients of the chunked scan (chunk_scan.cuh) on tensor cores. With G = dL/dY and r_c, the
// gradient of the state before chunk c:
//
//   r_c = conj(a^T) r_{c+1} + G_c out^T          dU_c = G_c toeplitz^T + r_{c+1} in^T
//   dtoeplitz = sum U_c^T G_c   din = sum U_c^T r_{c+1}   dout = sum s_c^T G_c   d(a^T) = sum conj(s_c) r_{c+1}
//
// A block owns one feature and 16 rows, or several times 16 one after the other (tables and sums are those of the
// feature), and walks their groups of chunks from the last to the first. Within a group the
// states are made again from the one that forward saved before it; both recurrences run over the chunks in registers.
// The three sums over all chunks stay in registers and become the gradients of x and c of this block's rows at its end.
//
// Per sample and feature: 12 bytes (6 stored in bfloat16) and 4 W / (64 E) of states; 432 products m16n8k8 per 16 x 64
// samples at 32 modes. Tensor cores cut off when they add, so long sums drift by 1e-5: with tf32x3 they are added up
// elsewhere now and then.
#pragma once

#include "kernels/chunk_scan.cuh"

namespace longwave::cuda::detail {

inline constexpr int backward_threads = 256;
inline constexpr int backward_tile = scan_rows * scan_steps;

template <class S>  // of u, dy and du: float or bfloat16
struct ChunkScanBackward {
  const S* u;
  ScanRows from;
  const S* dy;
  ScanRows dy_from;
  S* du;  // nullptr: unwanted
  index_t du_batch, du_feature, du_step;
  ScanModes x, c;
  const float* skip;
  index_t skip_step;
  const float* saved;  // (H, tiles, groups, 16, W) from forward
  const float* after;  // (H, 16 tiles, W): gradients of the states after each row; nullptr: zero
  float* before;       // the same, before each row; nullptr: unwanted
  double* part;        // (H, blocks, 4 N + 1): dx, dc (Re, Im) of this block's rows, and dD
  bool add;            // du += instead of du =
  int blocks;          // per feature; block b takes tiles b, b + blocks, ..
};

// Rows of 64 numbers without gaps, in an order that has no bank conflicts for ldmatrix, for columns and for rows.
__device__ inline int swizzled(int row, int column) {
  return row * scan_steps + (column ^ (row % 4 * 8 + row / 4 % 2 * 4));
}

template <Product product>
struct SwizzledOperand : RowOperand<product> {
  __device__ void load(const float* tile, int plane, int i, int lane) {
    const float* row = tile + swizzled(lane % 16, 8 * i + lane / 16 * 4);
#pragma unroll
    for (int p = 0; p < Rounded<product>::planes; ++p) load_matrix(this->part[p], row + p * plane);
  }
  // Rows 8 kb .. 8 kb + 7, columns first .. first + 15, transposed.
  __device__ void load_transposed(const float* tile, int plane, int kb, int first, int lane) {
    const int row = 8 * kb + lane % 4, column = first + lane / 4;
#pragma unroll
    for (int p = 0; p < Rounded<product>::planes; ++p) {
      const float* at = tile + p * plane;
      this->part[p][0] = __float_as_uint(at[swizzled(row, column)]);
      this->part[p][1] = __float_as_uint(at[swizzled(row, column + 8)]);
      this->part[p][2] = __float_as_uint(at[swizzled(row + 4, column)]);
      this->part[p][3] = __float_as_uint(at[swizzled(row + 4, column + 8)]);
    }
  }
};

template <int Tiles, Product product>
struct BackwardLayout {
  static constexpr int group = chunk_group<product>, planes = Rounded<product>::planes;
  static constexpr int samples = 0;                                         // (2 stages, u and dy, group) tiles
  static constexpr int rests = 4 * group * backward_tile;                   // the same
  static constexpr int states = planes * rests;                             // (planes, group)
  static constexpr int adjoints = states + planes * group * backward_tile;  // (planes, group)
  static constexpr int sums = adjoints + planes * group * backward_tile;    // (48, threads), tf32x3
  static constexpr int loop = sums + (planes - 1) * 48 * backward_threads;
  static constexpr int power = 4 * (scan_steps + 1) * 4 * Tiles;
  static constexpr int matrix = scan_steps * scan_steps;  // at the end: din and dout after the powers
  static constexpr int end = power + 2 * matrix + scan_steps + 8 * Tiles;
  static constexpr int bytes = 4 * (loop > end ? loop : end);
};

// A warp's 16 rows and 4 column tiles of the gradients of the three matrices.
struct ScanSums {
  float toeplitz[4][4] = {}, in[4][4] = {}, out[4][4] = {};

  template <class F>
  __device__ void each(F f) {
    int i = 0;
#pragma unroll
    for (auto matrix : {toeplitz, in, out})
#pragma unroll
      for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int q = 0; q < 4; ++q) f(matrix[n][q], i++);
  }
};

// dx and dc of a block's rows from the gradients of its matrices, see cpu/chunk_tables.hpp:
//   weight_j = 2 dK_j + (2 dout_re - 2i dout_im)[j-1]   dc = sum weight_j conj(P_j)
//   dP_j = weight_j conj(c) + din[T-1-j], dP_T also + d(a^T)   dx = sum j conj(P_j) dP_j
template <int Tiles, class S>
__device__ void backward_modes(const ChunkScanBackward<S>& p, double* to, const complex<double>* power,
                               const float* din, const float* dout, const float* dK, const float* da) {
  constexpr int N = 4 * Tiles, parts = backward_threads / N;
  const int n = threadIdx.x / parts, part = threadIdx.x % parts;
  const complex<double> c = n < p.c.size(1) ? p.c(blockIdx.x, n) : complex<double>();
  complex<double> dx, dc;
  for (int j = part; j <= scan_steps; j += parts) {
    complex<double> weight, dP;
    if (j < scan_steps) {
      weight.re = 2.0 * static_cast<double>(dK[j]);
      const float* row = din + (scan_steps - 1 - j) * scan_steps + 2 * n;
      dP = {static_cast<double>(row[0]), static_cast<double>(row[1])};
    } else {
      dP = {static_cast<double>(da[2 * n]), static_cast<double>(da[2 * n + 1])};
    }
    if (j > 0) {
      weight.re += 2.0 * static_cast<double>(dout[2 * n * scan_steps + j - 1]);
      weight.im -= 2.0 * static_cast<double>(dout[(2 * n + 1) * scan_steps + j - 1]);
    }
    const complex<double> P = conj(power[j * N + n]);
    dP += weight * conj(c);
    dc += weight * P;
    dx += static_cast<double>(j) * (P * dP);
  }
#pragma unroll
  for (int step = 1; step < parts; step *= 2) {
    dx += complex<double>(__shfl_xor_sync(~0u, dx.re, step), __shfl_xor_sync(~0u, dx.im, step));
    dc += complex<double>(__shfl_xor_sync(~0u, dc.re, step), __shfl_xor_sync(~0u, dc.im, step));
  }
  if (part != 0) return;
  to[4 * n] = dx.re, to[4 * n + 1] = dx.im, to[4 * n + 2] = dc.re, to[4 * n + 3] = dc.im;
  if (n == 0) to[4 * N] = static_cast<double>(dK[0]);
}

template <int Tiles, Product product, bool plain, class S>
struct BackwardBlock {
  using Layout = BackwardLayout<Tiles, product>;
  using Columns = WarpColumns<8>;
  using Operand = SwizzledOperand<product>;
  static constexpr int E = Layout::group, plane = Layout::rests, state_plane = E * backward_tile;

  const ChunkScanBackward<S>& p;
  float* shared;
  int lane, warp, row, column, chunks, groups;
  const S *u, *dy;  // this thread's rows of the tile that is fetched next
  int u_length, dy_length;

  __device__ void fetch_from(int tile) {
    const int r = tile * scan_rows + row, h = blockIdx.x;
    u_length = p.from.length(r);
    dy_length = p.dy_from.length(r);
    u = p.u + (u_length > 0 ? p.from.offset(r, h) : 0);
    dy = p.dy + (dy_length > 0 ? p.dy_from.offset(r, h) : 0);
  }
  __device__ float* tiles(int stage, bool of_dy) const {
    return shared + Layout::samples + (stage * 2 + of_dy) * E * backward_tile;
  }
  __device__ void fetch_group(int k, int stage) const {
    if (k >= 0)
#pragma unroll
      for (int e = 0; e < E; ++e) {
        const int at = (k * E + e) * scan_steps + column, to = e * backward_tile + swizzled(row, column);
        fetch<plain>(tiles(stage, false) + to, u, p.from, at, 0, u_length);
        fetch<plain>(tiles(stage, true) + to, dy, p.dy_from, at, 0, dy_length);
      }
    asm volatile("cp.async.commit_group;");
  }
  __device__ void round_group(int stage) const {
#pragma unroll
    for (int i = 0; i < 2 * E; ++i) {
      float* at = tiles(stage, i % 2) + i / 2 * backward_tile + swizzled(row, column);
      round_in_place<product>(at, at + plane, p.u);
    }
  }

  // c += the sums of group k's chunks over the rows.
  __device__ void add_weights(ScanSums& d, const float* U, const float* G, const float* states, const float* R) const {
    const int first = warp % 4 * 16, columns = warp / 4 * 32 + lane / 4;
    const bool with_out = first < 8 * Tiles;
#pragma unroll 1
    for (int e = 0; e < 2 * E; ++e) {
      const int kb = e % 2, tile = e / 2 * backward_tile;
      Operand u, s;
      u.load_transposed(U + tile, plane, kb, first, lane);
      s.load_transposed(states + tile, state_plane, kb, first, lane);
      const int row0 = tile + swizzled(8 * kb + lane % 4, 0), row4 = tile + swizzled(8 * kb + lane % 4 + 4, 0);
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        // swizzled(row, column) = swizzled(row, 0) ^ column, since rows are 64 apart
        const int at0 = row0 ^ (columns + 8 * n), at4 = row4 ^ (columns + 8 * n);
        Rounded<product> g[2], r[2];
        g[0].load(G + at0, plane);
        g[1].load(G + at4, plane);
        multiply_add(d.toeplitz[n], u, g);
        if (with_out) multiply_add(d.out[n], s, g);
        if (Tiles == 8 || warp < 4) {
          r[0].load(R + at0, state_plane);
          r[1].load(R + at4, state_plane);
          multiply_add(d.in[n], u, r);
        }
      }
    }
  }

  __device__ void store_state(float* to, const float (&s)[4]) const {
    const int g = lane / 4, at = warp * 8 + lane % 4 * 2;
    if (warp >= Tiles) return;
    store_rounded<product>(to + swizzled(g, at), state_plane, s[0], s[1]);
    store_rounded<product>(to + swizzled(g + 8, at), state_plane, s[2], s[3]);
  }

  __device__ void run(const complex<double>* power, const float* taps) {
    const int h = blockIdx.x, first = blockIdx.y, all = p.from.tiles();
    const Columns columns{warp};
    const ScanTables<Tiles, product, Columns> tables{power, taps, p.c, h, columns};
    Rounded<product> in[1][8][2], out_t[1][8][2], toeplitz_t[1][8][2], in_t[1][Tiles][2];
    tables.fragments(in, lane, Tiles, [&](int j, int i) { return tables.in(j, i); });
    tables.fragments(out_t, lane, Tiles, [&](int i, int j) { return tables.out(j, i); });
    tables.fragments(toeplitz_t, lane, 8, [&](int i, int j) { return tables.toeplitz(j, i); });
    tables.fragments(in_t, lane, 8, [&](int i, int j) { return tables.in(j, i); });
    float a_re[1], a_im[1];
    tables.transition(a_re, a_im, lane);
    __syncthreads();  // the powers have been read
    ScanSums d;
    if constexpr (product == Product::tf32x3) {
      float* kept = shared + Layout::sums + threadIdx.x;
      d.each([&](float&, int i) { kept[i * backward_threads] = 0; });
    }
    float da[2] = {};
    fetch_from(first);
    fetch_group(groups - 1, 0);
    int stage = 0;
    for (int tile = first; tile < all; tile += p.blocks)
      stage = walk(tile, tile + p.blocks < all ? tile + p.blocks : -1, stage, d, da, toeplitz_t, in, out_t, in_t,
                   a_re[0], a_im[0]);
    if constexpr (product == Product::tf32x3) {
      const float* kept = shared + Layout::sums + threadIdx.x;
      d.each([&](float& sum, int i) { sum = kept[i * backward_threads]; });
    }
    __syncthreads();
    finish(d, da, index_t(h) * p.blocks + first);
  }

  using Matrix = Rounded<product>[1][8][2];

  // One tile of rows, of which the last group has been fetched to `stage`; `next` follows, -1: none. Returns the stage
  // that holds the first group of that.
  __device__ __forceinline__ int walk(int tile, int next, int stage, ScanSums& d, float (&da)[2],
                                      const Matrix& toeplitz_t, const Matrix& in, const Matrix& out_t,
                                      const Rounded<product> (&in_t)[1][Tiles][2], float a_re, float a_im) {
    const int h = blockIdx.x, row0 = tile * scan_rows, g = lane / 4, t = lane % 4;
    const index_t place = index_t(h) * p.from.tiles() + tile;
    ScanState<Tiles, Columns> state{Columns{warp}}, adjoint{Columns{warp}};
    if (p.after != nullptr) adjoint.load(p.after + place * (scan_rows * 8 * Tiles), lane);
    S* target[2];
    int room[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int w = row0 + g + 8 * i;
      room[i] = p.du != nullptr ? p.from.length(w) : 0;
      target[i] = p.du;
      if (room[i] > 0)
        target[i] +=
            w % p.from.B * p.du_batch + h * p.du_feature + index_t(w / p.from.B) * chunks * scan_steps * p.du_step;
    }
    float *states = shared + Layout::states, *R = shared + Layout::adjoints;

    for (int k = groups - 1; k >= 0; --k, stage ^= 1) {
      state.load(p.saved + (place * groups + k) * (scan_rows * 8 * Tiles), lane);
      asm volatile("cp.async.wait_group 0;");
      round_group(stage);
      __syncthreads();
      if (k > 0 || next < 0) {
        fetch_group(k - 1, stage ^ 1);
      } else {
        fetch_from(next);
        fetch_group(groups - 1, stage ^ 1);
      }
      float there[E][4];  // of du, on the way while the products run
      if constexpr (plain && std::is_same_v<S, float>)
        if (p.add) load_there(there, target, room, k, t);
      const float *U = tiles(stage, false), *G = tiles(stage, true);

      float now[E][4] = {}, entering[E][4] = {}, leaving[E][4] = {};
#pragma unroll
      for (int i = 0; i < 8; ++i)
#pragma unroll
        for (int e = 0; e < E; ++e) {
          Operand u_, g_;
          g_.load(G + e * backward_tile, plane, i, lane);
          multiply_add(now[e], g_, toeplitz_t[0][i]);
          if (Tiles == 8 || warp < Tiles) {
            u_.load(U + e * backward_tile, plane, i, lane);
            multiply_add(entering[e], u_, in[0][i]);
            multiply_add(leaving[e], g_, out_t[0][i]);
          }
        }
      float before[E][4];  // the states before each chunk
#pragma unroll
      for (int e = 0; e < E; ++e) {
        store_state(states + e * backward_tile, state.at[0]);
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
          const float re = state.at[0][i], im = state.at[0][i + 1];
          before[e][i] = re;
          before[e][i + 1] = im;
          state.at[0][i] = a_re * re - a_im * im + entering[e][i];
          state.at[0][i + 1] = a_re * im + a_im * re + entering[e][i + 1];
        }
      }
#pragma unroll
      for (int e = E - 1; e >= 0; --e) {
        store_state(R + e * backward_tile, adjoint.at[0]);
        if (k * E + e < chunks)
#pragma unroll
          for (int i = 0; i < 4; i += 2) {
            const float re = adjoint.at[0][i], im = adjoint.at[0][i + 1];
            da[0] += before[e][i] * re + before[e][i + 1] * im;  // conj(s) r
            da[1] += before[e][i] * im - before[e][i + 1] * re;
            adjoint.at[0][i] = a_re * re + a_im * im + leaving[e][i];
            adjoint.at[0][i + 1] = a_re * im - a_im * re + leaving[e][i + 1];
          }
      }
      __syncthreads();
      if (p.du != nullptr) {
#pragma unroll
        for (int e = 0; e < E; ++e) {
          float later[4] = {};
#pragma unroll
          for (int i = 0; i < Tiles; ++i) {
            Operand r;
            r.load(R + e * backward_tile, state_plane, i, lane);
            multiply_add(later, r, in_t[0][i]);
          }
          const int l = (k * E + e) * scan_steps + warp * 8 + 2 * t;
          if constexpr (plain && std::is_same_v<S, float>) {
            if (p.add) {
#pragma unroll
              for (int q = 0; q < 4; ++q) later[q] += there[e][q];
            }
          }
#pragma unroll
          for (int i = 0; i < 2; ++i)
            store_pair<plain>(target[i], p.du_step, p.add, l, room[i] - l, now[e][2 * i] + later[2 * i],
                              now[e][2 * i + 1] + later[2 * i + 1]);
        }
      }
      add_weights(d, U, G, states, R);
      if constexpr (product == Product::tf32x3)
        if (k % 8 == 0) {
          float* kept = shared + Layout::sums + threadIdx.x;
          d.each([&](float& sum, int i) {
            kept[i * backward_threads] += sum;
            sum = 0;
          });
        }
    }
    if (p.before != nullptr) adjoint.store(p.before + place * (scan_rows * 8 * Tiles), lane);
    return stage;
  }

  // What du holds where this thread will add to it in group k.
  __device__ void load_there(float (&there)[E][4], S* const (&target)[2], const int (&room)[2], int k, int t) const {
#pragma unroll
    for (int e = 0; e < E; ++e)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int l = (k * E + e) * scan_steps + warp * 8 + 2 * t;
        const float2 pair = l < room[i] ? *reinterpret_cast<const float2*>(target[i] + l) : make_float2(0, 0);
        there[e][2 * i] = pair.x;
        there[e][2 * i + 1] = pair.y;
      }
  }

  // Sums -> shared memory -> gradients of the modes.
  __device__ void finish(ScanSums& d, float (&da)[2], index_t place) const {
    float *din = shared + Layout::power, *dout = din + Layout::matrix, *dK = dout + Layout::matrix,
          *da_all = dK + scan_steps, *dtoeplitz = din;
    auto store = [&](float* to, const float(&from)[4][4]) {
#pragma unroll
      for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int q = 0; q < 4; ++q)
          to[(warp % 4 * 16 + lane / 4 + q / 2 * 8) * scan_steps + warp / 4 * 32 + n * 8 + lane % 4 * 2 + q % 2] =
              from[n][q];
    };
    store(dtoeplitz, d.toeplitz);
#pragma unroll
    for (int q = 0; q < 2; ++q) {
      float sum = da[q];
      for (int step = 4; step < 32; step *= 2) sum += __shfl_xor_sync(~0u, sum, step);
      if (lane < 4 && warp < Tiles) da_all[warp * 8 + lane * 2 + q] = sum;
    }
    const auto power = reinterpret_cast<complex<double>*>(shared);
    scan_powers<4 * Tiles, backward_threads>(power, p.x, blockIdx.x);
    __syncthreads();
    if (threadIdx.x < scan_steps) {  // dK_l: the sum of diagonal l
      const int l = threadIdx.x;
      double sum = 0;
      for (int j = 0; j + l < scan_steps; ++j) sum += static_cast<double>(dtoeplitz[j * scan_steps + j + l]);
      dK[l] = static_cast<float>(sum);
    }
    __syncthreads();
    store(din, d.in);
    store(dout, d.out);
    __syncthreads();
    backward_modes<Tiles>(p, p.part + place * (16 * Tiles + 1), power, din, dout, dK, da_all);
  }
};

template <int Tiles, Product product, bool plain, class S>
__global__ void __launch_bounds__(backward_threads, 1)
    chunk_scan_backward_kernel(const __grid_constant__ ChunkScanBackward<S> p) {
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  const auto power = reinterpret_cast<complex<double>*>(shared);
  scan_powers<4 * Tiles, backward_threads>(power, p.x, blockIdx.x);
  __syncthreads();
  const double D = p.skip != nullptr ? static_cast<double>(p.skip[blockIdx.x * p.skip_step]) : 0.0;
  scan_taps<4 * Tiles, backward_threads>(taps, power, p.c, D, blockIdx.x);
  __syncthreads();
  BackwardBlock<Tiles, product, plain, S> block{p,
                                                shared,
                                                static_cast<int>(threadIdx.x) % 32,
                                                __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0),
                                                static_cast<int>(threadIdx.x) / 16,
                                                static_cast<int>(threadIdx.x) % 16 * 4,
                                                p.from.chunks,
                                                (p.from.chunks + chunk_group<product> - 1) / chunk_group<product>,
                                                nullptr,
                                                nullptr,
                                                0,
                                                0};
  block.run(power, taps);
}

}  // namespace longwave::cuda::detail
