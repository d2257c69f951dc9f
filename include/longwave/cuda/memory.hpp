// memory.hpp - storage on the device, and the two ways between host and device. Defined in longwave::cuda.
//
//   Tensor<float, 2, Cuda> d = cuda::to_device(host);      // both wait for the copy to end
//   Tensor<float, 2> h = cuda::to_host(d);
//
// Views must be contiguous. Work goes to the calling thread's current stream (stream.hpp).
#pragma once

#include "longwave/core/tensor.hpp"

namespace longwave {

template <>
struct Memory<Cuda> {
  static void* allocate(std::size_t bytes);  // DeviceError: how much was asked and how much is free
  static void release(void* p) noexcept;     // waits for the device
  static void zero(void* p, std::size_t bytes);
  static void copy(void* to, const void* from, std::size_t bytes);  // within the device
};

namespace cuda {

void copy_to_device(void* to, const void* from, std::size_t bytes);
void copy_to_host(void* to, const void* from, std::size_t bytes);

namespace detail {

template <class T, int N, device D, device E>
std::size_t check_copy(TensorView<T, N, D> to, TensorView<const T, N, E> from) {
  check_same_shape("cuda::copy", "to", to.sizes(), "from", from.sizes());
  if (!to.contiguous() || !from.contiguous())
    throw_shape_error("cuda::copy: a view of " + to_string(to.sizes()) +
                      " is not contiguous; copy it into a tensor first");
  return from.data() == nullptr ? 0 : static_cast<std::size_t>(from.count()) * sizeof(T);
}

}  // namespace detail

template <class T, int N>
void copy(TensorView<T, N, Cuda> to, std::type_identity_t<TensorView<const T, N, Host>> from) {
  copy_to_device(to.data(), from.data(), detail::check_copy(to, from));
}

template <class T, int N>
void copy(TensorView<T, N, Host> to, std::type_identity_t<TensorView<const T, N, Cuda>> from) {
  copy_to_host(to.data(), from.data(), detail::check_copy(to, from));
}

template <class T, int N>
Tensor<std::remove_const_t<T>, N, Cuda> to_device(TensorView<T, N, Host> x) {
  auto y = Tensor<std::remove_const_t<T>, N, Cuda>::uninitialized(x.sizes());
  copy(y.view(), x);
  return y;
}
template <class T, int N>
Tensor<T, N, Cuda> to_device(const Tensor<T, N, Host>& x) {
  return to_device(x.view());
}

template <class T, int N>
Tensor<std::remove_const_t<T>, N, Host> to_host(TensorView<T, N, Cuda> x) {
  auto y = Tensor<std::remove_const_t<T>, N, Host>::uninitialized(x.sizes());
  copy(y.view(), x);
  return y;
}
template <class T, int N>
Tensor<T, N, Host> to_host(const Tensor<T, N, Cuda>& x) {
  return to_host(x.view());
}

}  // namespace cuda
}  // namespace longwave
