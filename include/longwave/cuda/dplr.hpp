// dplr.hpp - the device's overloads of what state_space/dplr.hpp and dplr_scan.hpp call, which include this before
// their fronts.
//
// Nothing is defined here that runs on the device: longwave::cuda holds the kernels, and a program that does not link
// it fails with `undefined reference to longwave::cuda::<op><type>`.
#pragma once

#include "longwave/core/dplr_views.hpp"

namespace longwave {

namespace cuda {

// K (M, C, H, L) = base + kernels, base may be left out; n >= L nodes.
template <class T>
void dplr_forward(TensorView<T, 4, Cuda> K, TensorView<const T, 4, Cuda> base, const DplrSystemOn<Cuda>& system,
                  index_t n);
template <class T>
void dplr_backward(const DplrGradientsOn<Cuda>& d, TensorView<const T, 4, Cuda> dK, const DplrSystemOn<Cuda>& system,
                   index_t n);

template <class T>
void dplr_scan_forward(TensorView<T, 4, Cuda> state_out, TensorView<const T, 3, Cuda> u, const DplrStepOn<Cuda>& step,
                       TensorView<const T, 4, Cuda> state_in);
template <class T>
void dplr_scan_backward(TensorView<T, 3, Cuda> du, TensorView<T, 4, Cuda> dstate_in, const DplrStepOn<Cuda>& d,
                        TensorView<const T, 4, Cuda> dstate_out, TensorView<const T, 3, Cuda> u,
                        const DplrStepOn<Cuda>& step, TensorView<const T, 4, Cuda> state_in);

}  // namespace cuda

namespace impl {

template <class T>
void dplr_kernels(TensorView<T, 4, Cuda> K, TensorView<const T, 4, Cuda> base, const DplrSystemOn<Cuda>& system,
                  index_t n) {
  cuda::dplr_forward(K, base, system, n);
}
template <class T>
void dplr_kernels_backward(const DplrGradientsOn<Cuda>& d, TensorView<const T, 4, Cuda> dK,
                           const DplrSystemOn<Cuda>& system, index_t n) {
  cuda::dplr_backward(d, dK, system, n);
}

template <class T>
void dplr_scan_forward(TensorView<T, 4, Cuda> state_out, TensorView<const T, 3, Cuda> u, const DplrStepOn<Cuda>& step,
                       TensorView<const T, 4, Cuda> state_in) {
  cuda::dplr_scan_forward(state_out, u, step, state_in);
}
template <class T>
void dplr_scan_backward(TensorView<T, 3, Cuda> du, TensorView<T, 4, Cuda> dstate_in, const DplrStepOn<Cuda>& d,
                        TensorView<const T, 4, Cuda> dstate_out, TensorView<const T, 3, Cuda> u,
                        const DplrStepOn<Cuda>& step, TensorView<const T, 4, Cuda> state_in) {
  cuda::dplr_scan_backward(du, dstate_in, d, dstate_out, u, step, state_in);
}

}  // namespace impl
}  // namespace longwave
