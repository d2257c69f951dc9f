// readout.hpp - the device's overloads of what ops/readout.hpp calls, which includes this before its front. Lengths are
// read where they are: nobody looks at them before, and the kernels take one below M as M, one above L as L.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave {

namespace cuda {

enum class Readout { last, first, sum, mean };

template <class T>
void readout_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x,
                     TensorView<const index_t, 1, Cuda> lengths, Readout mode);
template <class T>
void readout_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 3, Cuda> dy,
                      TensorView<const index_t, 1, Cuda> lengths, Readout mode);

}  // namespace cuda

namespace impl {

// Their number only.
inline void check_lengths(const char* op, TensorView<const index_t, 1, Cuda> lengths, index_t B, index_t, index_t) {
  if (lengths.data() != nullptr) check_shape(op, "lengths", lengths, Extents<1>{B}, "B");
}

template <class Mode>
cuda::Readout device_readout(Mode mode) {
  return mode == Mode::last    ? cuda::Readout::last
         : mode == Mode::first ? cuda::Readout::first
         : mode == Mode::sum   ? cuda::Readout::sum
                               : cuda::Readout::mean;
}

template <class T, class Mode>
void readout_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x,
                     TensorView<const index_t, 1, Cuda> lengths, Mode mode) {
  cuda::readout_forward(y, x, lengths, device_readout(mode));
}

template <class T, class Mode>
void readout_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 3, Cuda> dy,
                      TensorView<const index_t, 1, Cuda> lengths, Mode mode) {
  cuda::readout_backward(dx, dy, lengths, device_readout(mode));
}

}  // namespace impl
}  // namespace longwave
