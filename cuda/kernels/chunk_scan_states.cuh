// chunk_scan_states.cuh - the small kernels around the chunked scan: states between the layer's layout (B, 2, N, H) and
// the scan's rows, and what leads from segment to segment.
//
// Rows (H, 16 tiles, W): row = segment B + batch of feature h, (Re, Im) of mode n at columns 2n, 2n + 1. One thread per
// feature, batch entry and mode.
#pragma once

#include "kernels/chunk_tables.cuh"

namespace longwave::cuda::detail {

struct ScanSegments {
  ScanModes x, c;      // (H, N)
  const float* state;  // (B, 2, N, H) with strides, or nullptr: zero; modes from `first` on
  index_t state_batch, state_part, state_mode, state_feature;
  float* end;  // the same layout and strides, or nullptr
  index_t end_batch, end_part, end_mode, end_feature;
  const float* local;                    // (H, rows, W): what each segment adds by itself
  float* edges;                          // (H, rows, W): out; may be nullptr
  int B, H, N, segments, padded, width;  // padded: 16 tiles; width: W
  int steps;                             // samples of a segment
};

__device__ inline complex<double> row_state(const float* rows, index_t at) {
  return {static_cast<double>(rows[at]), static_cast<double>(rows[at + 1])};
}

// Forward: edges = states before each segment, end = state after the last.   s' = a^steps s + local
// Backward: edges = gradients after each segment, end = gradient before the first; local holds the sums of the reversed
// segments, segments - 1 - q.   r' = conj(a^steps) r + 2 conj(c a local)
template <bool backward>
__global__ void __launch_bounds__(128) scan_segments_kernel(ScanSegments p) {
  const index_t i = blockIdx.x * index_t(128) + threadIdx.x;
  if (i >= index_t(p.B) * p.H * p.N) return;
  const int n = static_cast<int>(i % p.N), b = static_cast<int>(i / p.N % p.B), h = static_cast<int>(i / p.N / p.B);
  complex<double> s;
  if (p.state != nullptr) {
    const float* at = p.state + b * p.state_batch + n * p.state_mode + h * p.state_feature;
    s = {static_cast<double>(at[0]), static_cast<double>(at[p.state_part])};
  }
  const complex<double> x = p.x(h, n);
  complex<double> a = device_exp(static_cast<double>(p.steps) * x), weight = 1.0;
  if (backward) {
    a = conj(a);
    weight = 2.0 * conj(p.c(h, n) * device_exp(x));
  }
  for (int q = 0; q < p.segments; ++q) {
    const int segment = backward ? p.segments - 1 - q : q;
    const auto row = [&](int of) { return (index_t(h) * p.padded + of * p.B + b) * p.width + 2 * n; };
    if (p.edges != nullptr) {
      p.edges[row(segment)] = static_cast<float>(s.re);
      p.edges[row(segment) + 1] = static_cast<float>(s.im);
    }
    if (p.local == nullptr) continue;
    const complex<double> own = row_state(p.local, row(q));
    s = a * s + weight * (backward ? conj(own) : own);
  }
  if (p.end == nullptr) return;
  float* to = p.end + b * p.end_batch + n * p.end_mode + h * p.end_feature;
  to[0] = static_cast<float>(s.re);
  to[p.end_part] = static_cast<float>(s.im);
}

// Rows of one segment -> (B, 2, N, H).
static __global__ void __launch_bounds__(128) scan_end_kernel(ScanSegments p) {
  const index_t i = blockIdx.x * index_t(128) + threadIdx.x;
  if (i >= index_t(p.B) * p.H * p.N) return;
  const int n = static_cast<int>(i % p.N), b = static_cast<int>(i / p.N % p.B), h = static_cast<int>(i / p.N / p.B);
  const complex<double> s = row_state(p.local, (index_t(h) * p.padded + b) * p.width + 2 * n);
  float* to = p.end + b * p.end_batch + n * p.end_mode + h * p.end_feature;
  to[0] = static_cast<float>(s.re);
  to[p.end_part] = static_cast<float>(s.im);
}

// part (H, tiles, 4 N' + 1) summed over tiles -> dx, dc (H, N), assigned, and dD, added to.
struct ScanParts {
  const double* part;
  int blocks, modes, N;  // per feature; N' = modes
  TensorView<complex<double>, 2, Cuda> dx, dc;
  float* dskip;  // nullptr: unwanted
  index_t dskip_step;
};

static __global__ void __launch_bounds__(128) scan_parts_kernel(ScanParts p) {
  const int h = blockIdx.x, numbers = 4 * p.modes + 1;
  for (int n = threadIdx.x; n <= p.N; n += 128) {
    const double* from = p.part + index_t(h) * p.blocks * numbers + (n < p.N ? 4 * n : 4 * p.modes);
    double sum[4] = {};
    for (int block = 0; block < p.blocks; ++block, from += numbers)
      for (int i = 0; i < (n < p.N ? 4 : 1); ++i) sum[i] += from[i];
    if (n == p.N) {
      if (p.dskip != nullptr) p.dskip[h * p.dskip_step] += static_cast<float>(sum[0]);
      continue;
    }
    if (p.dx.data() != nullptr) p.dx(h, n) = {sum[0], sum[1]};
    if (p.dc.data() != nullptr) p.dc(h, n) = {sum[2], sum[3]};
  }
}

}  // namespace longwave::cuda::detail
