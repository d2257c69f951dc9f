// arrays.hpp - what writers take: arrays with a name and a type, their rank forgotten. Those of the device are copied
// to the host.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/core/rows.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/io/dtype.hpp"

namespace longwave {

// Dense, row-major, on the host; refers to the elements.
struct NamedArray {
  std::string name;
  DType dtype;
  std::vector<index_t> shape;
  const void* data;
  std::shared_ptr<const void> copy = nullptr;  // what `data` refers to, where the elements are on the device
};

namespace detail {

inline std::shared_ptr<const void> copy_from_device(const void* data, std::size_t bytes) {
  std::shared_ptr<void> host(Memory<Host>::allocate(bytes), Memory<Host>::release);
  cuda::copy_to_host(host.get(), data, bytes);
  return host;
}

}  // namespace detail

template <class T, int N, device D>
NamedArray named_array(std::string name, TensorView<T, N, D> view) {
  if (!view.contiguous()) throw_value_error("named_array: " + name + " is not contiguous; copy it first");
  NamedArray array{std::move(name), dtype_of<std::remove_const_t<T>>,
                   std::vector<index_t>(view.sizes().sizes, view.sizes().sizes + N), view.data()};
  if constexpr (std::is_same_v<D, Cuda>) {
    array.copy = detail::copy_from_device(view.data(), static_cast<std::size_t>(view.count()) * sizeof(T));
    array.data = array.copy.get();
  }
  return array;
}
template <class T, int N, device D>
NamedArray named_array(std::string name, const Tensor<T, N, D>& tensor) {
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
