// diag_scan_backward.cuh - the backward kernel of diag_scan.cuh, that of the ends of segments, and the sums of their
// parts.
#pragma once

#include "kernels/diag_scan_forward.cuh"
#include "longwave/core/each_row.hpp"

namespace longwave::cuda {

namespace detail {

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

}  // namespace detail
}  // namespace longwave::cuda
