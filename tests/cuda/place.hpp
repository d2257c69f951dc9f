// place.hpp - tests on the device: bringing tensors there, and what to do where there is none.
#pragma once

#include "longwave/cuda.hpp"
#include "typed_ops.hpp"

template <>
struct longwave::test::Place<longwave::Cuda> {
  template <class T, int N>
  static Tensor<T, N, Cuda> to(const Tensor<T, N>& t) {
    return cuda::to_device(t);
  }
  template <class T, int N>
  static Tensor<T, N> from(const Tensor<T, N, Cuda>& t) {
    return cuda::to_host(t);
  }
};

namespace longwave::test {

// Runs the body, or says that it did not.
template <class F>
void on_device(F&& body) {
  if (cuda::device_count() == 0) {
    WARN("skipped: no CUDA device");
    return;
  }
  body();
}

}  // namespace longwave::test
