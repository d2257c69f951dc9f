// diag_scan.hpp - the device's overloads of what ops/diag_scan.hpp calls, which includes this before its front.
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/core/diagonal.hpp"
#include "longwave/core/each_row.hpp"

namespace longwave {

namespace cuda {

template <class T>
void diag_scan_forward(const DiagonalOutputs<T, Cuda>& out, const DiagonalInputs<T, Cuda>& in);
template <class T>
void diag_scan_backward(const DiagonalGradients<T, Cuda>& d, const DiagonalCotangents<T, Cuda>& from,
                        const DiagonalInputs<T, Cuda>& in);

}  // namespace cuda

namespace impl {

template <class T>
void diag_scan_forward(const DiagonalOutputs<T, Cuda>& out, const DiagonalInputs<T, Cuda>& in) {
  cuda::diag_scan_forward(out, in);
}

template <class T>
void diag_scan_backward(const DiagonalGradients<T, Cuda>& d, const DiagonalCotangents<T, Cuda>& from,
                        const DiagonalInputs<T, Cuda>& in) {
  cuda::diag_scan_backward(d, from, in);
}

}  // namespace impl
}  // namespace longwave
