// print.hpp - tensors as text: shape and device, then the numbers, long axes shortened to their ends.
#pragma once

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string>

#include "longwave/core/tensor.hpp"

namespace longwave {

namespace detail {

inline constexpr index_t print_edge = 3;  // elements shown at each end of an axis longer than twice that, plus one

template <class T, int N>
void print_elements(std::ostream& out, TensorView<T, N> view, int indent) {
  if constexpr (N == 0) {
    out << +view();
  } else {
    const index_t n = view.size(0);
    out << '[';
    for (index_t i = 0; i < n; ++i) {
      if (i > 0) out << (N == 1 ? ", " : ",\n" + std::string(indent + 1, ' '));
      if (n > 2 * print_edge + 1 && i == print_edge) {
        out << "...";
        i = n - print_edge - 1;
        continue;
      }
      print_elements(out, view[i], indent + 1);
    }
    out << ']';
  }
}

}  // namespace detail

template <class T, int N>
std::ostream& operator<<(std::ostream& out, TensorView<T, N> view) {
  detail::print_elements(out, view, 0);
  return out << "  " << to_string(view.sizes());
}
template <class T, int N>
std::ostream& operator<<(std::ostream& out, const Tensor<T, N>& tensor) {
  return out << tensor.view();
}

template <class T, int N>
std::string to_string(TensorView<T, N> view) {
  std::ostringstream text;
  text << view;
  return text.str();
}

}  // namespace longwave
