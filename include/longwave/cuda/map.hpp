// map.hpp - map_elements of core/map.hpp on the device, for named functors with a `name`. Instantiated per functor in
// longwave::cuda, with kernels/map.cuh:
//
//   template void map_elements<1>(const char*, const Elements<float, 2>&, Scaled<float>);
#pragma once

#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

template <int Outputs, class F, class T, int K>
void map_elements(const char* name, const Elements<T, K>& elements, F f);

}  // namespace cuda

// f(y_1&, .., y_Outputs&, x_1, ..) for every position of views of one shape.
template <int Outputs, class F, class T, int N, class... Views>
void map_elements(F f, TensorView<T, N, Cuda> first, Views... others) {
  cuda::map_elements<Outputs>(F::name, cuda::Elements<T, 1 + static_cast<int>(sizeof...(Views))>(first, others...), f);
}

}  // namespace longwave
