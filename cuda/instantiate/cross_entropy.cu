#include "kernels/cross_entropy.cuh"

namespace longwave::cuda {

#define INSTANTIATE_TARGETS(T, I)                                                                             \
  template void cross_entropy_forward(TensorView<T, 2, Cuda>, TensorView<T, 2, Cuda>, TensorView<T, 3, Cuda>, \
                                      TensorView<const T, 3, Cuda>, const Targets<T, I>&);                    \
  template void cross_entropy_backward(TensorView<T, 3, Cuda>, TensorView<const T, 2, Cuda>,                  \
                                       TensorView<const T, 0, Cuda>, TensorView<const T, 3, Cuda>,            \
                                       TensorView<const T, 3, Cuda>, const Targets<T, I>&);                   \
  template void target_weights(TensorView<T, 2, Cuda>, const Targets<T, I>&)

INSTANTIATE_TARGETS(float, std::int64_t);
INSTANTIATE_TARGETS(float, std::int32_t);
INSTANTIATE_TARGETS(double, std::int64_t);
INSTANTIATE_TARGETS(double, std::int32_t);
template void cross_entropy_mean(TensorView<float, 0, Cuda>, TensorView<const float, 2, Cuda>,
                                 TensorView<const float, 2, Cuda>);
template void cross_entropy_mean(TensorView<double, 0, Cuda>, TensorView<const double, 2, Cuda>,
                                 TensorView<const double, 2, Cuda>);

#undef INSTANTIATE_TARGETS

}  // namespace longwave::cuda
