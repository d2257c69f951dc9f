// chunk_scan.hpp - a diagonal state-space layer (arguments: ops/diagonal.hpp) as small dense products.
//
// The sequence is cut into chunks of T steps. With the tables of cpu/chunk_tables.hpp and s_c, the state before
// chunk c, as a row [Re, Im]:
//
//   s_{c+1} = a^T s_c + U_c in                 Y_c = U_c toeplitz + s_c out
//
// and backwards with G = dL/dY and r_c = dL/ds_c:
//
//   r_c = conj(a^T) r_{c+1} + G_c out^T        dU_c = G_c toeplitz^T + r_{c+1} in^T
//   dtoeplitz = sum U_c^T G_c,  din = sum U_c^T r_{c+1},  dout = sum s_c^T G_c,  d(a^T) = sum conj(s_c) r_{c+1}
//
// Work per sample: 2T + 8N flop forward, three times that with the gradient; the states are recomputed, not kept.
// Nothing of size (H, N, L) or 2L exists. Each channel belongs to one thread.
// Relative error against a float64 recurrence: 1e-6 (float), 1e-13 (double). With u and y in bfloat16 sums stay in
// float and y is rounded once: half a unit in its last place, 2^-8 of itself, more; on the device products are TF32,
// 3e-4 of the largest y.
#pragma once

#include "longwave/cpu/chunk_grid.hpp"
#include "longwave/cpu/chunk_tables.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/cuda/chunk_scan.hpp"
#include "longwave/ops/diagonal.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t chunk_steps = 64;        // T, measured: docs/performance.md
inline constexpr index_t chunk_group_rows = 512;  // chunks treated together, so that their states stay in cache

// What one channel needs in either direction, for groups of batch entries.
template <class T>
struct ChunkChannel {
  const DiagonalInputs<T>& in;
  index_t h, steps, group;
  Scratch scratch;
  Powers power;
  ChunkTables<T> table;
  ChunkRotation<T> full, rest;  // over a whole chunk, over a shorter last one

  ChunkChannel(const DiagonalInputs<T>& in_, index_t h_)
      : in(in_),
        h(h_),
        steps(std::clamp<index_t>(in.L(), 1, chunk_steps)),
        group(std::clamp<index_t>(chunk_group_rows * steps / std::max<index_t>(in.L(), 1), 1,
                                  std::max<index_t>(in.B(), 1))),
        power(mode_powers(scratch, in.x[h], steps)),
        table(scratch, steps, in.N()),
        full(scratch, power, steps),
        rest(scratch, power, in.L() % steps) {
    chunk_tables_forward(table, power, in.c[h], in.skip_of(h));
  }

  // A single chunk from a zero state whose end nobody uses needs no states: it is one triangular product.
  bool stateless(bool end_used) const { return in.L() <= steps && !end_used && in.state_in.data() == nullptr; }

  ChunkGrid grid(index_t b0) const { return {std::min(group, in.B() - b0), in.L(), steps, in.N()}; }
  const ChunkRotation<T>& rotation(const ChunkGrid& g, index_t c) const { return c < g.full ? full : rest; }

  // S (batch, chunks + 1, 2N): the state before every chunk and after the last one.
  void states(T* S, const ChunkGrid& g, Rows<const T> u, index_t b0) const {
    const index_t N2 = 2 * g.N;
    g.each([&](const ChunkBlock& k) {
      const Rows<const T> U = g.samples(u, k);
      const Rows<T> after = g.states(S, k, 1);
      gemm<T>(k.rows, N2, k.steps, U.data, U.step, 1, table.in + (steps - k.steps) * N2, N2, 1, after.data, after.step,
              false);
    });
    for (index_t b = 0; b < g.batch; ++b) {
      load_state(g.state(S, b, 0), in.state_in, b0 + b, h, g.N);
      for (index_t c = 0; c < g.chunks; ++c)
        rotate_add<false>(g.state(S, b, c + 1), g.state(S, b, c), rotation(g, c), g.N);
    }
  }
};

template <class T>
void chunk_scan_forward_channel(const DiagonalOutputs<T>& out, const DiagonalInputs<T>& in, index_t h) {
  const ChunkChannel<T> ch(in, h);
  const index_t T_ = ch.steps, N2 = 2 * in.N();
  const bool states = !ch.stateless(wanted(out.state_out));
  for (index_t b0 = 0; b0 < in.B(); b0 += ch.group) {
    Scratch scratch;
    const ChunkGrid g = ch.grid(b0);
    const Rows<const T> u = read_channel(scratch, in.u, b0, g.batch, h);
    const Rows<T> y = write_channel(scratch, out.y, b0, g.batch, h);
    T* S = scratch.take<T>(states ? g.batch * g.pitch : 0);
    if (states) ch.states(S, g, u, b0);
    g.each([&](const ChunkBlock& k) {
      const Rows<const T> U = g.samples(u, k);
      const Rows<T> Y = g.samples(y, k), s = g.states(S, k);
      if (states) gemm<T>(k.rows, k.steps, N2, s.data, s.step, 1, ch.table.out, T_, 1, Y.data, Y.step, false);
      gemm<T>(k.rows, k.steps, k.steps, U.data, U.step, 1, ch.table.toeplitz, T_, 1, Y.data, Y.step, states);
    });
    write_back(out.y, y, b0, g.batch, h);
    if (wanted(out.state_out))
      for (index_t b = 0; b < g.batch; ++b) store_state(out.state_out, g.state(S, b, g.chunks), b0 + b, h, g.N);
  }
}

// r (batch, chunks + 1, 2N): dL/d(state before every chunk), and what flows in at the end.
template <class T>
void chunk_adjoint(T* R, double* d_full, double* d_rest, const T* S, const ChunkChannel<T>& ch,
                   const ChunkTables<T>& flipped, const ChunkGrid& g, Rows<const T> dy,
                   const DiagonalCotangents<T>& from, index_t b0) {
  const index_t N = g.N;
  g.each([&](const ChunkBlock& k) {
    const Rows<const T> G = g.samples(dy, k);
    const Rows<T> r = g.states(R, k);
    gemm<T>(k.rows, 2 * N, k.steps, G.data, G.step, 1, flipped.out, 2 * N, 1, r.data, r.step, false);
  });
  for (index_t b = 0; b < g.batch; ++b) {
    load_state(g.state(R, b, g.chunks), from.dstate_out, b0 + b, ch.h, N);
    for (index_t c = g.chunks - 1; c >= 0; --c) {
      const T *s = g.state(S, b, c), *r = g.state(R, b, c + 1);
      double* __restrict da = c < g.full ? d_full : d_rest;
      for (index_t n = 0; n < N; ++n) {  // conj(s) r
        da[n] += static_cast<double>(s[n] * r[n] + s[N + n] * r[N + n]);
        da[N + n] += static_cast<double>(s[n] * r[N + n] - s[N + n] * r[n]);
      }
      rotate_add<true>(g.state(R, b, c), r, ch.rotation(g, c), N);
    }
  }
}

template <class T>
void chunk_input_gradient(Rows<T> du, const ChunkTables<T>& flipped, const ChunkGrid& g, Rows<const T> dy,
                          const T* R) {  // R: nullptr when there are no states
  const index_t N2 = 2 * g.N, T_ = g.T;
  g.each([&](const ChunkBlock& k) {
    const Rows<const T> G = g.samples(dy, k);
    const Rows<T> dU = g.samples(du, k);
    gemm<T>(k.rows, k.steps, k.steps, G.data, G.step, 1, flipped.toeplitz, T_, 1, dU.data, dU.step, false);
    if (R == nullptr) return;
    const Rows<const T> r = g.states(R, k, 1);
    gemm<T>(k.rows, k.steps, N2, r.data, r.step, 1, flipped.in + (T_ - k.steps), T_, 1, dU.data, dU.step, true);
  });
}

template <class T>
void chunk_table_gradient(ChunkTables<T>& d, const ChunkGrid& g, Rows<const T> u, Rows<const T> dy, const T* S,
                          const T* R) {
  const index_t N2 = 2 * g.N, T_ = d.steps;
  g.each([&](const ChunkBlock& k) {
    const Rows<const T> U = g.samples(u, k), G = g.samples(dy, k);
    gemm<T>(k.steps, k.steps, k.rows, U.data, 1, U.step, G.data, G.step, 1, d.toeplitz, T_, true);
    if (R == nullptr) return;
    const Rows<const T> s = g.states(S, k), r = g.states(R, k, 1);
    gemm<T>(k.steps, N2, k.rows, U.data, 1, U.step, r.data, r.step, 1, d.in + (T_ - k.steps) * N2, N2, true);
    gemm<T>(k.steps, N2, k.rows, G.data, 1, G.step, s.data, s.step, 1, d.out, N2, true);
  });
}

template <class T>
void chunk_scan_backward_channel(const DiagonalGradients<T>& d, const DiagonalCotangents<T>& from,
                                 const DiagonalInputs<T>& in, index_t h) {
  const ChunkChannel<T> ch(in, h);
  const index_t N = in.N();
  const bool states = !ch.stateless(from.dstate_out.data() != nullptr || wanted(d.dstate_in));
  Scratch outer;
  const ChunkTables<T> flipped = transposed(outer, ch.table);
  ChunkTables<T> dt(outer, ch.steps, N);
  std::fill_n(dt.toeplitz, ch.steps * ch.steps, T(0));
  std::fill_n(dt.in, ch.steps * 2 * N, T(0));
  std::fill_n(dt.out, ch.steps * 2 * N, T(0));
  double* sums = outer.take<double>(8 * N);  // planes of d(a^T), d(a^rest), dx, dc
  std::fill_n(sums, 8 * N, 0.0);
  for (index_t b0 = 0; b0 < in.B(); b0 += ch.group) {
    Scratch scratch;
    const ChunkGrid g = ch.grid(b0);
    const Rows<const T> u = read_channel(scratch, in.u, b0, g.batch, h);
    const Rows<const T> dy = read_channel(scratch, from.dy, b0, g.batch, h);
    T* S = states ? scratch.take<T>(g.batch * g.pitch) : nullptr;
    T* R = states ? scratch.take<T>(g.batch * g.pitch) : nullptr;
    if (states) {
      ch.states(S, g, u, b0);
      chunk_adjoint(R, sums, sums + 2 * N, S, ch, flipped, g, dy, from, b0);
    }
    if (wanted(d.du)) {
      const Rows<T> du = write_channel(scratch, d.du, b0, g.batch, h);
      chunk_input_gradient(du, flipped, g, dy, R);
      write_back(d.du, du, b0, g.batch, h);
    }
    chunk_table_gradient(dt, g, u, dy, S, R);
    if (wanted(d.dstate_in))
      for (index_t b = 0; b < g.batch; ++b) store_state(d.dstate_in, g.state(R, b, 0), b0 + b, h, N);
  }
  double *dx = sums + 4 * N, *dc = sums + 6 * N;
  const double dskip = chunk_tables_backward(dx, dc, dt, ch.power, in.c[h]);
  const index_t rest = in.L() % ch.steps;
  for (index_t n = 0; n < N; ++n) {  // a^j = exp(x j): dx += j conj(a^j) d(a^j)
    const complex<double> full_part = conj(ch.power(ch.steps, n)) * complex<double>(sums[n], sums[N + n]);
    const complex<double> rest_part = conj(ch.power(rest, n)) * complex<double>(sums[2 * N + n], sums[3 * N + n]);
    if (wanted(d.dx))
      d.dx(h, n) = complex<double>(dx[n], dx[N + n]) + static_cast<double>(ch.steps) * full_part +
                   static_cast<double>(rest) * rest_part;
    if (wanted(d.dc)) d.dc(h, n) = {dc[n], dc[N + n]};
  }
  if (wanted(d.dskip)) d.dskip(h) += static_cast<T>(dskip);
}

template <class T>
void chunk_scan_forward(const DiagonalOutputs<T, Host>& out, const DiagonalInputs<T, Host>& in) {
  parallel_for(
      in.H(), [&](index_t h) { chunk_scan_forward_channel(out, in, h); }, diagonal_work(in));
}

template <class T>
void chunk_scan_backward(const DiagonalGradients<T, Host>& d, const DiagonalCotangents<T, Host>& from,
                         const DiagonalInputs<T, Host>& in) {
  parallel_for(
      in.H(), [&](index_t h) { chunk_scan_backward_channel(d, from, in, h); }, 3 * diagonal_work(in));
}

inline void chunk_scan_forward(const DiagonalOutputs<float, Host, bfloat16>& out,
                               const DiagonalInputs<float, Host, bfloat16>& in) {
  widened_forward(out, in, [](const auto& wide_out, const auto& wide_in) { chunk_scan_forward(wide_out, wide_in); });
}

inline void chunk_scan_backward(const DiagonalGradients<float, Host, bfloat16>& d,
                                const DiagonalCotangents<float, Host, bfloat16>& from,
                                const DiagonalInputs<float, Host, bfloat16>& in) {
  widened_backward(d, from, in, [](const auto& wide_d, const auto& wide_from, const auto& wide_in) {
    chunk_scan_backward(wide_d, wide_from, wide_in);
  });
}

}  // namespace impl

namespace ops {

struct ChunkScan {
  template <class T, device D, class S>
  static void forward(const DiagonalOutputs<T, D, S>& out, const DiagonalInputs<T, D, S>& in) {
    detail::check_diagonal("chunk_scan", out, in);
    impl::chunk_scan_forward(out, in);
  }

  template <class T, device D, class S>
  static void backward(const DiagonalGradients<T, D, S>& d, const DiagonalCotangents<T, D, S>& from,
                       const DiagonalInputs<T, D, S>& in) {
    detail::check_diagonal("chunk_scan", d, from, in);
    impl::chunk_scan_backward(d, from, in);
  }
};

}  // namespace ops
}  // namespace longwave
