// The chunked scan as a whole: which kernels of kernels/chunk_scan*.cuh run for a call, in what order.
#include <algorithm>

#include "kernels/chunk_scan_launch.cuh"
#include "kernels/chunk_scan_states.cuh"
#include "kernels/map.cuh"
#include "longwave/core/fill.hpp"
#include "longwave/ops/diagonal.hpp"

namespace longwave::cuda {

namespace {

using namespace detail;

// Blocks that fill a large device twice, as many of forward's as it runs at once, and half as many of backward's. From
// the sizes alone, so that a result does not depend on the machine.
constexpr int enough_blocks = 264, forward_at_once = 264, backward_at_once = 132;

// How a call is cut: modes in groups of 32 (or 16, if that is all), sequences in segments where there are few of them.
struct Plan {
  int B, H, L, tiles_of_modes, segments, chunks;  // chunks: of a segment

  int modes() const { return 4 * tiles_of_modes; }
  int width() const { return 8 * tiles_of_modes; }
  template <class S>
  ScanRows rows(index_t batch, index_t feature, index_t step, const S* data) const {
    const bool aligned = reinterpret_cast<std::uintptr_t>(data) % (4 * sizeof(S)) == 0;
    const bool whole = std::is_same_v<S, float> || L % 4 == 0;  // copies of eight bytes are not cut
    const bool vectors = step == 1 && aligned && whole && batch % 4 == 0 && feature % 4 == 0;
    return {batch, feature, step, B, L, segments, chunks, 0, vectors};
  }
  template <class V>
  ScanRows rows(const V& u) const {
    return rows(u.stride(0), u.stride(1), u.stride(2), u.data());
  }
  int row_tiles() const { return (B * segments + scan_rows - 1) / scan_rows; }
  // Blocks per feature, of as many tiles of rows as do best in waves of `at_once` blocks: a block's tables and the end
  // of its sums take about as long as `setup` chunks.
  int row_blocks(int at_once) const {
    constexpr index_t setup = 12, most = 16;
    int best = row_tiles();
    index_t least = 0;
    for (index_t each = 1; each <= std::min<index_t>(most, row_tiles()); ++each) {
      const index_t blocks = (row_tiles() + each - 1) / each, waves = (H * blocks + at_once - 1) / at_once;
      const index_t time = waves * (each * chunks + setup);
      if (each > 1 && time >= least) continue;
      least = time;
      best = static_cast<int>(blocks);
    }
    return best;
  }
  int groups(Product product) const { return (chunks + group_of(product) - 1) / group_of(product); }
  index_t saved_numbers(Product product) const { return numbers() * groups(product); }
  index_t numbers() const { return index_t(H) * row_tiles() * scan_rows * width(); }  // of a set of row states
};

constexpr int least_chunks = 4;  // of a segment

template <class S>
Plan make_plan(const DiagonalInputs<float, Cuda, S>& in, bool whole_segments) {
  const index_t most = index_t(1) << 30, most_rows = 65535 * scan_rows;  // of a grid's second axis
  if (in.L() > most || in.H() > most || in.B() > most_rows)
    throw_shape_error("chunk_scan: " + to_string(in.u.sizes(), "BHL") + " is more than the device's kernels take");
  Plan plan{static_cast<int>(in.B()), static_cast<int>(in.H()), static_cast<int>(in.L()), in.N() <= 16 ? 4 : 8, 1, 0};
  const int chunks = (plan.L + scan_steps - 1) / scan_steps;
  if (index_t(plan.H) * plan.row_tiles() * 2 <= enough_blocks) {
    const index_t wanted = index_t(enough_blocks) * scan_rows / (index_t(plan.H) * plan.B);
    plan.segments = static_cast<int>(std::clamp<index_t>(wanted, 1, std::max(1, chunks / least_chunks)));
    while (whole_segments && chunks % plan.segments != 0) --plan.segments;
  }
  plan.chunks = (chunks + plan.segments - 1) / plan.segments;
  plan.segments = (chunks + plan.chunks - 1) / plan.chunks;
  return plan;
}

ScanModes modes_from(const ScanModes& x, index_t first, const Plan& plan) {
  return x.slice(1, first, std::min(first + plan.modes(), x.size(1)));
}

// Modes [first, ..) of states (B, 2, N, H).
void set_state(ScanSegments& s, const TensorView<const float, 4, Cuda>& state, index_t first) {
  if (state.data() == nullptr) return;
  s.state = state.data() + first * state.stride(2);
  s.state_batch = state.stride(0), s.state_part = state.stride(1);
  s.state_mode = state.stride(2), s.state_feature = state.stride(3);
}
void set_end(ScanSegments& s, const TensorView<float, 4, Cuda>& state, index_t first) {
  if (state.data() == nullptr) return;
  s.end = state.data() + first * state.stride(2);
  s.end_batch = state.stride(0), s.end_part = state.stride(1);
  s.end_mode = state.stride(2), s.end_feature = state.stride(3);
}

ScanSegments segments_of(const Plan& plan, const ScanModes& x, const ScanModes& c) {
  ScanSegments s{};
  s.x = x, s.c = c;
  s.B = plan.B, s.H = plan.H, s.N = static_cast<int>(x.size(1));
  s.segments = plan.segments, s.padded = plan.row_tiles() * scan_rows, s.width = plan.width();
  s.steps = plan.chunks * scan_steps;
  return s;
}

template <bool backward>
void run_segments(const ScanSegments& s) {
  const index_t work = index_t(s.B) * s.H * s.N;
  if (work == 0) return;
  scan_segments_kernel<backward><<<blocks_for(work, 128), 128, 0, stream_handle()>>>(s);
  check_launch("chunk_scan: segments");
}

void run_ends(const ScanSegments& s) {
  const index_t work = index_t(s.B) * s.H * s.N;
  if (work == 0) return;
  scan_end_kernel<<<blocks_for(work, 128), 128, 0, stream_handle()>>>(s);
  check_launch("chunk_scan: end states");
}

// Zero where there is no sequence or no mode: what multiplies it there is zero, too, but must not be NaN.
float* take_edges(ScratchOn<Cuda>& scratch, const Plan& plan) {
  float* edges = scratch.take<float>(plan.numbers());
  check(cudaMemsetAsync(edges, 0, static_cast<std::size_t>(plan.numbers()) * sizeof(float), stream_handle()),
        "cudaMemsetAsync");
  return edges;
}

// What each segment adds to the state by itself, from zero: (H, rows, W).
template <class S>
const float* local_states(ScratchOn<Cuda>& scratch, const Plan& plan, const ChunkScanForward<S>& of, Product product) {
  ChunkScanForward<S> p = of;
  p.starts = nullptr;
  p.saved = nullptr;
  p.ends = scratch.take<float>(plan.numbers());
  launch_chunk_scan(plan.tiles_of_modes, product, ScanWork::states, p);
  return p.ends;
}

// States before each row, from state_in and the segments before; nullptr where all are zero.
template <class S>
const float* start_states(ScratchOn<Cuda>& scratch, const Plan& plan, const ChunkScanForward<S>& p,
                          const TensorView<const float, 4, Cuda>& state_in, const TensorView<float, 4, Cuda>& state_out,
                          index_t first, Product product) {
  if (plan.segments == 1 && state_in.data() == nullptr) return nullptr;
  ScanSegments s = segments_of(plan, p.x, p.c);
  set_state(s, state_in, first);
  s.edges = take_edges(scratch, plan);
  if (plan.segments > 1) {
    s.local = local_states(scratch, plan, p, product);
    set_end(s, state_out, first);
  }
  run_segments<false>(s);
  return s.edges;
}

template <class S>
ChunkScanForward<S> forward_task(const Plan& plan, const DiagonalInputs<float, Cuda, S>& in, index_t first) {
  ChunkScanForward<S> p{};
  p.u = in.u.data();
  p.from = plan.rows(in.u);
  p.x = modes_from(in.x, first, plan);
  p.c = modes_from(in.c, first, plan);
  p.blocks = plan.row_blocks(forward_at_once);
  return p;
}

template <class S>
bool dense_pairs(const TensorView<S, 3, Cuda>& y) {
  return reinterpret_cast<std::uintptr_t>(y.data()) % (2 * sizeof(S)) == 0 && y.stride(2) == 1 &&
         y.stride(0) % 2 == 0 && y.stride(1) % 2 == 0 && y.size(2) % 2 == 0;
}

template <class S>
void forward_modes(const DiagonalOutputs<float, Cuda, S>& out, const DiagonalInputs<float, Cuda, S>& in, index_t first,
                   Product product) {
  ScratchOn<Cuda> scratch;
  const Plan plan = make_plan(in, wanted(out.state_out));
  ChunkScanForward<S> p = forward_task(plan, in, first);
  p.starts = start_states(scratch, plan, p, in.state_in, out.state_out, first, product);
  p.y = out.y.data();
  p.y_batch = out.y.stride(0), p.y_feature = out.y.stride(1), p.y_step = out.y.stride(2);
  if (first == 0 && in.skip.data() != nullptr) p.skip = in.skip.data(), p.skip_step = in.skip.stride(0);
  p.add = first > 0;
  if (out.kept.data() != nullptr) p.saved = out.kept.data() + first / plan.modes() * plan.saved_numbers(product);
  const bool end_left = wanted(out.state_out) && plan.segments == 1;
  if (end_left) p.ends = scratch.take<float>(plan.numbers());
  const bool plain = p.from.vectors && dense_pairs(out.y) && !p.add;
  launch_chunk_scan(plan.tiles_of_modes, product, plain ? ScanWork::plain : ScanWork::output, p);
  if (!end_left) return;
  ScanSegments s = segments_of(plan, p.x, p.c);
  s.local = p.ends;
  set_end(s, out.state_out, first);
  run_ends(s);
}

template <class S>
index_t kept_numbers(const DiagonalInputs<float, Cuda, S>& in, Product product) {
  if (in.B() == 0 || in.H() == 0 || in.L() == 0) return 0;
  const Plan plan = make_plan(in, false);
  return std::max<index_t>(1, (in.N() + plan.modes() - 1) / plan.modes()) * plan.saved_numbers(product);
}

// Gradients of the states after each row; nullptr where all are zero.
template <class S>
const float* end_gradients(ScratchOn<Cuda>& scratch, const Plan& plan, const ChunkScanForward<S>& forward,
                           const DiagonalCotangents<float, Cuda, S>& from, index_t first, Product product) {
  if (plan.segments == 1 && from.dstate_out.data() == nullptr) return nullptr;
  ScanSegments s = segments_of(plan, forward.x, forward.c);
  set_state(s, from.dstate_out, first);
  s.edges = take_edges(scratch, plan);
  if (plan.segments > 1) {  // the same sums over the reversed sequence
    ChunkScanForward<S> p = forward;
    p.u = from.dy.data() + (from.dy.size(2) - 1) * from.dy.stride(2);
    p.from = plan.rows(from.dy.stride(0), from.dy.stride(1), -from.dy.stride(2), p.u);
    p.from.before = plan.segments * plan.chunks * scan_steps - plan.L;
    p.from.vectors = p.from.vectors && p.from.before == 0;  // dy may itself run backwards
    s.local = local_states(scratch, plan, p, product);
  }
  run_segments<true>(s);
  return s.edges;
}

template <class S>
void backward_modes(const DiagonalGradients<float, Cuda, S>& d, const DiagonalCotangents<float, Cuda, S>& from,
                    const DiagonalInputs<float, Cuda, S>& in, index_t first, Product product) {
  ScratchOn<Cuda> scratch;
  const Plan plan = make_plan(in, from.dstate_out.data() != nullptr);
  ChunkScanForward<S> states = forward_task(plan, in, first);
  const float* saved = in.kept.data();
  if (saved != nullptr && in.kept.size(0) == kept_numbers(in, product)) {
    saved += first / plan.modes() * plan.saved_numbers(product);
  } else {
    states.starts = start_states(scratch, plan, states, in.state_in, {}, first, product);
    states.saved = scratch.take<float>(plan.saved_numbers(product));
    launch_chunk_scan(plan.tiles_of_modes, product, ScanWork::states, states);
    saved = states.saved;
  }

  ChunkScanBackward<S> p{};
  p.u = in.u.data();
  p.from = states.from;
  p.dy = from.dy.data();
  p.dy_from = plan.rows(from.dy);
  p.x = states.x, p.c = states.c;
  p.saved = saved;
  p.after = end_gradients(scratch, plan, states, from, first, product);
  if (first == 0 && in.skip.data() != nullptr) p.skip = in.skip.data(), p.skip_step = in.skip.stride(0);
  if (wanted(d.du))
    p.du = d.du.data(), p.du_batch = d.du.stride(0), p.du_feature = d.du.stride(1), p.du_step = d.du.stride(2);
  p.add = first > 0 || d.add_du;
  p.blocks = plan.row_blocks(backward_at_once);
  if (wanted(d.dstate_in)) p.before = scratch.take<float>(plan.numbers());
  p.part = scratch.take<double>(index_t(plan.H) * p.blocks * (4 * plan.modes() + 1));
  const bool plain = p.from.vectors && p.dy_from.vectors && (p.du == nullptr || dense_pairs(d.du));
  launch_chunk_scan_backward(plan.tiles_of_modes, product, plain, p);

  const int N = static_cast<int>(p.x.size(1));
  ScanParts parts{p.part, p.blocks, plan.modes(), N, {}, {}, nullptr, 0};
  if (wanted(d.dx)) parts.dx = d.dx.slice(1, first, first + N);
  if (wanted(d.dc)) parts.dc = d.dc.slice(1, first, first + N);
  if (first == 0 && wanted(d.dskip)) parts.dskip = d.dskip.data(), parts.dskip_step = d.dskip.stride(0);
  scan_parts_kernel<<<static_cast<unsigned>(plan.H), 128, 0, stream_handle()>>>(parts);
  check_launch("chunk_scan: gradients of modes");
  if (p.before == nullptr) return;
  ScanSegments s = segments_of(plan, p.x, p.c);
  s.local = p.before;
  set_end(s, d.dstate_in, first);
  run_ends(s);
}

}  // namespace

index_t chunk_scan_kept(const DiagonalInputs<float, Cuda>& in, Product product) { return kept_numbers(in, product); }

void chunk_scan_forward(const DiagonalOutputs<float, Cuda>& out, const DiagonalInputs<float, Cuda>& in,
                        Product product) {
  const index_t L = in.L(), rest = wanted(out.state_out) ? L % scan_steps : 0;
  if (in.B() == 0 || in.H() == 0) return;
  if (L == rest) return diag_scan_forward(out, in);
  if (rest == 0) {
    for (index_t first = 0; first == 0 || first < in.N(); first += 32) forward_modes(out, in, first, product);
    return;
  }
  // The end state is exact after whole chunks; the samples behind them go step by step.
  ScratchOn<Cuda> scratch;
  const auto between = scratch.tensor<float>(out.state_out.sizes());
  DiagonalInputs<float, Cuda> head = in, tail = in;
  head.u = in.u.slice(2, 0, L - rest);
  tail.u = in.u.slice(2, L - rest, L);
  tail.state_in = between;
  chunk_scan_forward({out.y.slice(2, 0, L - rest), between}, head, product);
  diag_scan_forward<float>({out.y.slice(2, L - rest, L), out.state_out}, tail);
}

void chunk_scan_backward(const DiagonalGradients<float, Cuda>& d, const DiagonalCotangents<float, Cuda>& from,
                         const DiagonalInputs<float, Cuda>& in, Product product) {
  const index_t L = in.L(), rest = from.dstate_out.data() != nullptr ? L % scan_steps : 0;
  if (L == rest || in.B() == 0 || in.H() == 0) return diag_scan_backward(d, from, in);
  if (rest == 0) {
    for (index_t first = 0; first == 0 || first < in.N(); first += 32) backward_modes(d, from, in, first, product);
    return;
  }
  ScratchOn<Cuda> scratch;
  const Extents<4> states{in.B(), 2, in.N(), in.H()};
  const auto between = scratch.tensor<float>(states), dbetween = scratch.tensor<float>(states);
  const auto y = scratch.tensor<float>(Extents<3>{in.B(), in.H(), L - rest});
  const auto dx = scratch.tensor<complex<double>>(in.x.sizes()), dc = scratch.tensor<complex<double>>(in.x.sizes());
  DiagonalInputs<float, Cuda> head = in, tail = in;
  head.kept = tail.kept = {};
  head.u = in.u.slice(2, 0, L - rest);
  tail.u = in.u.slice(2, L - rest, L);
  tail.state_in = between;
  chunk_scan_forward({y, between}, head, product);
  const auto part_of = [&](index_t begin, index_t end) { return wanted(d.du) ? d.du.slice(2, begin, end) : d.du; };
  diag_scan_backward<float>({part_of(L - rest, L), dx, dc, d.dskip, dbetween},
                            {from.dy.slice(2, L - rest, L), from.dstate_out}, tail);
  chunk_scan_backward({part_of(0, L - rest), d.dx, d.dc, d.dskip, d.dstate_in},
                      {from.dy.slice(2, 0, L - rest), TensorView<const float, 4, Cuda>(dbetween)}, head, product);
  if (wanted(d.dx)) longwave::detail::add_to(d.dx, TensorView<const complex<double>, 2, Cuda>(dx));
  if (wanted(d.dc)) longwave::detail::add_to(d.dc, TensorView<const complex<double>, 2, Cuda>(dc));
}

// Stored in bfloat16. Sums over groups of modes, and what goes step by step, would be rounded more than once: where
// there are more than 32 modes or samples behind the last whole chunk lead to a state, everything runs on floats in
// working memory.

namespace {

bool stays_narrow(const DiagonalInputs<float, Cuda, bfloat16>& in, bool end_state) {
  return in.N() <= 32 && in.L() > 0 && (!end_state || in.L() % scan_steps == 0);
}

}  // namespace

index_t chunk_scan_kept(const DiagonalInputs<float, Cuda, bfloat16>& in) {
  return stays_narrow(in, false) ? kept_numbers(in, Product::tf32) : 0;
}

void chunk_scan_forward(const DiagonalOutputs<float, Cuda, bfloat16>& out,
                        const DiagonalInputs<float, Cuda, bfloat16>& in) {
  if (in.B() == 0 || in.H() == 0) return;
  if (stays_narrow(in, wanted(out.state_out))) return forward_modes(out, in, 0, Product::tf32);
  impl::widened_forward(
      out, in, [](const auto& wide_out, const auto& wide_in) { chunk_scan_forward(wide_out, wide_in, Product::tf32); });
}

void chunk_scan_backward(const DiagonalGradients<float, Cuda, bfloat16>& d,
                         const DiagonalCotangents<float, Cuda, bfloat16>& from,
                         const DiagonalInputs<float, Cuda, bfloat16>& in) {
  if (in.B() > 0 && in.H() > 0 && stays_narrow(in, from.dstate_out.data() != nullptr))
    return backward_modes(d, from, in, 0, Product::tf32);
  impl::widened_backward(d, from, in, [](const auto& wide_d, const auto& wide_from, const auto& wide_in) {
    chunk_scan_backward(wide_d, wide_from, wide_in, Product::tf32);
  });
}

}  // namespace longwave::cuda
