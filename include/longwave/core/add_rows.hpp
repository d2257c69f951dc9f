// add_rows.hpp - a bias and a narrow product added to a tensor on the device in one pass:
//
//   y = factor (x + bias + W c)        y, x (B, O, L), bias (B, O) or repeated along B, c (B, K, L) with few K, W (O,
//   K)
//
// x, bias and c (with W) may be left out; y may be x's memory. Reads x and c once, writes y once. It takes the place of
// a tensor filled with a bias, a product added to that, and a sum of the two: three passes and two launches less.
#pragma once

#include <cstdint>

#include "longwave/core/each.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace impl {

// i / n, in 32 bits where they are enough: a fifth of the time on the device.
LONGWAVE_HD inline index_t quotient(index_t i, index_t n) {
  if (((i | n) >> 32) == 0) return static_cast<index_t>(static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(n));
  return i / n;
}

// 16 bytes, loaded and stored at once.
template <class T>
struct alignas(16) Piece {
  static constexpr index_t width = 16 / index_t(sizeof(T));
  T at[width];

  static bool starts_at(const T* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }
  LONGWAVE_HD static Piece load(const T* p) { return *reinterpret_cast<const Piece*>(p); }
  LONGWAVE_HD void store(T* p) const { *reinterpret_cast<Piece*>(p) = *this; }
};

template <class T, device D>
struct AddRows {
  static constexpr const char* name = "add_rows";
  T* y;                            // dense, as x
  const T* x;                      // or null
  Extents<3> sizes;                // B, O, L
  TensorView<const T, 2, D> bias;  // (B, O), or without data
  TensorView<const T, 3, D> c;     // (B, K, L), or without data
  TensorView<const T, 2, D> W;
  T factor;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t row = quotient(i, sizes[2]), l = i - row * sizes[2];
    const index_t b = quotient(row, sizes[1]), o = row - b * sizes[1];
    T sum = x != nullptr ? x[i] : T(0);
    if (bias.data() != nullptr) sum += bias(b, o);
    if (c.data() != nullptr)
      for (index_t k = 0; k < c.size(1); ++k) sum += W(o, k) * c(b, k, l);
    y[i] = factor * sum;
  }
};

// The same, 16 bytes at a time: L a multiple of `width`, y and x on 16 bytes.
template <class T, device D>
struct AddRowsWide {
  static constexpr const char* name = "add_rows";
  static constexpr index_t width = Piece<T>::width;
  AddRows<T, D> rows;

  static bool takes(const AddRows<T, D>& rows) {
    return rows.sizes[2] % width == 0 && Piece<T>::starts_at(rows.y) && Piece<T>::starts_at(rows.x);
  }

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t at = i * width, row = quotient(at, rows.sizes[2]), l = at - row * rows.sizes[2];
    const index_t b = quotient(row, rows.sizes[1]), o = row - b * rows.sizes[1];
    Piece<T> sum = rows.x != nullptr ? Piece<T>::load(rows.x + at) : Piece<T>{};
    const T bias = rows.bias.data() != nullptr ? rows.bias(b, o) : T(0);
    for (index_t j = 0; j < width; ++j) sum.at[j] += bias;
    if (rows.c.data() != nullptr)
      for (index_t k = 0; k < rows.c.size(1); ++k) {
        const T weight = rows.W(o, k);
        for (index_t j = 0; j < width; ++j) sum.at[j] += weight * rows.c(b, k, l + j);
      }
    for (index_t j = 0; j < width; ++j) sum.at[j] = rows.factor * sum.at[j];
    sum.store(rows.y + at);
  }
};

// bias (O) for every entry of a batch of B.
template <class T, device D>
TensorView<const T, 2, D> for_all_entries(const TensorView<const T, 1, D>& bias, index_t B) {
  return {bias.data(), Extents<2>{B, bias.size(0)}, Extents<2>{0, bias.stride(0)}};
}

// y and x dense.
template <class T, device D>
void add_rows(TensorView<T, 3, D> y, In<T, 3, D> x, In<T, 2, D> bias, In<T, 3, D> c = {}, In<T, 2, D> W = {},
              std::type_identity_t<T> factor = 1) {
  const AddRows<T, D> rows{y.data(), x.data(), y.sizes(), bias, c, W, factor};
  if constexpr (std::is_same_v<D, Cuda>)
    if (AddRowsWide<T, D>::takes(rows))
      return for_each_index<D>(y.count() / AddRowsWide<T, D>::width, AddRowsWide<T, D>{rows});
  for_each_index<D>(y.count(), rows, 8 + 2 * (c.data() != nullptr ? c.size(1) : 0));
}

}  // namespace impl
}  // namespace longwave
