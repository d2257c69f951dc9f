// diag_scan_forward.cuh - the forward kernel of diag_scan.cuh.
#pragma once

#include "kernels/diag_scan_lanes.cuh"

namespace longwave::cuda {

namespace detail {

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

}  // namespace detail
}  // namespace longwave::cuda
