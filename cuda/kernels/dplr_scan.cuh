// dplr_scan.cuh - S4's recurrence (state_space/dplr_scan.hpp) on the device, in double: the state after a sequence and
// the gradients of what it comes from.
//
//   next = F s - sum_r G_r 2 Re(w_r . s) + b u        u (B, H, L), states (B, 2, N, H), F, b (H, N), G, w (R, H, N)
//
// A warp owns a row (b, h), its lanes the modes, J each in registers; a step waits for the sums over lanes, 5 exchanges
// of some 30 cycles: 16384 steps are 2 ms, for one row as for the 8192 that the chip holds. Backward keeps the state of
// every 64th step, runs a segment again into working memory and then back; gradients of the step are those of each row,
// added over b in order. Working memory is that of the warps that run at once, 16 N (L / 64 + 64) bytes each.
#pragma once

#include "kernels/launch.cuh"
#include "kernels/map.cuh"
#include "longwave/cuda/dplr.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int scan_warps = 4;           // of a block
inline constexpr index_t scan_at_once = 4096;  // warps of the backward pass
inline constexpr index_t scan_segment = 64;    // steps
inline constexpr unsigned all_lanes = 0xffffffffu;

using mode = complex<double>;

__device__ inline double lanes_sum(double x) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(all_lanes, x, step);
  return x;
}

// A row's modes lane, lane + 32, .. and its recurrence. R: rank, or 0 for any, then G and w stay in memory.
template <int J, int Rank>
struct DplrScanLane {
  static constexpr int kept = Rank > 0 ? Rank : 1;
  const DplrStepOn<Cuda>& step;
  index_t h, N;
  int lane, R;
  mode F[J], b[J], G_kept[kept][J], w_kept[kept][J];

  __device__ DplrScanLane(const DplrStepOn<Cuda>& step_, index_t h_)
      : step(step_), h(h_), N(step_.F.size(1)), lane(threadIdx.x % 32), R(static_cast<int>(step_.G.size(0))) {
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j) {
      F[j] = has(j) ? step.F(h, at(j)) : mode(0);
      b[j] = has(j) ? step.b(h, at(j)) : mode(0);
#pragma unroll
      for (int r = 0; r < Rank; ++r) {
        G_kept[r][j] = has(j) ? step.G(r, h, at(j)) : mode(0);
        w_kept[r][j] = has(j) ? step.w(r, h, at(j)) : mode(0);
      }
    }
  }

  __device__ index_t at(int j) const { return lane + 32 * index_t(j); }
  __device__ bool has(int j) const { return at(j) < N; }
  __device__ int rank() const { return Rank > 0 ? Rank : R; }
  __device__ mode G(int r, int j) const {
    if constexpr (Rank > 0) return G_kept[r][j];
    return has(j) ? step.G(r, h, at(j)) : mode(0);
  }
  __device__ mode w(int r, int j) const {
    if constexpr (Rank > 0) return w_kept[r][j];
    return has(j) ? step.w(r, h, at(j)) : mode(0);
  }

  template <class T>
  __device__ void load(mode (&s)[J], TensorView<const T, 4, Cuda> state, index_t row) const {
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j)
      s[j] = state.data() != nullptr && has(j)
                 ? mode(static_cast<double>(state(row, 0, at(j), h)), static_cast<double>(state(row, 1, at(j), h)))
                 : mode(0);
  }

  // 2 Re(w_r . s)
  __device__ double project(int r, const mode (&s)[J]) const {
    double sum = 0;
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j) sum += w(r, j).re * s[j].re - w(r, j).im * s[j].im;
    return 2 * lanes_sum(sum);
  }

  __device__ void advance(mode (&s)[J], double u) const {
    mode next[J];
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j) next[j] = F[j] * s[j] + u * b[j];
#pragma unroll(Rank > 0 ? Rank : 1)
    for (int r = 0; r < rank(); ++r) {
      const double rho = project(r, s);
#pragma unroll(J <= 4 ? J : 1)
      for (int j = 0; j < J; ++j) next[j] -= rho * G(r, j);
    }
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j) s[j] = next[j];
  }
};

// The inputs of 32 steps from l on, one per lane.
template <class T>
__device__ double scan_inputs(TensorView<const T, 3, Cuda> u, index_t b, index_t h, index_t l) {
  const index_t at = l + threadIdx.x % 32;
  return at < u.size(2) ? static_cast<double>(u(b, h, at)) : 0.0;
}

template <class T>
struct DplrScanForward {
  TensorView<T, 4, Cuda> state_out;
  TensorView<const T, 3, Cuda> u;
  DplrStepOn<Cuda> step;
  TensorView<const T, 4, Cuda> state_in;
};

template <class T, int J, int Rank>
__global__ void __launch_bounds__(32 * scan_warps) dplr_scan_kernel(DplrScanForward<T> p) {
  const index_t row = blockIdx.x * index_t(scan_warps) + threadIdx.x / 32, H = p.step.F.size(0), L = p.u.size(2);
  if (row >= p.u.size(0) * H) return;
  const index_t batch = row / H, h = row % H;
  const DplrScanLane<J, Rank> lane(p.step, h);
  mode s[J];
  lane.load(s, p.state_in, batch);
  double next = scan_inputs(p.u, batch, h, 0);
  for (index_t l0 = 0; l0 < L; l0 += 32) {
    const double now = next;
    next = scan_inputs(p.u, batch, h, l0 + 32);
    const int count = static_cast<int>(L - l0 < 32 ? L - l0 : 32);
    for (int i = 0; i < count; ++i) lane.advance(s, __shfl_sync(all_lanes, now, i));
  }
#pragma unroll(J <= 4 ? J : 1)
  for (int j = 0; j < J; ++j) {
    if (!lane.has(j)) continue;
    p.state_out(batch, 0, lane.at(j), h) = static_cast<T>(s[j].re);
    p.state_out(batch, 1, lane.at(j), h) = static_cast<T>(s[j].im);
  }
}

template <class T>
struct DplrScanBackward {
  TensorView<T, 3, Cuda> du;         // added to
  TensorView<T, 4, Cuda> dstate_in;  // added to
  TensorView<const T, 4, Cuda> dstate_out;
  TensorView<const T, 3, Cuda> u;
  DplrStepOn<Cuda> step;
  TensorView<const T, 4, Cuda> state_in;
  mode* states;   // (warps, segments + scan_segment, N)
  mode* partial;  // (2 + 2 R, B, H, N): gradients of F, b, G_r, w_r
  index_t warps;
};

// One row: its gradients of the step are summed in `sums` (F, b, then G and w in memory).
template <class T, int J, int Rank>
__device__ void dplr_scan_row_backward(const DplrScanBackward<T>& p, const DplrScanLane<J, Rank>& lane, index_t batch,
                                       mode* marks, mode* states) {
  const index_t H = p.step.F.size(0), N = lane.N, L = p.u.size(2), h = lane.h, rows = p.u.size(0) * H;
  const index_t segments = (L + scan_segment - 1) / scan_segment;
  mode s[J], g[J], dF[J], db[J], dG[DplrScanLane<J, Rank>::kept][J], dw[DplrScanLane<J, Rank>::kept][J];
  mode* const out = p.partial + (batch * H + h) * N;
  const auto slot = [&](int i, int j) -> mode& { return out[i * rows * N + lane.at(j)]; };
#pragma unroll(J <= 4 ? J : 1)
  for (int j = 0; j < J; ++j) {
    dF[j] = db[j] = mode(0);
#pragma unroll
    for (int r = 0; r < Rank; ++r) dG[r][j] = dw[r][j] = mode(0);
    if (Rank == 0 && lane.has(j))
      for (int i = 2; i < 2 + 2 * lane.rank(); ++i) slot(i, j) = mode(0);
  }
  const auto keep = [&](mode* to) {
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j)
      if (lane.has(j)) to[lane.at(j)] = s[j];
  };
  const auto fetch = [&](const mode* from) {
#pragma unroll(J <= 4 ? J : 1)
    for (int j = 0; j < J; ++j) s[j] = lane.has(j) ? from[lane.at(j)] : mode(0);
  };
  lane.load(s, p.state_in, batch);
  for (index_t segment = 0; segment < segments; ++segment) {
    keep(marks + segment * N);
    if (segment + 1 == segments) break;
    for (index_t l0 = segment * scan_segment; l0 < (segment + 1) * scan_segment; l0 += 32) {
      const double now = scan_inputs(p.u, batch, h, l0);
      for (int i = 0; i < 32; ++i) lane.advance(s, __shfl_sync(all_lanes, now, i));
    }
  }
  lane.load(g, p.dstate_out, batch);
  for (index_t segment = segments; segment-- > 0;) {
    const index_t begin = segment * scan_segment;
    const int count = static_cast<int>(L - begin < scan_segment ? L - begin : scan_segment);
    double in[scan_segment / 32];
#pragma unroll
    for (int i = 0; i < scan_segment / 32; ++i) in[i] = scan_inputs(p.u, batch, h, begin + 32 * i);
    const auto input = [&](int i) { return __shfl_sync(all_lanes, i < 32 ? in[0] : in[1], i % 32); };
    static_assert(scan_segment == 64);
    fetch(marks + segment * N);
    for (int i = 0; i < count; ++i) {
      keep(states + i * N);
      if (i + 1 < count) lane.advance(s, input(i));
    }
    for (int i = count; i-- > 0;) {
      fetch(states + i * N);
      const double u = input(i);
      double to_u = 0;
      mode before[J];
#pragma unroll(J <= 4 ? J : 1)
      for (int j = 0; j < J; ++j) {
        to_u += (conj(lane.b[j]) * g[j]).re;
        db[j] += u * g[j];
        dF[j] += g[j] * conj(s[j]);
        before[j] = conj(lane.F[j]) * g[j];
      }
#pragma unroll(Rank > 0 ? Rank : 1)
      for (int r = 0; r < lane.rank(); ++r) {
        const double rho = lane.project(r, s);
        double drho = 0;
#pragma unroll(J <= 4 ? J : 1)
        for (int j = 0; j < J; ++j) drho -= 2 * (conj(lane.G(r, j)) * g[j]).re;
        drho = lanes_sum(drho);
#pragma unroll(J <= 4 ? J : 1)
        for (int j = 0; j < J; ++j) {
          const mode to_G = -(rho * g[j]), to_w = drho * conj(s[j]);
          before[j] += drho * conj(lane.w(r, j));
          if constexpr (Rank > 0) {
            dG[r][j] += to_G;
            dw[r][j] += to_w;
          } else if (lane.has(j)) {
            slot(2 + r, j) += to_G;
            slot(2 + lane.rank() + r, j) += to_w;
          }
        }
      }
      if (p.du.data() != nullptr) {
        to_u = lanes_sum(to_u);
        if (lane.lane == 0) p.du(batch, h, begin + i) += static_cast<T>(to_u);
      }
#pragma unroll(J <= 4 ? J : 1)
      for (int j = 0; j < J; ++j) g[j] = before[j];
    }
  }
#pragma unroll(J <= 4 ? J : 1)
  for (int j = 0; j < J; ++j) {
    if (!lane.has(j)) continue;
    slot(0, j) = dF[j];
    slot(1, j) = db[j];
#pragma unroll
    for (int r = 0; r < Rank; ++r) {
      slot(2 + r, j) = dG[r][j];
      slot(2 + Rank + r, j) = dw[r][j];
    }
    if (p.dstate_in.data() == nullptr) continue;
    p.dstate_in(batch, 0, lane.at(j), h) += static_cast<T>(g[j].re);
    p.dstate_in(batch, 1, lane.at(j), h) += static_cast<T>(g[j].im);
  }
}

template <class T, int J, int Rank>
__global__ void __launch_bounds__(32 * scan_warps) dplr_scan_backward_kernel(DplrScanBackward<T> p) {
  const index_t warp = blockIdx.x * index_t(scan_warps) + threadIdx.x / 32, H = p.step.F.size(0), N = p.step.F.size(1);
  if (warp >= p.warps) return;
  const index_t segments = (p.u.size(2) + scan_segment - 1) / scan_segment;
  mode *marks = p.states + warp * (segments + scan_segment) * N, *states = marks + segments * N;
  for (index_t row = warp; row < p.u.size(0) * H; row += p.warps) {
    const DplrScanLane<J, Rank> lane(p.step, row % H);
    dplr_scan_row_backward(p, lane, row / H, marks, states);
  }
}

// d = sums over the batch, for index (slot H + h) N + n.
static __global__ void dplr_scan_sum_kernel(DplrStepOn<Cuda> d, const mode* partial, index_t B) {
  const index_t H = d.F.size(0), N = d.F.size(1), R = d.G.size(0), at = blockIdx.x * index_t(blockDim.x) + threadIdx.x;
  if (at >= (2 + 2 * R) * H * N) return;
  const index_t n = at % N, h = at / N % H, slot = at / N / H;
  mode sum(0);
  for (index_t b = 0; b < B; ++b) sum += partial[((slot * B + b) * H + h) * N + n];
  if (slot < 2)
    (slot == 0 ? d.F : d.b)(h, n) = sum;
  else if (slot < 2 + R)
    d.G(slot - 2, h, n) = sum;
  else
    d.w(slot - 2 - R, h, n) = sum;
}

// f(std::integral_constant<int, J>(), std::integral_constant<int, Rank>())
template <class F>
void with_scan_lane(const DplrStepOn<Cuda>& step, F f) {
  const index_t N = step.F.size(1), R = step.G.size(0);
  const auto modes = [&](auto rank) {
    if (N <= 32) return f(std::integral_constant<int, 1>(), rank);
    if (N <= 64) return f(std::integral_constant<int, 2>(), rank);
    if (N <= 128) return f(std::integral_constant<int, 4>(), rank);
    if (N > 1024)
      throw_shape_error("dplr_scan: " + std::to_string(N) + " modes, the device's recurrence takes at most 1024");
    f(std::integral_constant<int, 32>(), std::integral_constant<int, 0>());
  };
  if (R == 1)
    modes(std::integral_constant<int, 1>());
  else
    modes(std::integral_constant<int, 0>());
}

}  // namespace detail

template <class T>
void dplr_scan_forward(TensorView<T, 4, Cuda> state_out, TensorView<const T, 3, Cuda> u, const DplrStepOn<Cuda>& step,
                       TensorView<const T, 4, Cuda> state_in) {
  if (state_out.empty()) return;
  const unsigned blocks = detail::blocks_for(u.size(0) * u.size(1), detail::scan_warps);
  detail::with_scan_lane(step, [&](auto modes, auto rank) {
    detail::dplr_scan_kernel<T, decltype(modes)::value, decltype(rank)::value>
        <<<blocks, 32 * detail::scan_warps, 0, stream_handle()>>>(
            detail::DplrScanForward<T>{state_out, u, step, state_in});
    check_launch("dplr_scan_kernel");
  });
}

template <class T>
void dplr_scan_backward(TensorView<T, 3, Cuda> du, TensorView<T, 4, Cuda> dstate_in, const DplrStepOn<Cuda>& d,
                        TensorView<const T, 4, Cuda> dstate_out, TensorView<const T, 3, Cuda> u,
                        const DplrStepOn<Cuda>& step, TensorView<const T, 4, Cuda> state_in) {
  const index_t B = u.size(0), H = step.F.size(0), N = step.F.size(1), R = step.G.size(0);
  if (step.F.empty()) return;
  const index_t segments = (u.size(2) + detail::scan_segment - 1) / detail::scan_segment;
  const index_t warps = std::min(B * H, detail::scan_at_once);
  ScratchOn<Cuda> scratch;
  auto* states = scratch.take<detail::mode>(warps * (segments + detail::scan_segment) * N);
  auto* partial = scratch.take<detail::mode>((2 + 2 * R) * B * H * N);
  if (warps > 0)
    detail::with_scan_lane(step, [&](auto modes, auto rank) {
      detail::dplr_scan_backward_kernel<T, decltype(modes)::value, decltype(rank)::value>
          <<<detail::blocks_for(warps, detail::scan_warps), 32 * detail::scan_warps, 0, stream_handle()>>>(
              detail::DplrScanBackward<T>{du, dstate_in, dstate_out, u, step, state_in, states, partial, warps});
      check_launch("dplr_scan_backward_kernel");
    });
  detail::dplr_scan_sum_kernel<<<detail::blocks_for((2 + 2 * R) * H * N, 128), 128, 0, stream_handle()>>>(d, partial,
                                                                                                          B);
  check_launch("dplr_scan_sum_kernel");
}

}  // namespace longwave::cuda
