// extents.hpp - the sizes of a tensor: static rank, run-time sizes, usable in device code.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "longwave/core/config.hpp"

namespace longwave {

using index_t = std::int64_t;

template <int N>
struct Extents {
  static_assert(N >= 0, "a rank cannot be negative");

  index_t sizes[N > 0 ? N : 1] = {};

  Extents() = default;

  // Extents<3>{B, H, L}
  template <class... I>
    requires(sizeof...(I) == N && N > 0 && (std::is_convertible_v<I, index_t> && ...))
  LONGWAVE_HD constexpr Extents(I... size) : sizes{static_cast<index_t>(size)...} {}

  LONGWAVE_HD constexpr index_t operator[](int axis) const { return sizes[axis]; }
  LONGWAVE_HD constexpr index_t& operator[](int axis) { return sizes[axis]; }

  // Number of elements; 1 for rank 0.
  LONGWAVE_HD constexpr index_t count() const {
    index_t n = 1;
    for (int i = 0; i < N; ++i) n *= sizes[i];
    return n;
  }

  LONGWAVE_HD friend constexpr bool operator==(const Extents& a, const Extents& b) {
    for (int i = 0; i < N; ++i)
      if (a.sizes[i] != b.sizes[i]) return false;
    return true;
  }
};

template <class... I>
Extents(I...) -> Extents<static_cast<int>(sizeof...(I))>;

// Strides, in elements, of a dense row-major tensor of these sizes.
template <int N>
LONGWAVE_HD constexpr Extents<N> dense_strides(const Extents<N>& sizes) {
  Extents<N> strides;
  index_t step = 1;
  for (int i = N - 1; i >= 0; --i) {
    strides[i] = step;
    step *= sizes[i];
  }
  return strides;
}

// "(8, 64, 1024)"; with letters = "BHL": "(B=8, H=64, L=1024)".
template <int N>
std::string to_string(const Extents<N>& sizes, const char* letters = "") {
  std::string text = "(";
  for (int i = 0; i < N; ++i) {
    if (i > 0) text += ", ";
    if (*letters != '\0') {
      text += *letters++;
      text += '=';
    }
    text += std::to_string(sizes[i]);
  }
  return text + ")";
}

}  // namespace longwave
