// memory.hpp - storage on the device, and the two ways between host and device. Defined in longwave::cuda.
//
//   Tensor<float, 2, Cuda> d = cuda::to_device(host);      // both wait for the copy to end
//   Tensor<float, 2> h = cuda::to_host(d);
//
// Views must be contiguous. Work goes to the calling thread's current stream (stream.hpp).
//
// Memory comes from one pool per device, which keeps what is released for the next use, and is taken and released in
// the order of CUDA's legacy stream. Every Stream is ordered with that one: memory is handed on only after all work
// that was queued before it was released, on whichever stream, and the host never waits for it. So tensors may be made
// on one stream, used on a second (after an Event, as any data) and released by a thread that knows of neither.
#pragma once

#include "longwave/core/tensor.hpp"

namespace longwave {

template <>
struct Memory<Cuda> {
  static void* allocate(std::size_t bytes);  // DeviceError: how much was asked, is free, is there
  static void release(void* p) noexcept;
  static void zero(void* p, std::size_t bytes);
  static void copy(void* to, const void* from, std::size_t bytes);  // within the device
};

namespace cuda {

// Of the current device's pool, in bytes: tensors, arenas, working memory.
struct MemoryUse {
  std::size_t used;      // handed out now
  std::size_t reserved;  // taken from the device, used or kept for later
  std::size_t peak;      // most that was handed out at once since reset_peak_memory()
};
MemoryUse memory_use();
void reset_peak_memory();
void release_unused_memory();  // gives what is kept for later back to the device; waits for it

// The most that a scope takes on top of what is in use when it begins. One at a time.
class PeakMemory {
 public:
  PeakMemory() {
    reset_peak_memory();
    before_ = memory_use().used;
  }
  std::size_t bytes() const { return memory_use().peak - before_; }

 private:
  std::size_t before_;
};

void* allocate_pinned(std::size_t bytes);  // host memory that the device reads and writes by itself
void release_pinned(void* p) noexcept;

void copy_to_device(void* to, const void* from, std::size_t bytes);
void copy_to_host(void* to, const void* from, std::size_t bytes);
void copy_to_device_async(void* to, const void* from, std::size_t bytes);  // the host's side: pinned
void copy_to_host_async(void* to, const void* from, std::size_t bytes);

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
