// arrays.hpp - what writers take: arrays with a name and a type, their rank forgotten.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/core/rows.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/io/dtype.hpp"

namespace longwave {

// Dense, row-major; refers to the elements.
struct NamedArray {
  std::string name;
  DType dtype;
  std::vector<index_t> shape;
  const void* data;
};

template <class T, int N>
NamedArray named_array(std::string name, TensorView<T, N> view) {
  if (!view.contiguous()) throw_value_error("named_array: " + name + " is not contiguous; copy it first");
  return {std::move(name), dtype_of<std::remove_const_t<T>>,
          std::vector<index_t>(view.sizes().sizes, view.sizes().sizes + N), view.data()};
}
template <class T, int N>
NamedArray named_array(std::string name, const Tensor<T, N>& tensor) {
  return named_array(std::move(name), tensor.view());
}

namespace detail {

// Any view as a dense tensor.
template <class T, int N>
Tensor<std::remove_const_t<T>, N> dense_copy(TensorView<T, N> from) {
  auto to = Tensor<std::remove_const_t<T>, N>::uninitialized(from.sizes());
  if (from.count() == 0) return to;
  const Extents<N> strides[2] = {dense_strides(from.sizes()), from.strides()};
  const RowPlan<N, 2> plan(from.sizes(), strides);
  for (index_t r = 0; r < plan.rows(); ++r) {
    const Row<2> row = plan.row(r);
    for (index_t i = 0; i < row.length; ++i)
      to.data()[row.offset[0] + i * row.step[0]] = from.data()[row.offset[1] + i * row.step[1]];
  }
  return to;
}

}  // namespace detail
}  // namespace longwave
