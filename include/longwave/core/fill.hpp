// fill.hpp - the loops over whole tensors that everything else needs. Host here, Cuda in cuda/fill.hpp.
#pragma once

#include <cmath>
#include <type_traits>

#include "longwave/core/rows.hpp"
#include "longwave/cuda/fill.hpp"

namespace longwave {

namespace detail {

template <class T, int N>
void fill(TensorView<T, N, Host> x, std::type_identity_t<T> value) {
  const Extents<N> strides[1] = {x.strides()};
  parallel_rows(x.sizes(), strides, [&](const Row<1>& row) {
    for (index_t i = 0; i < row.length; ++i) x.data()[row.offset[0] + i * row.step[0]] = value;
  });
}

template <class T, int N>
void add_to(TensorView<T, N, Host> sum, In<T, N, Host> x) {
  const Extents<N> strides[2] = {sum.strides(), x.strides()};
  parallel_rows(sum.sizes(), strides, [&](const Row<2>& row) {
    T* out = sum.data() + row.offset[0];
    const T* in = x.data() + row.offset[1];
    if (row.step[0] == 1 && row.step[1] == 1)
      for (index_t i = 0; i < row.length; ++i) out[i] += in[i];
    else
      for (index_t i = 0; i < row.length; ++i) out[i * row.step[0]] += in[i * row.step[1]];
  });
}

template <class T, int N>
void add(TensorView<T, N, Host> sum, In<T, N, Host> a, In<T, N, Host> b) {
  copy(sum, a);
  add_to<T, N>(sum, b);
}

template <class T, int N>
bool all_finite(TensorView<const T, N, Host> x) {
  bool finite = true;
  if (x.count() == 0) return true;
  const Extents<N> strides[1] = {x.strides()};
  const RowPlan<N, 1> plan(x.sizes(), strides);
  for (index_t r = 0; r < plan.rows(); ++r) {
    const Row<1> row = plan.row(r);
    for (index_t i = 0; i < row.length; ++i) finite &= std::isfinite(x.data()[row.offset[0] + i * row.step[0]]);
  }
  return finite;
}

}  // namespace detail

// Elements of `from` into `to`, of the same shape and any strides: what a Tensor keeps of a view's values.
template <class T, int N>
void copy(TensorView<T, N, Host> to, In<T, N, Host> from) {
  check_same_shape("copy", "to", to, "from", from);
  const Extents<N> strides[2] = {to.strides(), from.strides()};
  parallel_rows(to.sizes(), strides, [&](const Row<2>& row) {
    T* out = to.data() + row.offset[0];
    const T* in = from.data() + row.offset[1];
    for (index_t i = 0; i < row.length; ++i) out[i * row.step[0]] = in[i * row.step[1]];
  });
}

}  // namespace longwave
