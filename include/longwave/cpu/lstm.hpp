// lstm.hpp - one direction of one LSTM layer on the CPU; the equations are in ops/lstm.hpp.
//
// The batch lies in the lanes. It is cut into blocks of one panel of cpu/gemm.hpp, and within a block everything is
// stored as rows of lanes, so that a step is one product with the weights as they are and the batch as its columns,
//
//   z_t = V s_t,   V = [W_ih  W_hh  b],   s_t = [x_t; h_{t-1}; 1]       (4 H, K) (K, lanes),   K = I + H + 1
//
// and the way back is one product with V^T for dx_t and dh_{t-1} together. A block goes through all steps on its own:
// one parallel region per call, no barrier in it, no width of H or I is padded. Blocks are cut by B alone, so the bits
// do not depend on the number of threads. A batch below a register's lanes costs as much as one that fills it.
//
// What backward needs is kept as slots 0 .. L per block; slot t, rows of lanes:
//   x_t (I), h_{t-1} (H), 1, c_{t-1} (H), gates i f g o (4 H), which backward replaces by dz
// Where nothing is kept all slots are one and every step works in place.
#pragma once

#include <algorithm>

#include "longwave/core/lstm_views.hpp"
#include "longwave/core/math.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/cpu/lane_sum.hpp"

namespace longwave::impl {

template <class T>
struct LstmLayout {
  static constexpr index_t W = simd::width<T>, panel = gemm_lanes * W;
  index_t B, L, I, H;
  bool keeps;  // a slot per step, else one for all

  index_t operand_rows() const { return I + H + 1; }
  index_t cell_row() const { return I + H + 1; }
  index_t gate_row() const { return I + 2 * H + 1; }
  index_t slot_rows() const { return I + 6 * H + 1; }
  index_t slots() const { return keeps ? L + 1 : 1; }

  index_t blocks() const { return (B + panel - 1) / panel; }
  index_t entries(index_t q) const { return std::min(panel, B - q * panel); }  // of the batch in block q
  index_t lanes(index_t q) const { return (entries(q) + W - 1) / W * W; }      // the same, rounded up
  index_t block_begin(index_t q) const { return q * panel * slots() * slot_rows(); }
  index_t slot_begin(index_t q, index_t step) const {
    return block_begin(q) + (keeps ? step : 0) * slot_rows() * lanes(q);
  }
  index_t count() const { return (B + W - 1) / W * W * slots() * slot_rows(); }
  index_t work() const { return 4 * B * L * H * operand_rows(); }
};

template <class T>
index_t lstm_saved_count(Host, index_t B, index_t L, index_t I, index_t H) {
  return LstmLayout<T>{B, L, I, H, true}.count();
}

// rows (R, lanes) = x (entries, R) transposed, zero in lanes without an entry; from (entries, R) without data: zeros.
template <class T>
void lstm_gather(T* rows, index_t R, index_t lanes, TensorView<const T, 2> x, index_t entries) {
  if (x.data() == nullptr) {
    std::fill_n(rows, R * lanes, T(0));
    return;
  }
  for (index_t r = 0; r < R; ++r) {
    T* row = rows + r * lanes;
    for (index_t b = 0; b < entries; ++b) row[b] = x.data()[b * x.stride(0) + r * x.stride(1)];
    for (index_t b = entries; b < lanes; ++b) row[b] = T(0);
  }
}

template <class T>
void lstm_gather_add(T* rows, index_t R, index_t lanes, TensorView<const T, 2> x, index_t entries) {
  for (index_t r = 0; r < R; ++r)
    for (index_t b = 0; b < entries; ++b) rows[r * lanes + b] += x.data()[b * x.stride(0) + r * x.stride(1)];
}

template <class T>
void lstm_scatter(TensorView<T, 2> x, const T* rows, index_t R, index_t lanes, index_t entries) {
  if (x.data() == nullptr) return;
  for (index_t b = 0; b < entries; ++b)
    for (index_t r = 0; r < R; ++r) x.data()[b * x.stride(0) + r * x.stride(1)] = rows[r * lanes + b];
}

// Entries of block q of x (B, R) or of step t of x (B, L, R); without data where x has none.
template <class T>
TensorView<T, 2> lstm_entries(const LstmLayout<std::remove_const_t<T>>& at, TensorView<T, 2> x, index_t q) {
  const index_t begin = q * at.panel;
  return x.data() == nullptr ? x : x.slice(0, begin, begin + at.entries(q));
}
template <class T>
TensorView<T, 2> lstm_entries(const LstmLayout<std::remove_const_t<T>>& at, TensorView<T, 3> x, index_t q, index_t t) {
  if (x.data() == nullptr) return {};
  return lstm_entries(at,
                      TensorView<T, 2>(x.data() + t * x.stride(1), Extents<2>{x.size(0), x.size(2)},
                                       Extents<2>{x.stride(0), x.stride(2)}),
                      q);
}

// V (4 H, K), K = I + H + 1.
template <class T>
void lstm_pack(T* V, const LstmWeightViews<const T, Host>& w) {
  const index_t I = w.W_ih.size(1), H = w.W_hh.size(1);
  for (index_t n = 0; n < 4 * H; ++n, V += I + H + 1) {
    for (index_t i = 0; i < I; ++i) V[i] = w.W_ih(n, i);
    for (index_t h = 0; h < H; ++h) V[I + h] = w.W_hh(n, h);
    V[I + H] = (w.b_ih.data() != nullptr ? w.b_ih(n) : T(0)) + (w.b_hh.data() != nullptr ? w.b_hh(n) : T(0));
  }
}

// Gates from z in their place, then the step's states; n numbers each, a multiple of the lanes. h and c may lie where
// c_before does.
template <class T>
void lstm_gates(T* gates, T* h, T* c, const T* c_before, index_t n) {
  constexpr int W = simd::width<T>;
  for (index_t at = 0; at < n; at += W) {
    T i[W], f[W], g[W], o[W], cell[W], hidden[W];
    for (int j = 0; j < W; ++j) i[j] = math::sigmoid(gates[at + j]);
    for (int j = 0; j < W; ++j) f[j] = math::sigmoid(gates[n + at + j]);
    for (int j = 0; j < W; ++j) g[j] = math::tanh(gates[2 * n + at + j]);
    for (int j = 0; j < W; ++j) o[j] = math::sigmoid(gates[3 * n + at + j]);
    for (int j = 0; j < W; ++j) cell[j] = f[j] * c_before[at + j] + i[j] * g[j];
    for (int j = 0; j < W; ++j) hidden[j] = o[j] * math::tanh(cell[j]);
    std::copy_n(i, W, gates + at);
    std::copy_n(f, W, gates + n + at);
    std::copy_n(g, W, gates + 2 * n + at);
    std::copy_n(o, W, gates + 3 * n + at);
    std::copy_n(cell, W, c + at);
    std::copy_n(hidden, W, h + at);
  }
}

// dz in the place of the gates and dc of the step before in the place of dc, from dh and dc of this step.
template <class T>
void lstm_gate_gradients(T* gates, T* dc, const T* dh, const T* c, const T* c_before, index_t n) {
  constexpr int W = simd::width<T>;
  for (index_t at = 0; at < n; at += W) {
    T dz[4][W], dcell[W];
    for (int j = 0; j < W; ++j) {
      const index_t k = at + j;
      const T i = gates[k], f = gates[n + k], g = gates[2 * n + k], o = gates[3 * n + k];
      const T bounded = math::tanh(c[k]);
      const T d = dc[k] + dh[k] * o * (T(1) - bounded) * (T(1) + bounded);
      dz[0][j] = d * g * i * (T(1) - i);
      dz[1][j] = d * c_before[k] * f * (T(1) - f);
      dz[2][j] = d * i * (T(1) - g) * (T(1) + g);
      dz[3][j] = dh[k] * bounded * o * (T(1) - o);
      dcell[j] = d * f;
    }
    for (int m = 0; m < 4; ++m) std::copy_n(dz[m], W, gates + m * n + at);
    std::copy_n(dcell, W, dc + at);
  }
}

// y, end.h, end.c and saved are written where they have data.
template <class T>
void lstm_forward(TensorView<T, 3, Host> y, const LstmStateViews<T, Host>& end, TensorView<T, 1, Host> saved,
                  TensorView<const T, 3, Host> x, const LstmWeightViews<const T, Host>& weights,
                  const LstmStateViews<const T, Host>& start, bool reverse) {
  const index_t I = x.size(2), H = weights.W_hh.size(1), L = x.size(1);
  const LstmLayout<T> at{x.size(0), L, I, H, saved.data() != nullptr};
  Scratch scratch;
  T* V = scratch.take<T>(4 * H * at.operand_rows());
  lstm_pack(V, weights);
  T* memory = at.keeps ? saved.data() : scratch.take<T>(at.count());
  parallel_for(
      at.blocks(),
      [&](index_t q) {
        const index_t w = at.lanes(q), n = H * w, entries = at.entries(q);
        T* slot = memory + at.slot_begin(q, 0);
        lstm_gather(slot + I * w, H, w, lstm_entries<const T>(at, start.h, q), entries);
        lstm_gather(slot + at.cell_row() * w, H, w, lstm_entries<const T>(at, start.c, q), entries);
        for (index_t s = 0; s < L; ++s) {
          const index_t t = reverse ? L - 1 - s : s;
          T *next = memory + at.slot_begin(q, s + 1), *gates = slot + at.gate_row() * w;
          lstm_gather(slot, I, w, lstm_entries<const T>(at, x, q, t), entries);
          std::fill_n(slot + (I + H) * w, w, T(1));
          gemm(4 * H, w, at.operand_rows(), V, at.operand_rows(), 1, slot, w, 1, gates, w, false);
          lstm_gates(gates, next + I * w, next + at.cell_row() * w, slot + at.cell_row() * w, n);
          lstm_scatter(lstm_entries<T>(at, y, q, t), next + I * w, H, w, entries);
          slot = next;
        }
        lstm_scatter(lstm_entries<T>(at, end.h, q), slot + I * w, H, w, entries);
        lstm_scatter(lstm_entries<T>(at, end.c, q), slot + at.cell_row() * w, H, w, entries);
      },
      at.work());
}

// --- gradients of the weights: sums over batch and time of dz s^T -----------------------------------------------

// sums (R, C) = the products of R rows from row_a on with C rows from row_b on, summed over lanes, steps and blocks.
template <int R, int C, class T>
void lstm_outer_tile(const LstmLayout<T>& at, const T* memory, index_t row_a, index_t row_b, T (&sums)[R][C]) {
  constexpr int W = simd::width<T>;
  simd::Lanes<T> c[R][C] = {};
  for (index_t q = 0; q < at.blocks(); ++q) {
    const index_t w = at.lanes(q);
    for (index_t s = 0; s < at.L; ++s) {
      const T *a = memory + at.slot_begin(q, s) + row_a * w, *b = memory + at.slot_begin(q, s) + row_b * w;
      for (index_t j = 0; j < w; j += W) {
        simd::Lanes<T> left[R];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) left[r] = simd::load(a + r * w + j);
#pragma GCC unroll 8
        for (int k = 0; k < C; ++k) {
          const simd::Lanes<T> right = simd::load(b + k * w + j);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) c[r][k] += left[r] * right;
        }
      }
    }
  }
  for (int r = 0; r < R; ++r)
    for (int k = 0; k < C; ++k) {
      T lanes[W];
      simd::store(lanes, c[r][k]);
      for (int half = W / 2; half > 0; half /= 2)
        for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
      sums[r][k] = lanes[0];
    }
}

// dW (4 H, K) += dz b^T for the K rows of the slots from row_b on.
template <class T>
void lstm_add_outer(TensorView<T, 2> dW, const LstmLayout<T>& at, const T* memory, index_t row_b) {
  constexpr int R = 4, C = simd::registers == 32 ? 6 : 2;
  parallel_for(
      at.H,
      [&](index_t block) {
        const index_t first = block * R, K = dW.size(1);
        index_t k = 0;
        auto columns = [&]<int N>() {
          for (; k + N <= K; k += N) {
            T sums[R][N];
            lstm_outer_tile<R, N>(at, memory, at.gate_row() + first, row_b + k, sums);
            for (int r = 0; r < R; ++r)
              for (int j = 0; j < N; ++j) dW(first + r, k + j) += sums[r][j];
          }
        };
        columns.template operator()<C>();
        if constexpr (C > 4) columns.template operator()<4>();
        if constexpr (C > 2) columns.template operator()<2>();
        columns.template operator()<1>();
      },
      at.work());
}

// One gradient per bias: both have the same.
template <class T>
void lstm_add_bias(const LstmWeightViews<T, Host>& d, const LstmLayout<T>& at, const T* memory) {
  if (!wanted(d.b_ih) && !wanted(d.b_hh)) return;
  Scratch scratch;
  const TensorView<T, 2> sums = scratch.tensor<T>(Extents<2>{4 * at.H, 1});
  std::fill_n(sums.data(), sums.count(), T(0));
  lstm_add_outer(sums, at, memory, at.I + at.H);
  for (index_t n = 0; n < sums.count(); ++n) {
    if (wanted(d.b_ih)) d.b_ih(n) += sums.data()[n];
    if (wanted(d.b_hh)) d.b_hh(n) += sums.data()[n];
  }
}

// dx and dstart are assigned, d is added to; each of their views may be left out, and so may dy and those of dend.
template <class T>
void lstm_backward(TensorView<T, 3, Host> dx, const LstmWeightViews<T, Host>& d, const LstmStateViews<T, Host>& dstart,
                   TensorView<const T, 3, Host> dy, const LstmStateViews<const T, Host>& dend,
                   TensorView<T, 1, Host> saved, const LstmWeightViews<const T, Host>& weights, const Extents<3>& sizes,
                   bool reverse) {
  const index_t B = sizes[0], L = sizes[1], I = sizes[2], H = weights.W_hh.size(1);
  const LstmLayout<T> at{B, L, I, H, true};
  Scratch scratch;
  T* V = scratch.take<T>(4 * H * at.operand_rows());
  lstm_pack(V, weights);
  T* memory = saved.data();
  const index_t skipped = wanted(dx) ? 0 : I;  // rows of s whose gradient nobody asked for
  parallel_for(
      at.blocks(),
      [&](index_t q) {
        const index_t w = at.lanes(q), n = H * w, entries = at.entries(q);
        Scratch local;
        T *ds = local.take<T>((I + H) * w), *dc = local.take<T>(n), *dh = ds + I * w;  // ds: [dx_t; dh_{t-1}]
        lstm_gather(dh, H, w, lstm_entries<const T>(at, dend.h, q), entries);
        lstm_gather(dc, H, w, lstm_entries<const T>(at, dend.c, q), entries);
        for (index_t s = L - 1; s >= 0; --s) {
          const index_t t = reverse ? L - 1 - s : s;
          T *slot = memory + at.slot_begin(q, s), *next = memory + at.slot_begin(q, s + 1);
          T* gates = slot + at.gate_row() * w;
          if (dy.data() != nullptr) lstm_gather_add(dh, H, w, lstm_entries<const T>(at, dy, q, t), entries);
          lstm_gate_gradients(gates, dc, dh, next + at.cell_row() * w, slot + at.cell_row() * w, n);
          gemm(I + H - skipped, w, 4 * H, V + skipped, 1, at.operand_rows(), gates, w, 1, ds + skipped * w, w, false);
          lstm_scatter(lstm_entries<T>(at, dx, q, t), ds, I, w, entries);
        }
        lstm_scatter(lstm_entries<T>(at, dstart.h, q), dh, H, w, entries);
        lstm_scatter(lstm_entries<T>(at, dstart.c, q), dc, H, w, entries);
      },
      at.work());
  if (wanted(d.W_ih)) lstm_add_outer(d.W_ih, at, memory, 0);
  if (wanted(d.W_hh)) lstm_add_outer(d.W_hh, at, memory, I);
  lstm_add_bias(d, at, memory);
}

// --- one step of a stream -----------------------------------------------------------------------------------------

// h, c (B, H) move on by x (B, I); z (B, 4 H) is room. All dense but x. Sums in another order than lstm_forward's.
template <class T>
void lstm_step(const LstmStateViews<T, Host>& state, TensorView<T, 2, Host> z, TensorView<const T, 2, Host> x,
               const LstmWeightViews<const T, Host>& weights) noexcept {
  const index_t I = x.size(1), H = state.h.size(1), step = x.stride(1);
  const bool biased = weights.b_ih.data() != nullptr;
  for (index_t b = 0; b < x.size(0); ++b) {
    const T* in = x.data() + b * x.stride(0);
    T *h = state.h.data() + b * H, *c = state.c.data() + b * H, *gates = z.data() + b * 4 * H;
    for (index_t n = 0; n < 4 * H; ++n) {
      const T *u = weights.W_ih.data() + n * I, *v = weights.W_hh.data() + n * H;
      gates[n] = lane_sum<T>(I, [=](index_t i) { return u[i] * in[i * step]; }) +
                 lane_sum<T>(H, [=](index_t k) { return v[k] * h[k]; }) +
                 (biased ? weights.b_ih(n) + weights.b_hh(n) : T(0));
    }
    for (index_t k = 0; k < H; ++k) {
      const T i = math::sigmoid(gates[k]), f = math::sigmoid(gates[H + k]);
      const T g = math::tanh(gates[2 * H + k]), o = math::sigmoid(gates[3 * H + k]);
      c[k] = f * c[k] + i * g;
      h[k] = o * math::tanh(c[k]);
    }
  }
}

}  // namespace longwave::impl
