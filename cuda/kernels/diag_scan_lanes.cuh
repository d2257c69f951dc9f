// diag_scan_lanes.cuh - what both directions of diag_scan.cuh share: powers of the modes, where a lane is, and the scan
// over lanes and warps.
#pragma once

#include <algorithm>

#include "kernels/launch.cuh"
#include "longwave/core/each.hpp"
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
  if constexpr (Wide) {
    if (powers.table == nullptr) {
      for (int i = threadIdx.x; i < static_cast<int>(entries); i += blockDim.x)
        own[i] = powers.entry(h, i / scan_table_size, i % scan_table_size);
      __syncthreads();
      return own;
    }
  }
  return powers.table + h * entries;
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

}  // namespace detail
}  // namespace longwave::cuda
