// chunk_grid.hpp - one channel's sequences cut into chunks, and the rows that each product of the chunked scan takes.
#pragma once

#include <algorithm>

#include "longwave/cpu/powers.hpp"

namespace longwave::impl {

template <class T>
struct Rows {  // row i starts at data + i * step, elements of a row follow one another
  T* data;
  index_t step;
};

// One product of the scan: `rows` chunks of `steps` steps, starting at chunk c of entry b; either consecutive chunks
// of that entry or the same chunk of consecutive entries.
struct ChunkBlock {
  index_t rows, steps, b, c;
  bool consecutive;
};

struct ChunkGrid {
  index_t batch, L, T, N;
  index_t full = L / T, rest = L % T;  // full chunks, steps of a shorter last one
  index_t chunks = full + (rest > 0);
  index_t pitch = (chunks + 1) * 2 * N;  // states are (batch, chunks + 1, 2N)

  // f(block) for blocks that cover every chunk. Consecutive chunks of one entry where there are enough to fill a tile
  // of the product: entries lie H L samples apart, often in the same sets of every cache.
  template <class F>
  void each(F&& f) const {
    const bool consecutive = full > batch || full >= 12;
    if (consecutive)
      for (index_t b = 0; b < batch; ++b) f(ChunkBlock{full, T, b, 0, true});
    for (index_t c = consecutive ? full : 0; c < chunks; ++c) f(ChunkBlock{batch, c < full ? T : rest, 0, c, false});
  }

  // The block's rows of samples (batch, L) and of states; `after` = 1: the states after the chunks.
  template <class U>
  Rows<U> samples(Rows<U> sequences, const ChunkBlock& k) const {
    return {sequences.data + k.b * sequences.step + k.c * T, k.consecutive ? T : sequences.step};
  }
  template <class U>
  Rows<U> states(U* S, const ChunkBlock& k, index_t after = 0) const {
    return {S + k.b * pitch + (k.c + after) * 2 * N, k.consecutive ? 2 * N : pitch};
  }
  template <class U>
  U* state(U* S, index_t b, index_t c) const {
    return S + b * pitch + c * 2 * N;
  }
};

template <class T>
struct ChunkRotation {  // a^steps of every mode
  T *re, *im;
  ChunkRotation(Scratch& scratch, const Powers& power, index_t steps)
      : re(scratch.take<T>(power.N)), im(scratch.take<T>(power.N)) {
    for (index_t n = 0; n < power.N; ++n) {
      re[n] = static_cast<T>(power.re[steps * power.N + n]);
      im[n] = static_cast<T>(power.im[steps * power.N + n]);
    }
  }
};

// to += a from, or conj(a) from, for rows [Re, Im] of N modes.
template <bool CONJ, class T>
void rotate_add(T* __restrict to, const T* __restrict from, const ChunkRotation<T>& a, index_t N) {
  const T* __restrict a_re = a.re;
  const T* __restrict a_im = a.im;
  for (index_t n = 0; n < N; ++n) {
    const T im = CONJ ? -a_im[n] : a_im[n];
    to[n] += a_re[n] * from[n] - im * from[N + n];
    to[N + n] += a_re[n] * from[N + n] + im * from[n];
  }
}

// Channel h of a state tensor (B, 2, N, H) <-> a row [Re, Im]. Left out: read as zero.
template <class T>
void load_state(T* row, TensorView<const T, 4> state, index_t b, index_t h, index_t N) {
  for (index_t i = 0; i < 2 * N; ++i) row[i] = state.data() == nullptr ? T(0) : state(b, i / N, i % N, h);
}
template <class T>
void store_state(TensorView<T, 4> state, const T* row, index_t b, index_t h, index_t N) {
  for (index_t i = 0; i < 2 * N; ++i) state(b, i / N, i % N, h) = row[i];
}

// Channel h of entries b0 .. b0 + batch as rows of unit stride: the data itself, or a copy where it is strided.
template <class T>
Rows<const T> read_channel(Scratch& scratch, TensorView<const T, 3> u, index_t b0, index_t batch, index_t h) {
  const index_t L = u.size(2);
  if (u.stride(2) == 1 || L <= 1) return {u.data() + b0 * u.stride(0) + h * u.stride(1), u.stride(0)};
  T* copy = scratch.take<T>(batch * L);
  for (index_t b = 0; b < batch; ++b)
    for (index_t l = 0; l < L; ++l) copy[b * L + l] = u(b0 + b, h, l);
  return {copy, L};
}

// The same for writing: fill the rows, then call write_back.
template <class T>
Rows<T> write_channel(Scratch& scratch, TensorView<T, 3> y, index_t b0, index_t batch, index_t h) {
  if (y.stride(2) == 1 || y.size(2) <= 1) return {y.data() + b0 * y.stride(0) + h * y.stride(1), y.stride(0)};
  return {scratch.take<T>(batch * y.size(2)), y.size(2)};
}
template <class T>
void write_back(TensorView<T, 3> y, Rows<T> rows, index_t b0, index_t batch, index_t h) {
  if (y.stride(2) == 1 || y.size(2) <= 1) return;
  for (index_t b = 0; b < batch; ++b)
    for (index_t l = 0; l < y.size(2); ++l) y(b0 + b, h, l) = rows.data[b * rows.step + l];
}

}  // namespace longwave::impl
