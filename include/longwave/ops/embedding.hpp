// embedding.hpp - rows of a table by integer index.
//
//   y[p, :] = table[index[p], :]         dtable[index[p], :] += dy[p, :]
//
// table (V, E); index: any integer type, rank 1 or 2; y: the shape of index, then E. The gradient is added in the order
// of the positions, so repeated indices give the same bits for any number of threads.
#pragma once

#include <string>
#include <type_traits>

#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/embedding.hpp"

namespace longwave {

namespace impl {

// (1, P) or (A, P) of one or two axes.
template <class T, int N>
  requires(N <= 2)
TensorView<T, 2, Host> as_matrix(TensorView<T, N, Host> x) {
  if constexpr (N == 2)
    return x;
  else
    return {x.data(), Extents<2>{1, x.size(0)}, Extents<2>{0, x.stride(0)}};
}

template <class T, int N>
TensorView<T, 3, Host> rows_of_matrix(TensorView<T, N, Host> y) {
  if constexpr (N == 3)
    return y;
  else
    return {y.data(), Extents<3>{1, y.size(0), y.size(1)}, Extents<3>{0, y.stride(0), y.stride(1)}};
}

template <class I, int M>
void check_indices(TensorView<I, M, Host> index, index_t V) {
  const auto matrix = as_matrix(index);
  for (index_t a = 0; a < matrix.size(0); ++a)
    for (index_t p = 0; p < matrix.size(1); ++p) {
      const auto value = static_cast<index_t>(matrix(a, p));
      if (value < 0 || value >= V)
        throw_value_error("embedding: index " + std::to_string(value) + " at position " +
                          (M == 2 ? to_string(Extents{a, p}) : "(" + std::to_string(p) + ")") + " is outside [0, " +
                          std::to_string(V) + ")");
    }
}

template <class T, int N, class I, int M>
void embedding_forward(TensorView<T, N, Host> y, In<T, 2> table, TensorView<I, M, Host> index) {
  const auto at = as_matrix(index);
  const auto out = rows_of_matrix(y);
  const index_t P = at.size(1), E = table.size(1);
  parallel_blocks(at.count(), (1 << 14) / (E + 1), [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const auto row = static_cast<index_t>(at(i / P, i % P));
      for (index_t e = 0; e < E; ++e) out(i / P, i % P, e) = table(row, e);
    }
  });
}

// Cut over the columns of the table: every thread walks all positions.
template <class T, int N, class I, int M>
void embedding_backward(TensorView<T, 2, Host> dtable, In<T, N> dy, TensorView<I, M, Host> index) {
  const auto at = as_matrix(index);
  const auto up = rows_of_matrix(dy);
  parallel_blocks(dtable.size(1), 64, [&](index_t begin, index_t end) {
    for (index_t a = 0; a < at.size(0); ++a)
      for (index_t p = 0; p < at.size(1); ++p) {
        const auto row = static_cast<index_t>(at(a, p));
        for (index_t e = begin; e < end; ++e) dtable(row, e) += up(a, p, e);
      }
  });
}

}  // namespace impl

namespace ops {

struct Embedding {
  template <class T, int N, device D, class I, int M>
  static void forward(TensorView<T, N, D> y, In<T, 2, D> table, TensorView<I, M, D> index) {
    check(y.sizes(), "y", table.sizes(), index.sizes());
    static_assert(std::is_integral_v<std::remove_const_t<I>>, "an index is an integer");
    impl::check_indices(index, table.size(0));
    impl::embedding_forward(y, table, index);
  }

  // dtable is added to. The indices are those that forward has checked.
  template <class T, int N, device D, class I, int M>
  static void backward(Out<T, 2, D> dtable, TensorView<const T, N, D> dy, TensorView<I, M, D> index) {
    if (!wanted(dtable)) return;
    check(dy.sizes(), "dy", dtable.sizes(), index.sizes());
    impl::check_indices(index, dtable.size(0));
    impl::embedding_backward<T, N>(dtable, dy, index);
  }

  // Shape of y: that of the index, then E.
  template <int M>
  static Extents<M + 1> sizes(const Extents<M>& index, index_t E) {
    Extents<M + 1> y;
    for (int i = 0; i < M; ++i) y[i] = index[i];
    y[M] = E;
    return y;
  }

 private:
  template <int N, int M>
  static void check(const Extents<N>& y, const char* y_name, const Extents<2>& table, const Extents<M>& index) {
    static_assert(M == 1 || M == 2, "embedding: the index has one or two axes");
    static_assert(N == M + 1, "embedding: y has the axes of the index, then E");
    const Extents<N> expected = sizes(index, table[1]);
    if (!(y == expected))
      throw_shape_error(std::string("embedding: ") + y_name + " is " + to_string(y) + ", expected " +
                        to_string(expected) + " for a table " + to_string(table, "VE"));
  }
};

}  // namespace ops
}  // namespace longwave
