// diag_scan.cuh - the recurrence of ops/diag_scan.hpp and its gradients on the device, parallel over time.
//
//   s_t = a s_{t-1} + u_t                        y_t = 2 Re sum_n c s_t + D u_t
//   q_t = conj(a) q_{t+1} + 2 conj(c) dy_t       du_t = Re sum_n q_t + D dy_t       (q: the header's r)
//
// A lane owns a run of R samples (64 bytes) in registers. Per mode: the run from a zero state, then a scan over lanes
// and warps with a^R, a^{32 R}, then the run again from its true start. So that nothing drifts, those powers are exact
// exponentials in double, rounded once, from a table (H, N, 40); within a run there are R products at most.
//
//   L <= 32 R   P lanes for each sequence (b, h), 32 / P sequences in a warp, P a power of two
//   L >  32 R   a block for each sequence, tiles of up to max_warps 32 R samples one after the other
//
// Work per mode and sample: 10 operations forward, 30 backward, where the states of a run are kept in registers. Meant
// for few modes or short sequences: B = 10, H = 2, N = 4, L = 10000 takes 20 blocks of 640 threads; 0.8 MB are moved,
// 20 blocks' arithmetic (0.4 and 1.2 M operations each) is the limit: 2 + 6 us.
//
// Deterministic: sums over the lanes of a warp, then over warps, tiles and entries in an order that the sizes fix.
#pragma once

#include <algorithm>

#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
#include "longwave/core/each.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/diag_scan.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr unsigned every_lane = 0xffffffff;

template <class T>
inline constexpr int scan_run = 64 / sizeof(T);  // R
template <class T>
inline constexpr int scan_warps = sizeof(T) == 4 ? 20 : 16;  // a block's at most, 100 registers per thread
inline constexpr int scan_narrow_warps = 4;  // of a block where warps have nothing to do with each other
inline constexpr int scan_group = 2;         // modes between two barriers

template <class T>
struct alignas(2 * sizeof(T)) ScanNumber {
  T re = 0, im = 0;
};
template <class T>
__device__ ScanNumber<T> operator+(ScanNumber<T> a, ScanNumber<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
__device__ ScanNumber<T> operator*(ScanNumber<T> a, ScanNumber<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
__device__ ScanNumber<T> mirrored(ScanNumber<T> a, bool mirror) {
  return {a.re, mirror ? -a.im : a.im};
}
template <class T>
__device__ ScanNumber<T> shuffled(ScanNumber<T> a, int lane) {
  return {__shfl_sync(every_lane, a.re, lane), __shfl_sync(every_lane, a.im, lane)};
}

// --- powers of the modes ------------------------------------------------------------------------------------------

inline constexpr int scan_table_lanes = 0;   // a^{R j}, j < 32
inline constexpr int scan_table_warps = 32;  // a^{32 R 2^k}, k < 5
inline constexpr int scan_table_a = 37;
inline constexpr int scan_table_c = 38;  // 2 Re c, -2 Im c
inline constexpr int scan_table_size = 40;

template <class T>
struct ScanTable {
  static constexpr const char* name = "diag_scan_table";
  ScanNumber<T>* table;
  TensorView<const complex<double>, 2, Cuda> x, c;

  LONGWAVE_HD void operator()(index_t i) const {
    const int j = static_cast<int>(i % scan_table_size);
    const index_t mode = i / scan_table_size, h = mode / x.size(1), n = mode % x.size(1);
    complex<double> z;
    if (j == scan_table_c) {
      z = 2.0 * conj(c(h, n));
    } else if (j < scan_table_c) {
      constexpr int R = scan_run<T>;
      const int steps = j < scan_table_warps ? R * j : j < scan_table_a ? 32 * R << (j - scan_table_warps) : 1;
      const double limit = sizeof(T) == 4 ? 80 : 700;  // no infinity that would turn a zero state into NaN
      z = static_cast<double>(steps) * x(h, n);
      z = exp(complex<double>(z.re < limit ? z.re : limit, z.im));
    }
    table[i] = {static_cast<T>(z.re), static_cast<T>(z.im)};
  }
};

// --- where a lane is ----------------------------------------------------------------------------------------------

// Wide: the block has one sequence. Else a warp has 32 / P of them.
template <class T, bool Wide>
struct ScanPlace {
  static constexpr int R = scan_run<T>;

  int log_lanes, lane, warp, warps, p;  // p: the lane's number in its sequence and warp
  index_t sequences, sequence, b, h, L;
  bool exists;

  __device__ ScanPlace(index_t B, index_t H, index_t L_, int log_lanes_)
      : log_lanes(Wide ? 5 : log_lanes_),
        lane(threadIdx.x % 32),
        warp(threadIdx.x / 32),
        warps(blockDim.x / 32),
        p(lane & (lanes() - 1)),
        sequences(B * H),
        sequence(Wide ? index_t(blockIdx.x) : (blockIdx.x * index_t(warps) + warp) * groups() + (lane >> log_lanes)),
        L(L_) {
    exists = sequence < sequences;
    if (!exists) sequence = sequences - 1;
    b = sequence / H;
    h = sequence % H;
  }

  __device__ int lanes() const { return 1 << log_lanes; }
  __device__ int groups() const { return 32 >> log_lanes; }
  __device__ index_t warp_start(int tile) const { return Wide ? (tile * index_t(warps) + warp) * (32 * R) : 0; }
  __device__ index_t start(int tile) const { return warp_start(tile) + p * R; }
  __device__ int samples(int tile) const {  // of the lane's run
    const index_t left = exists ? L - start(tile) : 0;
    return left < 0 ? 0 : left > R ? R : static_cast<int>(left);
  }
  __device__ bool has_last_sample(int tile) const { return exists && start(tile) < L && L <= start(tile) + R; }

  // A warp's samples: neighbouring lanes read neighbouring samples, `room` turns them into runs.
  __device__ void load(T (&x)[R], T (*room)[R + 1], const TensorView<const T, 3, Cuda>& u, int tile) const {
    const T* row = u.data() + b * u.stride(0) + h * u.stride(1);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int at = i * 32 + lane, group = Wide ? 0 : at / R >> log_lanes;
      const index_t t = warp_start(tile) + (Wide ? at : at - (group << log_lanes) * R);
      const T* from = Wide ? row : row_of(row, group);
      room[at / R][at % R] = from != nullptr && t < L ? from[t * u.stride(2)] : T(0);
    }
    __syncwarp();
#pragma unroll
    for (int i = 0; i < R; ++i) x[i] = room[lane][i];
    __syncwarp();
  }

  __device__ void store(const TensorView<T, 3, Cuda>& y, T (*room)[R + 1], const T (&x)[R], int tile) const {
    T* row = y.data() + b * y.stride(0) + h * y.stride(1);
#pragma unroll
    for (int i = 0; i < R; ++i) room[lane][i] = x[i];
    __syncwarp();
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int at = i * 32 + lane, group = Wide ? 0 : at / R >> log_lanes;
      const index_t t = warp_start(tile) + (Wide ? at : at - (group << log_lanes) * R);
      T* to = Wide ? row : row_of(row, group);
      if (to != nullptr && t < L) to[t * y.stride(2)] = room[at / R][at % R];
    }
    __syncwarp();
  }

  __device__ ScanNumber<T> state(const TensorView<const T, 4, Cuda>& s, index_t n) const {
    if (s.data() == nullptr) return {};
    return {s(b, 0, n, h), s(b, 1, n, h)};
  }
  __device__ void set_state(const TensorView<T, 4, Cuda>& s, index_t n, ScanNumber<T> z) const {
    s(b, 0, n, h) = z.re;
    s(b, 1, n, h) = z.im;
  }

 private:
  // The row of the warp's group-th sequence, which its first lane knows.
  template <class U>
  __device__ U* row_of(U* row, int group) const {
    const auto own = exists ? reinterpret_cast<unsigned long long>(row) : 0ull;
    return reinterpret_cast<U*>(__shfl_sync(every_lane, own, group << log_lanes));
  }
};

// --- the scan -----------------------------------------------------------------------------------------------------

// Over the lanes of a warp's sequence, from the first lane on, or from the last one with conj(a): value[p] becomes what
// reaches the far side of run p, from runs of this warp only. Returns what reaches its near side.
template <bool Back, class T>
__device__ ScanNumber<T> scan_lanes(ScanNumber<T>& value, const ScanNumber<T>* table, int p, int log_lanes) {
  const int lane = threadIdx.x % 32, at = Back ? (1 << log_lanes) - 1 - p : p;
  const int sign = Back ? 1 : -1;
  for (int k = 0; k < log_lanes; ++k) {
    const int distance = 1 << k;
    const ScanNumber<T> other = shuffled(value, lane + sign * distance);
    if (at >= distance) value = value + mirrored(table[distance], Back) * other;
  }
  const ScanNumber<T> before = shuffled(value, lane + sign);
  return at > 0 ? before : ScanNumber<T>();
}

// What reaches each warp from the tile's near side, where `carry` comes in: lane k has that of the k-th warp in the
// scan's direction, lane `warps` what leaves the tile.
template <bool Back, class T>
__device__ ScanNumber<T> scan_warps_of_block(const ScanNumber<T>* totals, const ScanNumber<T>* table,
                                             ScanNumber<T> carry, int warps) {
  const int lane = threadIdx.x % 32;
  ScanNumber<T> value;
  if (lane == 0) value = carry;
  if (lane > 0 && lane <= warps) value = totals[Back ? warps - lane : lane - 1];
#pragma unroll
  for (int k = 0; k < 5; ++k) {
    const ScanNumber<T> other = shuffled(value, lane - (1 << k));
    if (lane >= 1 << k) value = value + mirrored(table[scan_table_warps + k], Back) * other;
  }
  return value;
}

// From what reaches a lane's near side within its warp to all that reaches it.
template <bool Back, class T>
__device__ ScanNumber<T> scan_start(ScanNumber<T> within, const ScanNumber<T>* table, ScanNumber<T> to_warp, int p,
                                    int log_lanes) {
  return within + mirrored(table[Back ? (1 << log_lanes) - 1 - p : p], Back) * to_warp;
}

template <class T>
__device__ void scan_step(ScanNumber<T>& s, ScanNumber<T> a, T u) {
  const T re = a.re * s.re + (u - a.im * s.im);
  s.im = a.re * s.im + a.im * s.re;
  s.re = re;
}

// --- forward ------------------------------------------------------------------------------------------------------

template <class T>
struct ScanForward {
  DiagonalOutputs<T, Cuda> out;
  DiagonalInputs<T, Cuda> in;
  const ScanNumber<T>* table;  // (H, N, scan_table_size)
  ScanNumber<T>* carry;        // (sequences, slots, N): states at tile starts; slots: 2 taking turns, or all tiles
  int log_lanes, tiles, slots;

  __device__ ScanNumber<T>& carry_of(index_t sequence, int tile, index_t n) const {
    return carry[(sequence * slots + tile % slots) * in.N() + n];
  }
};

// The state before each lane's run, for the modes n0 + k; the tile's end goes to the next tile's carry.
template <class T, bool Wide>
__device__ void scan_forward_starts(ScanNumber<T> (&start)[scan_group], const ScanForward<T>& f,
                                    const ScanPlace<T, Wide>& at, const T (&u)[scan_run<T>], ScanNumber<T>* totals,
                                    index_t n0, int tile) {
  const index_t N = f.in.N();
  ScanNumber<T> end[scan_group];
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    const ScanNumber<T>* table = f.table + (at.h * N + n0 + k) * scan_table_size;
    const ScanNumber<T> a = table[scan_table_a];
#pragma unroll
    for (int i = 0; i < scan_run<T>; ++i) scan_step(end[k], a, u[i]);
    start[k] = scan_lanes<false>(end[k], table, at.p, at.log_lanes);
    if (Wide && at.lane == 31) totals[k * at.warps + at.warp] = end[k];
  }
  if (Wide) __syncthreads();
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    const ScanNumber<T>* table = f.table + (at.h * N + n0 + k) * scan_table_size;
    ScanNumber<T> to_warp = tile == 0 ? at.state(f.in.state_in, n0 + k) : f.carry_of(at.sequence, tile, n0 + k);
    if (Wide) {
      const ScanNumber<T> all = scan_warps_of_block<false>(totals + k * at.warps, table, to_warp, at.warps);
      to_warp = shuffled(all, at.warp);
      if (at.warp == 0 && at.lane == at.warps && tile + 1 < f.tiles) f.carry_of(at.sequence, tile + 1, n0 + k) = all;
    }
    start[k] = scan_start<false>(start[k], table, to_warp, at.p, at.log_lanes);
  }
}

template <class T, bool Wide>
__global__ void __launch_bounds__(32 * (Wide ? scan_warps<T> : scan_narrow_warps))
    scan_forward_kernel(ScanForward<T> f) {
  constexpr int R = scan_run<T>, M = scan_group;
  extern __shared__ __align__(16) char shared_bytes[];
  const ScanPlace<T, Wide> at(f.in.B(), f.in.H(), f.in.L(), f.log_lanes);
  auto* totals = reinterpret_cast<ScanNumber<T>*>(shared_bytes);  // 2 (M, warps), taking turns
  auto* room = reinterpret_cast<T(*)[R + 1]>(totals + 2 * M * at.warps) + at.warp * 32;
  const index_t N = f.in.N();
  const T skip = f.in.skip_of(at.h);
  bool turn = false;
  for (int tile = 0; tile < f.tiles; ++tile) {
    T u[R], y[R];
    at.load(u, room, f.in.u, tile);
#pragma unroll
    for (int i = 0; i < R; ++i) y[i] = skip * u[i];
    for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
      ScanNumber<T> s[M];
      scan_forward_starts<T, Wide>(s, f, at, u, totals + (turn ? M * at.warps : 0), n0, tile);
#pragma unroll
      for (int k = 0; k < M; ++k) {
        if (n0 + k >= N) continue;
        const ScanNumber<T>* table = f.table + (at.h * N + n0 + k) * scan_table_size;
        const ScanNumber<T> a = table[scan_table_a], c = table[scan_table_c];
        if (wanted(f.out.state_out) && at.has_last_sample(tile)) {
          ScanNumber<T> last = s[k];
          const int m = at.samples(tile);
#pragma unroll
          for (int i = 0; i < R; ++i)
            if (i < m) scan_step(last, a, u[i]);
          at.set_state(f.out.state_out, n0 + k, last);
        }
#pragma unroll
        for (int i = 0; i < R; ++i) {
          scan_step(s[k], a, u[i]);
          y[i] += c.re * s[k].re + c.im * s[k].im;
        }
      }
    }
    at.store(f.out.y, room, y, tile);
  }
}

// --- backward -----------------------------------------------------------------------------------------------------

template <class T>
struct alignas(16) ScanModeSums {  // of one mode over some samples
  ScanNumber<T> da, dc;
};

template <class T>
struct ScanBackward {
  ScanForward<T> f;  // out is not used
  DiagonalGradients<T, Cuda> d;
  DiagonalCotangents<T, Cuda> from;
  ScanNumber<T>* carry;   // (sequences, 2, N): adjoints at tile ends
  ScanModeSums<T>* sums;  // (B parts, H, N): a part per tile and warp
  T* skip_sums;           // (B parts, H)
  int parts;

  __device__ ScanNumber<T>& carry_of(index_t sequence, int tile, index_t n) const {
    return carry[(sequence * 2 + tile % 2) * f.in.N() + n];
  }
};

// What flows into each lane's run from later samples, as scan_forward_starts; last[k]: dL/d(end state) in the lane that
// has the last sample.
template <class T, bool Wide>
__device__ void scan_backward_starts(ScanNumber<T> (&start)[scan_group], const ScanBackward<T>& g,
                                     const ScanPlace<T, Wide>& at, const T (&dy)[scan_run<T>],
                                     const ScanNumber<T> (&last)[scan_group], ScanNumber<T>* totals, index_t n0,
                                     int tile) {
  constexpr int R = scan_run<T>;
  const index_t N = g.f.in.N();
  const int m = at.samples(tile);
  ScanNumber<T> end[scan_group];
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    const ScanNumber<T>* table = g.f.table + (at.h * N + n0 + k) * scan_table_size;
    const ScanNumber<T> back = mirrored(table[scan_table_a], true), c = table[scan_table_c];
#pragma unroll
    for (int i = R - 1; i >= 0; --i) {
      end[k] = end[k] + ScanNumber<T>{c.re * dy[i], c.im * dy[i]};
      end[k] = back * end[k];
    }
    if (last[k].re != 0 || last[k].im != 0) {  // one lane
      ScanNumber<T> flow = last[k];
      for (int i = 0; i < m; ++i) flow = back * flow;
      end[k] = end[k] + flow;
    }
    start[k] = scan_lanes<true>(end[k], table, at.p, at.log_lanes);
    if (Wide && at.lane == 0) totals[k * at.warps + at.warp] = end[k];
  }
  if (Wide) __syncthreads();
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    if (!Wide) continue;  // nothing reaches a sequence's only warp
    const ScanNumber<T>* table = g.f.table + (at.h * N + n0 + k) * scan_table_size;
    ScanNumber<T> carry;
    if (tile + 1 < g.f.tiles) carry = g.carry_of(at.sequence, tile + 1, n0 + k);
    const ScanNumber<T> all = scan_warps_of_block<true>(totals + k * at.warps, table, carry, at.warps);
    if (at.warp == 0 && at.lane == at.warps) g.carry_of(at.sequence, tile, n0 + k) = all;
    start[k] = scan_start<true>(start[k], table, shuffled(all, at.warps - 1 - at.warp), at.p, at.log_lanes);
  }
}

// One mode over a lane's run: s is the state before it, q flows in after it; q becomes dL/d(state before it).
template <bool Ends, class T>
__device__ ScanModeSums<T> scan_run_backward(T (&du)[scan_run<T>], ScanNumber<T>& q, ScanNumber<T> s,
                                             const T (&u)[scan_run<T>], const T (&dy)[scan_run<T>], ScanNumber<T> a,
                                             ScanNumber<T> c, ScanNumber<T> last, int m) {
  constexpr int R = scan_run<T>;
  T after_re[R], after_im[R];
  ScanNumber<T> state = s;
#pragma unroll
  for (int i = 0; i < R; ++i) {
    scan_step(state, a, u[i]);
    after_re[i] = state.re;
    after_im[i] = state.im;
  }
  ScanModeSums<T> sum;
#pragma unroll
  for (int i = R - 1; i >= 0; --i) {
    if (Ends && i == m - 1) q = q + last;
    q.re += c.re * dy[i];
    q.im += c.im * dy[i];
    du[i] += q.re;
    sum.dc.re += dy[i] * after_re[i];
    sum.dc.im -= dy[i] * after_im[i];
    const T before_re = i > 0 ? after_re[i - 1] : s.re, before_im = i > 0 ? after_im[i - 1] : s.im;
    sum.da.re += before_re * q.re + before_im * q.im;
    sum.da.im += before_re * q.im - before_im * q.re;
    q = mirrored(a, true) * q;
  }
  return sum;
}

template <class T>
__device__ T sum_lanes(T value, int log_lanes) {
  for (int k = 0; k < log_lanes; ++k) value += __shfl_xor_sync(every_lane, value, 1 << k);
  return value;
}

template <class T, bool Wide, bool Ends>
__global__ void __launch_bounds__(32 * (Wide ? scan_warps<T> : scan_narrow_warps))
    scan_backward_kernel(ScanBackward<T> g) {
  constexpr int R = scan_run<T>, M = scan_group;
  static_assert(M == 2);
  extern __shared__ __align__(16) char shared_bytes[];
  const ScanForward<T>& f = g.f;
  const ScanPlace<T, Wide> at(f.in.B(), f.in.H(), f.in.L(), f.log_lanes);
  auto* totals = reinterpret_cast<ScanNumber<T>*>(shared_bytes);  // 4 (M, warps): two of each direction, taking turns
  auto* room = reinterpret_cast<T(*)[R + 1]>(totals + 4 * M * at.warps) + at.warp * 32;
  const index_t N = f.in.N(), H = f.in.H();
  const T skip = f.in.skip_of(at.h);
  bool turn = false;
  T u[R];
  for (int tile = 0; tile + 1 < f.tiles; ++tile) {  // states at tile starts
    at.load(u, room, f.in.u, tile);
    for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
      ScanNumber<T> s[M];
      scan_forward_starts<T, Wide>(s, f, at, u, totals + (turn ? 2 * M * at.warps : 0), n0, tile);
    }
  }
  for (int tile = f.tiles - 1; tile >= 0; --tile) {
    T dy[R], du[R], dskip = 0;
    at.load(u, room, f.in.u, tile);
    at.load(dy, room, g.from.dy, tile);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      du[i] = skip * dy[i];
      dskip += u[i] * dy[i];
    }
    const index_t part = (at.b * g.parts + tile * index_t(at.warps) + (Wide ? at.warp : 0)) * H + at.h;
    dskip = sum_lanes(dskip, at.log_lanes);
    if (at.exists && at.p == 0) g.skip_sums[part] = dskip;
    const bool ends_here = Ends && at.has_last_sample(tile);
    const int m = at.samples(tile);
    for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
      ScanNumber<T> s[M], q[M], last[M];
      ScanNumber<T>* room_of_turn = totals + (turn ? 2 * M * at.warps : 0);
#pragma unroll
      for (int k = 0; k < M; ++k)
        if (ends_here && n0 + k < N) last[k] = at.state(g.from.dstate_out, n0 + k);
      scan_forward_starts<T, Wide>(s, f, at, u, room_of_turn, n0, tile);
      scan_backward_starts<T, Wide>(q, g, at, dy, last, room_of_turn + M * at.warps, n0, tile);
#pragma unroll 1  // the states of one mode fill the registers
      for (int k = 0; k < M && n0 + k < N; ++k) {
        ScanNumber<T> before = k == 0 ? s[0] : s[1], after = k == 0 ? q[0] : q[1];
        if (m == 0) before = {};  // beyond the end, where a growing state could be infinite
        const ScanNumber<T>* table = f.table + (at.h * N + n0 + k) * scan_table_size;
        ScanModeSums<T> sum = scan_run_backward<Ends>(du, after, before, u, dy, table[scan_table_a],
                                                      table[scan_table_c], k == 0 ? last[0] : last[1], m);
        sum.da.re = sum_lanes(sum.da.re, at.log_lanes);
        sum.da.im = sum_lanes(sum.da.im, at.log_lanes);
        sum.dc.re = sum_lanes(sum.dc.re, at.log_lanes);
        sum.dc.im = sum_lanes(sum.dc.im, at.log_lanes);
        if (!at.exists || at.p != 0) continue;
        g.sums[part * N + n0 + k] = sum;
        if (wanted(g.d.dstate_in) && at.start(tile) == 0) at.set_state(g.d.dstate_in, n0 + k, after);
      }
    }
    if (wanted(g.d.du)) at.store(g.d.du, room, du, tile);
  }
}

// Rows (h, n), then (h) for D; columns: the parts of all entries.
template <class T>
struct ScanGradients {
  static constexpr const char* name = "diag_scan_gradients";
  DiagonalGradients<T, Cuda> d;
  TensorView<const complex<double>, 2, Cuda> x;
  const ScanModeSums<T>* sums;
  const T* skip_sums;

  LONGWAVE_HD Sums<4> operator()(index_t row, index_t part) const {
    const index_t H = x.size(0), modes = H * x.size(1);
    if (row >= modes) return {{static_cast<double>(skip_sums[part * H + row - modes]), 0, 0, 0}};
    const ScanModeSums<T>& s = sums[part * modes + row];
    return {{static_cast<double>(s.da.re), static_cast<double>(s.da.im), static_cast<double>(s.dc.re),
             static_cast<double>(s.dc.im)}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<4>& sum) const {
    const index_t N = x.size(1), modes = x.size(0) * N;
    if (row >= modes) {
      if (wanted(d.dskip)) d.dskip(row - modes) += static_cast<T>(sum.at[0]);
      return;
    }
    const index_t h = row / N, n = row % N;
    if (wanted(d.dx)) d.dx(h, n) = conj(exp(x(h, n))) * complex<double>(sum.at[0], sum.at[1]);
    if (wanted(d.dc)) d.dc(h, n) = {2 * sum.at[2], 2 * sum.at[3]};
  }
};

// --- launch -------------------------------------------------------------------------------------------------------

struct ScanShape {
  bool wide;
  int log_lanes = 5, warps = scan_narrow_warps, tiles = 1;
  unsigned blocks;

  template <class T>
  static ScanShape of(index_t sequences, index_t L) {
    constexpr index_t per_warp = 32 * scan_run<T>;
    ScanShape s;
    s.wide = L > per_warp;
    if (s.wide) {
      const index_t all = (L + per_warp - 1) / per_warp, tiles = (all + scan_warps<T> - 1) / scan_warps<T>;
      s.tiles = static_cast<int>(tiles);
      s.warps = static_cast<int>((all + tiles - 1) / tiles);
    } else {
      s.log_lanes = 0;
      while ((index_t(scan_run<T>) << s.log_lanes) < L) ++s.log_lanes;
    }
    s.blocks = blocks_for(sequences, s.wide ? 1 : s.warps * (32 >> s.log_lanes));
    return s;
  }
  template <class T>
  std::size_t shared_bytes(int totals) const {
    return static_cast<std::size_t>(warps) *
           (totals * scan_group * sizeof(ScanNumber<T>) + 32 * (scan_run<T> + 1) * sizeof(T));
  }
};

template <class T>
ScanForward<T> scan_arguments(ScratchOn<Cuda>& scratch, const DiagonalInputs<T, Cuda>& in, const ScanShape& shape,
                              int slots) {
  ScanForward<T> f{{}, in, nullptr, nullptr, shape.log_lanes, shape.tiles, slots};
  const index_t entries = in.H() * in.N() * scan_table_size;
  auto* table = scratch.template take<ScanNumber<T>>(entries);
  longwave::for_each_index<Cuda>(entries, ScanTable<T>{table, in.x, in.c});
  f.table = table;
  if (shape.tiles > 1) f.carry = scratch.template take<ScanNumber<T>>(in.B() * in.H() * slots * in.N());
  return f;
}

// No samples: states pass through.
template <class T>
void pass_state(TensorView<T, 4, Cuda> to, TensorView<const T, 4, Cuda> from) {
  if (!wanted(to)) return;
  if (from.data() != nullptr)
    longwave::copy(to, from);
  else
    longwave::detail::fill(to, T(0));
}

}  // namespace detail

template <class T>
void diag_scan_forward(const DiagonalOutputs<T, Cuda>& out, const DiagonalInputs<T, Cuda>& in) {
  if (in.L() == 0) return detail::pass_state(out.state_out, in.state_in);
  if (in.B() * in.H() == 0) return;
  ScratchOn<Cuda> scratch;
  const detail::ScanShape shape = detail::ScanShape::of<T>(in.B() * in.H(), in.L());
  detail::ScanForward<T> f = detail::scan_arguments(scratch, in, shape, 2);
  f.out = out;
  const std::size_t bytes = shape.shared_bytes<T>(2);
  if (shape.wide)
    detail::scan_forward_kernel<T, true><<<shape.blocks, 32 * shape.warps, bytes, stream_handle()>>>(f);
  else
    detail::scan_forward_kernel<T, false><<<shape.blocks, 32 * shape.warps, bytes, stream_handle()>>>(f);
  check_launch("scan_forward_kernel");
}

template <class T>
void diag_scan_backward(const DiagonalGradients<T, Cuda>& d, const DiagonalCotangents<T, Cuda>& from,
                        const DiagonalInputs<T, Cuda>& in) {
  if (in.L() == 0) detail::pass_state(d.dstate_in, from.dstate_out);
  const index_t B = in.B(), H = in.H(), N = in.N();
  ScratchOn<Cuda> scratch;
  detail::ScanGradients<T> gradients{d, in.x, nullptr, nullptr};
  index_t parts = 0;
  if (B * H * in.L() > 0) {
    const detail::ScanShape shape = detail::ScanShape::of<T>(B * H, in.L());
    parts = shape.wide ? shape.tiles * index_t(shape.warps) : 1;
    detail::ScanBackward<T> g{detail::scan_arguments(scratch, in, shape, shape.tiles),
                              d,
                              from,
                              nullptr,
                              nullptr,
                              nullptr,
                              static_cast<int>(parts)};
    if (shape.wide) g.carry = scratch.take<detail::ScanNumber<T>>(B * H * 2 * N);
    g.sums = scratch.take<detail::ScanModeSums<T>>(B * parts * H * N);
    g.skip_sums = scratch.take<T>(B * parts * H);
    gradients.sums = g.sums;
    gradients.skip_sums = g.skip_sums;
    const std::size_t bytes = shape.shared_bytes<T>(4);
    const auto start = [&](auto kernel) {
      kernel<<<shape.blocks, 32 * shape.warps, bytes, stream_handle()>>>(g);
      check_launch("scan_backward_kernel");
    };
    const bool ends = from.dstate_out.data() != nullptr;
    if (shape.wide)
      ends ? start(detail::scan_backward_kernel<T, true, true>) : start(detail::scan_backward_kernel<T, true, false>);
    else
      ends ? start(detail::scan_backward_kernel<T, false, true>) : start(detail::scan_backward_kernel<T, false, false>);
  }
  longwave::for_each_row<Cuda>(H * N + H, B * parts, gradients);
}

}  // namespace longwave::cuda
