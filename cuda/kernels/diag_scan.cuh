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
//   L >  32 R   a block for each sequence, tiles of up to scan_warps 32 R samples one after the other; where there are
//               few sequences, up to 8 segments of each at once: a first kernel finds what a segment adds to the state
//
// Work per mode and sample: 10 operations forward, 30 backward, where the states of a run are kept in registers. Meant
// for few modes or short sequences: B = 10, H = 2, N = 4, L = 10000 takes 7 segments, 140 blocks of 96 threads. What is
// moved (0.8 MB) and computed (8 and 24 M operations) takes 1 us, so the steps of one block and the launches count.
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
inline constexpr int scan_warps = sizeof(T) == 4 ? 16 : 12;  // a block's at most: 128 or 168 registers per thread
inline constexpr int scan_narrow_warps = 4;  // of a block where warps have nothing to do with each other
inline constexpr int scan_group = 2;         // modes between two barriers
inline constexpr int scan_segments = 8;      // of a sequence, at most
inline constexpr int scan_own_table = 8;     // modes up to which few blocks make their own tables

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

// Entries of a mode: a^{R j}, j < 32, then
inline constexpr int scan_table_warps = 32;    // a^{32 R 2^k}, k < 5
inline constexpr int scan_table_a = 37;        // a
inline constexpr int scan_table_segment = 38;  // a^{samples of a segment}
inline constexpr int scan_table_c = 39;        // 2 Re c, -2 Im c
inline constexpr int scan_table_size = 40;

template <class T>
struct ScanTable {
  static constexpr const char* name = "diag_scan_table";
  ScanNumber<T>* table;  // (H, N, scan_table_size); nullptr where blocks make their own
  TensorView<const complex<double>, 2, Cuda> x, c;
  index_t segment;  // samples

  LONGWAVE_HD ScanNumber<T> entry(index_t h, index_t n, int j) const {
    complex<double> z;
    if (j == scan_table_c) {
      z = 2.0 * conj(c(h, n));
    } else {
      constexpr int R = scan_run<T>;
      const index_t steps = j < scan_table_warps     ? R * j
                            : j < scan_table_a       ? 32 * R << (j - scan_table_warps)
                            : j < scan_table_segment ? 1
                                                     : segment;
      const double limit = sizeof(T) == 4 ? 80 : 700;  // no infinity that would turn a zero state into NaN
      z = static_cast<double>(steps) * x(h, n);
      z = exp(complex<double>(z.re < limit ? z.re : limit, z.im));
    }
    return {static_cast<T>(z.re), static_cast<T>(z.im)};
  }
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t mode = i / scan_table_size;
    table[i] = entry(mode / x.size(1), mode % x.size(1), static_cast<int>(i % scan_table_size));
  }
};

// Those of feature h; `own` is room for them in shared memory.
template <bool Wide, class T>
__device__ const ScanNumber<T>* scan_tables(const ScanTable<T>& powers, ScanNumber<T>* own, index_t h) {
  const index_t entries = powers.x.size(1) * scan_table_size;
  if (!Wide || powers.table != nullptr) return powers.table + h * entries;
  for (int i = threadIdx.x; i < static_cast<int>(entries); i += blockDim.x)
    own[i] = powers.entry(h, i / scan_table_size, i % scan_table_size);
  __syncthreads();
  return own;
}

// --- where a lane is ----------------------------------------------------------------------------------------------

// How a launch cuts the sequences.
struct ScanCut {
  int log_lanes = 5, tiles = 1, segments = 1;  // lanes of a sequence in a warp; tiles of a segment
};

// Wide: the block has a segment of one sequence. Else a warp has 32 / P sequences.
template <class T, bool Wide>
struct ScanPlace {
  static constexpr int R = scan_run<T>;

  int log_lanes, lane, warp, warps, segment, tiles, p;  // p: the lane's number in its sequence and warp
  index_t sequence, b, h, L;
  bool exists = true;

  __device__ ScanPlace(index_t B, index_t H, index_t L_, ScanCut cut)
      : log_lanes(Wide ? 5 : cut.log_lanes),
        lane(threadIdx.x % 32),
        warp(threadIdx.x / 32),
        warps(blockDim.x / 32),
        segment(Wide ? blockIdx.x % cut.segments : 0),
        tiles(cut.tiles),
        p(lane & ((1 << log_lanes) - 1)),
        L(L_) {
    if (Wide) {
      sequence = blockIdx.x / cut.segments;
    } else {
      sequence = (blockIdx.x * index_t(warps) + warp) * (32 >> log_lanes) + (lane >> log_lanes);
      exists = sequence < B * H;
      if (!exists) sequence = B * H - 1;
    }
    b = sequence / H;
    h = sequence % H;
  }

  // Which of a sequence's parts of 32 R samples the warp has.
  __device__ index_t part(int tile) const { return Wide ? (segment * tiles + tile) * index_t(warps) + warp : 0; }
  __device__ index_t start(int tile) const { return part(tile) * (32 * R) + p * R; }
  __device__ int samples(int tile) const {  // of the lane's run
    const index_t left = exists ? L - start(tile) : 0;
    return left < 0 ? 0 : left > R ? R : static_cast<int>(left);
  }
  __device__ bool has_last_sample(int tile) const { return exists && start(tile) < L && L <= start(tile) + R; }

  // A warp's samples: neighbouring lanes read neighbouring samples, `room` turns them into runs.
  __device__ void load(T (&x)[R], T (*room)[R + 1], const TensorView<const T, 3, Cuda>& u, int tile) const {
    const T* row = u.data() + b * u.stride(0) + h * u.stride(1);
    each_sample(row, u.stride(2), tile,
                [&](const T* from, int run, int i) { room[run][i] = from != nullptr ? *from : T(0); });
    __syncwarp();
#pragma unroll
    for (int i = 0; i < R; ++i) x[i] = room[lane][i];
    __syncwarp();
  }
  __device__ void store(const TensorView<T, 3, Cuda>& y, T (*room)[R + 1], const T (&x)[R], int tile) const {
#pragma unroll
    for (int i = 0; i < R; ++i) room[lane][i] = x[i];
    __syncwarp();
    T* row = y.data() + b * y.stride(0) + h * y.stride(1);
    each_sample(row, y.stride(2), tile, [&](T* to, int run, int i) {
      if (to != nullptr) *to = room[run][i];
    });
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
  // f(sample, its run, its number there) for samples 32 apart; nullptr beyond the end.
  template <class U, class F>
  __device__ void each_sample(U* row, index_t stride, int tile, F f) const {
    const index_t first = part(tile) * (32 * R), rest = L - first;
    const int left = rest < 32 * R ? static_cast<int>(rest) : 32 * R;
    U* from = row + (first + lane) * stride;
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const unsigned at = i * 32 + lane;
      if (Wide) {
        f(static_cast<int>(at) < left ? from + i * 32 * stride : nullptr, at / R, at % R);
      } else {
        const int group = at / R >> log_lanes, t = at - (group << log_lanes) * R;
        U* of_group = row_of(row, group);
        f(of_group != nullptr && t < L ? of_group + t * stride : nullptr, at / R, at % R);
      }
    }
  }
  // The row of the warp's group-th sequence, which its first lane knows.
  template <class U>
  __device__ U* row_of(U* row, int group) const {
    const auto own = exists ? reinterpret_cast<unsigned long long>(row) : 0ull;
    return reinterpret_cast<U*>(__shfl_sync(every_lane, own, group << log_lanes));
  }
};

// Shared memory of a block: its tables, two totals (M, warps) of each direction, taking turns, and a room per warp.
template <class T>
struct ScanRoom {
  ScanNumber<T>*tables, *totals;
  T (*room)[scan_run<T> + 1];

  __device__ ScanRoom(char* bytes, bool own_tables, index_t N, int directions)
      : tables(reinterpret_cast<ScanNumber<T>*>(bytes)), totals(tables + (own_tables ? N * scan_table_size : 0)) {
    const int warps = blockDim.x / 32;
    room = reinterpret_cast<T(*)[scan_run<T> + 1]>(totals + 2 * directions * scan_group * warps);
    room += threadIdx.x / 32 * 32;
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
__device__ ScanNumber<T> scan_block(const ScanNumber<T>* totals, const ScanNumber<T>* table, ScanNumber<T> carry,
                                    int warps) {
  const int lane = threadIdx.x % 32;
  ScanNumber<T> value;
  if (lane == 0) value = carry;
  if (lane > 0 && lane <= warps) value = totals[Back ? warps - lane : lane - 1];
  for (int k = 0; 1 << k <= warps; ++k) {
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

// What reaches a segment in the scan's direction: `first` from outside and what the segments before it add.
template <bool Back, class T, bool Wide>
__device__ ScanNumber<T> scan_into_segment(ScanNumber<T> first, const ScanNumber<T>* ends, int segments,
                                           const ScanPlace<T, Wide>& at, const ScanNumber<T>* table, index_t n,
                                           index_t N) {
  const int before = Back ? segments - 1 - at.segment : at.segment;
  if (!Wide || before == 0) return first;
  ScanNumber<T> parts[scan_segments];
#pragma unroll
  for (int j = 0; j < scan_segments; ++j)
    if (j < before) parts[j] = ends[(at.sequence * segments + (Back ? segments - 1 - j : j)) * N + n];
  const ScanNumber<T> power = mirrored(table[scan_table_segment], Back);
#pragma unroll
  for (int j = 0; j < scan_segments; ++j)
    if (j < before) first = power * first + parts[j];
  return first;
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
  ScanTable<T> powers;
  ScanNumber<T>* carry;  // (blocks, slots, N): states at tile starts; slots: 2 taking turns, or all tiles
  ScanNumber<T>* ends;   // (blocks, N): what a segment adds to the state after it
  ScanCut cut;
  int slots;

  __device__ ScanNumber<T>& carry_of(int tile, index_t n) const {
    return carry[(blockIdx.x * index_t(slots) + tile % slots) * in.N() + n];
  }
};

// The state before each lane's run, for the modes n0 + k; a tile's end goes to the next one's carry. Alone: from a zero
// state at the segment's start, for its own end.
template <bool Alone, class T, bool Wide>
__device__ void scan_forward_starts(ScanNumber<T> (&start)[scan_group], const ScanForward<T>& f,
                                    const ScanPlace<T, Wide>& at, const ScanNumber<T>* tables,
                                    const T (&u)[scan_run<T>], ScanNumber<T>* totals, index_t n0, int tile) {
  const index_t N = f.in.N();
  ScanNumber<T> end[scan_group];
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    const ScanNumber<T>* table = tables + (n0 + k) * scan_table_size;
    const ScanNumber<T> a = table[scan_table_a];
#pragma unroll
    for (int i = 0; i < scan_run<T>; ++i) scan_step(end[k], a, u[i]);
    start[k] = scan_lanes<false>(end[k], table, at.p, at.log_lanes);
    if (Wide && at.lane == 31) totals[k * at.warps + at.warp] = end[k];
  }
  if (Wide) __syncthreads();
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    const index_t n = n0 + k;
    if (n >= N) continue;
    const ScanNumber<T>* table = tables + n * scan_table_size;
    ScanNumber<T> to_warp;
    if (tile > 0)
      to_warp = f.carry_of(tile, n);
    else if (!Alone)
      to_warp = scan_into_segment<false>(at.state(f.in.state_in, n), f.ends, f.cut.segments, at, table, n, N);
    if (Wide) {
      const ScanNumber<T> all = scan_block<false>(totals + k * at.warps, table, to_warp, at.warps);
      to_warp = shuffled(all, at.warp);
      const bool writes = at.warp == 0 && at.lane == at.warps, last = tile + 1 == f.cut.tiles;
      if (writes && !last) f.carry_of(tile + 1, n) = all;
      if (Alone && writes && last) f.ends[blockIdx.x * N + n] = all;
    }
    start[k] = scan_start<false>(start[k], table, to_warp, at.p, at.log_lanes);
  }
}

template <class T, bool Wide>
__global__ void __launch_bounds__(32 * (Wide ? scan_warps<T> : scan_narrow_warps))
    scan_forward_kernel(ScanForward<T> f) {
  constexpr int R = scan_run<T>, M = scan_group;
  extern __shared__ __align__(16) char shared_bytes[];
  const ScanPlace<T, Wide> at(f.in.B(), f.in.H(), f.in.L(), f.cut);
  const index_t N = f.in.N();
  const ScanRoom<T> shared(shared_bytes, f.powers.table == nullptr, N, 1);
  const ScanNumber<T>* tables = scan_tables<Wide>(f.powers, shared.tables, at.h);
  const T skip = f.in.skip_of(at.h);
  bool turn = false;
  for (int tile = 0; tile < f.cut.tiles; ++tile) {
    T u[R], y[R];
    at.load(u, shared.room, f.in.u, tile);
#pragma unroll
    for (int i = 0; i < R; ++i) y[i] = skip * u[i];
    for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
      ScanNumber<T> s[M];
      scan_forward_starts<false>(s, f, at, tables, u, shared.totals + (turn ? M * at.warps : 0), n0, tile);
#pragma unroll
      for (int k = 0; k < M; ++k) {
        if (n0 + k >= N) continue;
        const ScanNumber<T>* table = tables + (n0 + k) * scan_table_size;
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
    at.store(f.out.y, shared.room, y, tile);
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
  ScanNumber<T>* carry;   // (blocks, 2, N): adjoints at tile ends
  ScanNumber<T>* ends;    // (blocks, N): what a segment adds to the adjoint before it
  ScanModeSums<T>* sums;  // (B parts, H, N): a part per warp and tile
  T* skip_sums;           // (B parts, H)
  int parts;

  __device__ ScanNumber<T>& carry_of(int tile, index_t n) const {
    return carry[(blockIdx.x * index_t(2) + tile % 2) * f.in.N() + n];
  }
};

// dL/d(end state) for the modes n0 + k, in the lane that has the last sample.
template <class T, bool Wide>
__device__ void scan_last(ScanNumber<T> (&last)[scan_group], const ScanBackward<T>& g, const ScanPlace<T, Wide>& at,
                          index_t n0, int tile) {
  if (g.from.dstate_out.data() == nullptr || !at.has_last_sample(tile)) return;
#pragma unroll
  for (int k = 0; k < scan_group; ++k)
    if (n0 + k < g.f.in.N()) last[k] = at.state(g.from.dstate_out, n0 + k);
}

// What flows into each lane's run from later samples, as scan_forward_starts.
template <bool Alone, class T, bool Wide>
__device__ void scan_backward_starts(ScanNumber<T> (&start)[scan_group], const ScanBackward<T>& g,
                                     const ScanPlace<T, Wide>& at, const ScanNumber<T>* tables,
                                     const T (&dy)[scan_run<T>], const ScanNumber<T> (&last)[scan_group],
                                     ScanNumber<T>* totals, index_t n0, int tile) {
  const index_t N = g.f.in.N();
  const int m = at.samples(tile);
  ScanNumber<T> end[scan_group];
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    if (n0 + k >= N) continue;
    const ScanNumber<T>* table = tables + (n0 + k) * scan_table_size;
    const ScanNumber<T> back = mirrored(table[scan_table_a], true), c = table[scan_table_c];
#pragma unroll
    for (int i = scan_run<T> - 1; i >= 0; --i) {
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
  if (!Wide) return;  // nothing reaches a sequence's only warp
  __syncthreads();
#pragma unroll
  for (int k = 0; k < scan_group; ++k) {
    const index_t n = n0 + k;
    if (n >= N) continue;
    const ScanNumber<T>* table = tables + n * scan_table_size;
    ScanNumber<T> carry;
    if (tile + 1 < g.f.cut.tiles)
      carry = g.carry_of(tile + 1, n);
    else if (!Alone)
      carry = scan_into_segment<true>(carry, g.ends, g.f.cut.segments, at, table, n, N);
    const ScanNumber<T> all = scan_block<true>(totals + k * at.warps, table, carry, at.warps);
    const bool writes = at.warp == 0 && at.lane == at.warps;
    if (writes && tile > 0) g.carry_of(tile, n) = all;
    if (Alone && writes && tile == 0) g.ends[blockIdx.x * N + n] = all;
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

// States at the starts of a segment's tiles, the first `tiles` of them read.
template <bool Alone, class T>
__device__ void scan_sweep(const ScanForward<T>& f, const ScanPlace<T, true>& at, const ScanRoom<T>& shared,
                           const ScanNumber<T>* tables, int tiles, int turn_pitch, bool& turn) {
  T u[scan_run<T>];
  for (int tile = 0; tile < tiles; ++tile) {
    at.load(u, shared.room, f.in.u, tile);
    for (index_t n0 = 0; n0 < f.in.N(); n0 += scan_group, turn = !turn) {
      ScanNumber<T> s[scan_group];
      scan_forward_starts<Alone>(s, f, at, tables, u, shared.totals + (turn ? turn_pitch : 0), n0, tile);
    }
  }
}

// What each segment adds to the state after it and, with Back, to the adjoint before it.
template <class T, bool Back>
__global__ void __launch_bounds__(32 * scan_warps<T>) scan_ends_kernel(ScanBackward<T> g) {
  constexpr int M = scan_group;
  extern __shared__ __align__(16) char shared_bytes[];
  const ScanForward<T>& f = g.f;
  const ScanPlace<T, true> at(f.in.B(), f.in.H(), f.in.L(), f.cut);
  const index_t N = f.in.N();
  const ScanRoom<T> shared(shared_bytes, f.powers.table == nullptr, N, 1);
  const ScanNumber<T>* tables = scan_tables<true>(f.powers, shared.tables, at.h);
  bool turn = false;
  if (at.segment + 1 < f.cut.segments) scan_sweep<true>(f, at, shared, tables, f.cut.tiles, M * at.warps, turn);
  if constexpr (Back) {
    if (at.segment == 0) return;
    for (int tile = f.cut.tiles - 1; tile >= 0; --tile) {
      T dy[scan_run<T>];
      at.load(dy, shared.room, g.from.dy, tile);
      for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
        ScanNumber<T> q[M], last[M];
        scan_last(last, g, at, n0, tile);
        scan_backward_starts<true>(q, g, at, tables, dy, last, shared.totals + (turn ? M * at.warps : 0), n0, tile);
      }
    }
  }
}

template <class T, bool Wide, bool Ends>
__global__ void __launch_bounds__(32 * (Wide ? scan_warps<T> : scan_narrow_warps))
    scan_backward_kernel(ScanBackward<T> g) {
  constexpr int R = scan_run<T>, M = scan_group;
  static_assert(M == 2);
  extern __shared__ __align__(16) char shared_bytes[];
  const ScanForward<T>& f = g.f;
  const ScanPlace<T, Wide> at(f.in.B(), f.in.H(), f.in.L(), f.cut);
  const index_t N = f.in.N(), H = f.in.H();
  const ScanRoom<T> shared(shared_bytes, f.powers.table == nullptr, N, 2);
  const ScanNumber<T>* tables = scan_tables<Wide>(f.powers, shared.tables, at.h);
  const T skip = f.in.skip_of(at.h);
  bool turn = false;
  if constexpr (Wide) scan_sweep<false>(f, at, shared, tables, f.cut.tiles - 1, 2 * M * at.warps, turn);
  for (int tile = f.cut.tiles - 1; tile >= 0; --tile) {
    T u[R], dy[R], du[R], dskip = 0;
    at.load(u, shared.room, f.in.u, tile);
    at.load(dy, shared.room, g.from.dy, tile);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      du[i] = skip * dy[i];
      dskip += u[i] * dy[i];
    }
    const index_t part = (at.b * g.parts + at.part(tile)) * H + at.h;
    dskip = sum_lanes(dskip, at.log_lanes);
    if (at.exists && at.p == 0) g.skip_sums[part] = dskip;
    const int m = at.samples(tile);
    for (index_t n0 = 0; n0 < N; n0 += M, turn = !turn) {
      ScanNumber<T> s[M], q[M], last[M];
      ScanNumber<T>* totals = shared.totals + (turn ? 2 * M * at.warps : 0);
      if (Ends) scan_last(last, g, at, n0, tile);
      scan_forward_starts<false>(s, f, at, tables, u, totals, n0, tile);
      scan_backward_starts<false>(q, g, at, tables, dy, last, totals + M * at.warps, n0, tile);
#pragma unroll 1  // the states of one mode fill the registers
      for (int k = 0; k < M && n0 + k < N; ++k) {
        ScanNumber<T> before = k == 0 ? s[0] : s[1], after = k == 0 ? q[0] : q[1];
        if (m == 0) before = {};  // beyond the end, where a growing state could be infinite
        const ScanNumber<T>* table = tables + (n0 + k) * scan_table_size;
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
    if (wanted(g.d.du)) at.store(g.d.du, shared.room, du, tile);
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

inline constexpr index_t scan_enough_blocks = 132;  // one for each multiprocessor of an H100

struct ScanShape {
  bool wide;
  ScanCut cut;
  int warps = scan_narrow_warps;
  index_t segment_samples = 0;
  unsigned blocks;

  template <class T>
  static ScanShape of(index_t sequences, index_t L) {
    constexpr index_t per_warp = 32 * scan_run<T>;
    const auto pieces = [](index_t all, index_t size) { return (all + size - 1) / size; };
    ScanShape s;
    s.wide = L > per_warp;
    if (!s.wide) {
      s.cut.log_lanes = 0;
      while ((index_t(scan_run<T>) << s.cut.log_lanes) < L) ++s.cut.log_lanes;
      s.blocks = blocks_for(sequences, s.warps * (32 >> s.cut.log_lanes));
      return s;
    }
    const index_t all = pieces(L, per_warp), most = std::min<index_t>(scan_segments, pieces(all, 2));
    const index_t segments =
        2 * sequences > scan_enough_blocks ? 1 : std::min(most, scan_enough_blocks / sequences + 1);
    const index_t of_segment = pieces(all, segments), tiles = pieces(of_segment, scan_warps<T>);
    s.warps = static_cast<int>(pieces(of_segment, tiles));
    s.segment_samples = tiles * s.warps * per_warp;
    s.cut.tiles = static_cast<int>(tiles);
    s.cut.segments = static_cast<int>(pieces(L, s.segment_samples));
    s.blocks = blocks_for(sequences * s.cut.segments, 1);
    return s;
  }
  bool own_tables(index_t N) const { return wide && N <= scan_own_table && blocks <= 4 * scan_enough_blocks; }

  template <class T>
  std::size_t shared_bytes(int directions, index_t N) const {
    const index_t tables = own_tables(N) ? N * scan_table_size : 0, totals = 2 * directions * scan_group * warps;
    const std::size_t rooms = static_cast<std::size_t>(warps) * 32 * (scan_run<T> + 1) * sizeof(T);
    return static_cast<std::size_t>(tables + totals) * sizeof(ScanNumber<T>) + rooms;
  }
  template <class Kernel, class Arguments>
  void start(const char* name, Kernel kernel, std::size_t bytes, const Arguments& arguments) const {
    kernel<<<blocks, 32 * warps, bytes, stream_handle()>>>(arguments);
    check_launch(name);
  }
};

template <class T>
ScanForward<T> scan_arguments(ScratchOn<Cuda>& scratch, const DiagonalInputs<T, Cuda>& in, const ScanShape& shape,
                              int slots) {
  ScanForward<T> f{{}, in, {nullptr, in.x, in.c, shape.segment_samples}, nullptr, nullptr, shape.cut, slots};
  const index_t N = in.N();
  if (!shape.own_tables(N)) {
    const index_t entries = in.H() * N * scan_table_size;
    f.powers.table = scratch.template take<ScanNumber<T>>(std::max<index_t>(entries, 1));
    longwave::for_each_index<Cuda>(entries, f.powers);
  }
  if (shape.cut.tiles > 1) f.carry = scratch.template take<ScanNumber<T>>(shape.blocks * index_t(slots) * N);
  if (shape.cut.segments > 1) f.ends = scratch.template take<ScanNumber<T>>(shape.blocks * N);
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
  const std::size_t bytes = shape.shared_bytes<T>(1, in.N());
  if (shape.cut.segments > 1) {
    detail::ScanBackward<T> g{};
    g.f = f;
    shape.start("scan_ends_kernel", detail::scan_ends_kernel<T, false>, bytes, g);
  }
  if (shape.wide)
    shape.start("scan_forward_kernel", detail::scan_forward_kernel<T, true>, bytes, f);
  else
    shape.start("scan_forward_kernel", detail::scan_forward_kernel<T, false>, bytes, f);
}

template <class T>
void diag_scan_backward(const DiagonalGradients<T, Cuda>& d, const DiagonalCotangents<T, Cuda>& from,
                        const DiagonalInputs<T, Cuda>& in) {
  using detail::scan_backward_kernel, detail::ScanNumber;
  if (in.L() == 0) detail::pass_state(d.dstate_in, from.dstate_out);
  const index_t B = in.B(), H = in.H(), N = in.N();
  ScratchOn<Cuda> scratch;
  detail::ScanGradients<T> gradients{d, in.x, nullptr, nullptr};
  index_t parts = 0;
  if (B * H * in.L() > 0) {
    const detail::ScanShape shape = detail::ScanShape::of<T>(B * H, in.L());
    parts = shape.wide ? shape.cut.segments * index_t(shape.cut.tiles) * shape.warps : 1;
    detail::ScanBackward<T> g{};
    g.f = detail::scan_arguments(scratch, in, shape, shape.cut.tiles);
    g.d = d;
    g.from = from;
    g.parts = static_cast<int>(parts);
    if (shape.cut.tiles > 1) g.carry = scratch.take<ScanNumber<T>>(shape.blocks * index_t(2) * N);
    if (shape.cut.segments > 1) g.ends = scratch.take<ScanNumber<T>>(shape.blocks * N);
    gradients.sums = g.sums = scratch.take<detail::ScanModeSums<T>>(B * parts * H * N);
    gradients.skip_sums = g.skip_sums = scratch.take<T>(B * parts * H);
    if (shape.cut.segments > 1)
      shape.start("scan_ends_kernel", detail::scan_ends_kernel<T, true>, shape.shared_bytes<T>(1, N), g);
    const std::size_t bytes = shape.shared_bytes<T>(2, N);
    const bool ends = from.dstate_out.data() != nullptr;
    const auto start = [&](auto kernel) { shape.start("scan_backward_kernel", kernel, bytes, g); };
    if (shape.wide)
      ends ? start(scan_backward_kernel<T, true, true>) : start(scan_backward_kernel<T, true, false>);
    else
      ends ? start(scan_backward_kernel<T, false, true>) : start(scan_backward_kernel<T, false, false>);
  }
  longwave::for_each_row<Cuda>(H * N + H, B * parts, gradients);
}

}  // namespace longwave::cuda
