// gru.hpp - one direction of one GRU layer on the CPU; the equations are in ops/gru.hpp.
//
// The batch lies in the lanes, as for the LSTM (cpu/lstm.hpp), whose slots, gathering and sums of weight gradients
// serve here as well. A slot's four rows of gates hold a_r, a_z, W_in x, W_hn h, then r, z, n, m, and on the way back
// dr, dz and the gradients of the last two products; its rows of cells are not used. Products:
//
//   [a_r; a_z] = V_rz [x; h; 1]     W_in x, W_hn h apart, since r comes between them; their biases are added there
#pragma once

#include "longwave/core/gru_views.hpp"
#include "longwave/cpu/lstm.hpp"

namespace longwave::impl {

template <class T>
index_t gru_saved_count(Host, index_t B, index_t L, index_t I, index_t H) {
  return lstm_saved_count<T>(Host(), B, L, I, H);
}

// V (3 H, K): W_ih, W_hh and for r and z the sum of the biases; bias (2 H): b_in, b_hn.
template <class T>
void gru_pack(T* V, T* bias, const GruWeightViews<const T, Host>& w) {
  const index_t I = w.W_ih.size(1), H = w.W_hh.size(1);
  const auto of = [](TensorView<const T, 1> b, index_t n) { return b.data() != nullptr ? b(n) : T(0); };
  for (index_t n = 0; n < 3 * H; ++n, V += I + H + 1) {
    for (index_t i = 0; i < I; ++i) V[i] = w.W_ih(n, i);
    for (index_t h = 0; h < H; ++h) V[I + h] = w.W_hh(n, h);
    V[I + H] = of(w.b_ih, n) + of(w.b_hh, n);
  }
  for (index_t h = 0; h < H; ++h) {
    bias[h] = of(w.b_ih, 2 * H + h);
    bias[H + h] = of(w.b_hh, 2 * H + h);
  }
}

// Row k of all gates of `w` lanes, and h of the step; n numbers from gate to gate.
template <class T>
void gru_gates(T* gates, T* h, const T* h_before, const T* bias, index_t H, index_t w) {
  constexpr int W = simd::width<T>;
  const index_t n = H * w;
  for (index_t k = 0; k < H; ++k)
    for (index_t at = k * w; at < (k + 1) * w; at += W) {
      T r[W], z[W], m[W], c[W], hidden[W];
      for (int j = 0; j < W; ++j) r[j] = math::sigmoid(gates[at + j]);
      for (int j = 0; j < W; ++j) z[j] = math::sigmoid(gates[n + at + j]);
      for (int j = 0; j < W; ++j) m[j] = gates[3 * n + at + j] + bias[H + k];
      for (int j = 0; j < W; ++j) c[j] = math::tanh(gates[2 * n + at + j] + bias[k] + r[j] * m[j]);
      for (int j = 0; j < W; ++j) hidden[j] = c[j] + z[j] * (h_before[at + j] - c[j]);
      std::copy_n(r, W, gates + at);
      std::copy_n(z, W, gates + n + at);
      std::copy_n(c, W, gates + 2 * n + at);
      std::copy_n(m, W, gates + 3 * n + at);
      std::copy_n(hidden, W, h + at);
    }
}

// The gates become the gradients of the products, and dh that part of dh_{t-1} which does not go through them.
template <class T>
void gru_gate_gradients(T* gates, T* dh, const T* h_before, index_t n) {
  for (index_t k = 0; k < n; ++k) {
    const T r = gates[k], z = gates[n + k], c = gates[2 * n + k], m = gates[3 * n + k], d = dh[k];
    const T dc = d * (T(1) - z) * (T(1) - c) * (T(1) + c);
    gates[k] = dc * m * r * (T(1) - r);
    gates[n + k] = d * (h_before[k] - c) * z * (T(1) - z);
    gates[2 * n + k] = dc;
    gates[3 * n + k] = dc * r;
    dh[k] = d * z;
  }
}

// y, end and saved are written where they have data.
template <class T>
void gru_forward(TensorView<T, 3, Host> y, TensorView<T, 2, Host> end, TensorView<T, 1, Host> saved,
                 TensorView<const T, 3, Host> x, const GruWeightViews<const T, Host>& weights,
                 TensorView<const T, 2, Host> start, bool reverse) {
  const index_t I = x.size(2), H = weights.W_hh.size(1), L = x.size(1), K = I + H + 1;
  const LstmLayout<T> at{x.size(0), L, I, H, saved.data() != nullptr};
  Scratch scratch;
  T *V = scratch.take<T>(3 * H * K), *bias = scratch.take<T>(2 * H);
  gru_pack(V, bias, weights);
  T* memory = at.keeps ? saved.data() : scratch.take<T>(at.count());
  parallel_for(
      at.blocks(),
      [&](index_t q) {
        const index_t w = at.lanes(q), n = H * w, entries = at.entries(q);
        T* slot = memory + at.slot_begin(q, 0);
        lstm_gather(slot + I * w, H, w, lstm_entries<const T>(at, start, q), entries);
        for (index_t s = 0; s < L; ++s) {
          const index_t t = reverse ? L - 1 - s : s;
          T *next = memory + at.slot_begin(q, s + 1), *gates = slot + at.gate_row() * w;
          lstm_gather(slot, I, w, lstm_entries<const T>(at, x, q, t), entries);
          std::fill_n(slot + (I + H) * w, w, T(1));
          gemm(2 * H, w, K, V, K, 1, slot, w, 1, gates, w, false);
          gemm(H, w, I, V + 2 * H * K, K, 1, slot, w, 1, gates + 2 * n, w, false);
          gemm(H, w, H, V + 2 * H * K + I, K, 1, slot + I * w, w, 1, gates + 3 * n, w, false);
          gru_gates(gates, next + I * w, slot + I * w, bias, H, w);
          lstm_scatter(lstm_entries<T>(at, y, q, t), next + I * w, H, w, entries);
          slot = next;
        }
        lstm_scatter(lstm_entries<T>(at, end, q), slot + I * w, H, w, entries);
      },
      at.work());
}

// dW (3 H, K) += the products of gates 0, 1 and `last` with K rows of the slots from row_b on.
template <class T>
void gru_add_outer(TensorView<T, 2> dW, const LstmLayout<T>& at, const T* memory, index_t row_b, index_t last) {
  Scratch scratch;
  const TensorView<T, 2> sums = scratch.tensor<T>(Extents<2>{4 * at.H, dW.size(1)});
  std::fill_n(sums.data(), sums.count(), T(0));
  lstm_add_outer(sums, at, memory, row_b);
  for (index_t n = 0; n < 3 * at.H; ++n)
    for (index_t k = 0; k < dW.size(1); ++k) dW(n, k) += sums(n < 2 * at.H ? n : n + (last - 2) * at.H, k);
}

// dx and dstart are assigned, d is added to; each may be left out, and so may dy and dend.
template <class T>
void gru_backward(TensorView<T, 3, Host> dx, const GruWeightViews<T, Host>& d, TensorView<T, 2, Host> dstart,
                  TensorView<const T, 3, Host> dy, TensorView<const T, 2, Host> dend, TensorView<T, 1, Host> saved,
                  const GruWeightViews<const T, Host>& weights, const Extents<3>& sizes, bool reverse) {
  const index_t B = sizes[0], L = sizes[1], I = sizes[2], H = weights.W_hh.size(1), K = I + H + 1;
  const LstmLayout<T> at{B, L, I, H, true};
  Scratch scratch;
  T *V = scratch.take<T>(3 * H * K), *bias = scratch.take<T>(2 * H);
  gru_pack(V, bias, weights);
  T* memory = saved.data();
  parallel_for(
      at.blocks(),
      [&](index_t q) {
        const index_t w = at.lanes(q), n = H * w, entries = at.entries(q);
        Scratch local;
        T *dh = local.take<T>(n), *dx_t = local.take<T>(I * w);
        lstm_gather(dh, H, w, lstm_entries<const T>(at, dend, q), entries);
        for (index_t s = L - 1; s >= 0; --s) {
          const index_t t = reverse ? L - 1 - s : s;
          T *slot = memory + at.slot_begin(q, s), *gates = slot + at.gate_row() * w;
          if (dy.data() != nullptr) lstm_gather_add(dh, H, w, lstm_entries<const T>(at, dy, q, t), entries);
          gru_gate_gradients(gates, dh, slot + I * w, n);
          gemm(H, w, 2 * H, V + I, 1, K, gates, w, 1, dh, w, true);
          gemm(H, w, H, V + 2 * H * K + I, 1, K, gates + 3 * n, w, 1, dh, w, true);
          if (!wanted(dx)) continue;
          gemm(I, w, 3 * H, V, 1, K, gates, w, 1, dx_t, w, false);
          lstm_scatter(lstm_entries<T>(at, dx, q, t), dx_t, I, w, entries);
        }
        lstm_scatter(lstm_entries<T>(at, dstart, q), dh, H, w, entries);
      },
      at.work());
  const auto add_bias = [&](TensorView<T, 1> db, index_t last) {
    if (wanted(db)) gru_add_outer(TensorView<T, 2>(db.data(), {3 * H, 1}, {db.stride(0), 1}), at, memory, I + H, last);
  };
  if (wanted(d.W_ih)) gru_add_outer(d.W_ih, at, memory, 0, 2);
  if (wanted(d.W_hh)) gru_add_outer(d.W_hh, at, memory, I, 3);
  add_bias(d.b_ih, 2);
  add_bias(d.b_hh, 3);
}

// --- one step of a stream -----------------------------------------------------------------------------------------

// h (B, H), dense, moves on by x (B, I); room (B, 4 H).
template <class T>
void gru_step(TensorView<T, 2, Host> h, TensorView<T, 2, Host> room, TensorView<const T, 2, Host> x,
              const GruWeightViews<const T, Host>& weights) noexcept {
  const index_t I = x.size(1), H = h.size(1), step = x.stride(1);
  const bool biased = weights.b_ih.data() != nullptr;
  for (index_t b = 0; b < x.size(0); ++b) {
    const T* in = x.data() + b * x.stride(0);
    T *state = h.data() + b * H, *at = room.data() + b * 4 * H;
    for (index_t n = 0; n < 3 * H; ++n) {
      const T *u = weights.W_ih.data() + n * I, *v = weights.W_hh.data() + n * H;
      const T from_x =
          lane_sum<T>(I, [=](index_t i) { return u[i] * in[i * step]; }) + (biased ? weights.b_ih(n) : T(0));
      const T from_h = lane_sum<T>(H, [=](index_t k) { return v[k] * state[k]; }) + (biased ? weights.b_hh(n) : T(0));
      at[n] = n < 2 * H ? from_x + from_h : from_x;
      if (n >= 2 * H) at[n + H] = from_h;
    }
    for (index_t k = 0; k < H; ++k) {
      const T r = math::sigmoid(at[k]), z = math::sigmoid(at[H + k]);
      const T c = math::tanh(at[2 * H + k] + r * at[3 * H + k]);
      state[k] = c + z * (state[k] - c);
    }
  }
}

}  // namespace longwave::impl
