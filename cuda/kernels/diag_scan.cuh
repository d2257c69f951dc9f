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

#include "kernels/diag_scan_backward.cuh"
#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
#include "longwave/core/fill.hpp"

namespace longwave::cuda {

namespace detail {

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
