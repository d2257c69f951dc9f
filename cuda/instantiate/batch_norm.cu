#include "kernels/batch_norm.cuh"

namespace longwave::cuda {

#define INSTANTIATE_BATCH_NORM(T)                                                                                     \
  template void batch_norm_forward(TensorView<T, 3, Cuda>, TensorView<const T, 3, Cuda>, const BatchStatistics<T>&,   \
                                   TensorView<const T, 1, Cuda>, TensorView<const T, 1, Cuda>, bool, double, double); \
  template void batch_norm_backward(TensorView<const T, 3, Cuda>, TensorView<T, 3, Cuda>, TensorView<T, 1, Cuda>,     \
                                    TensorView<T, 1, Cuda>, TensorView<const T, 1, Cuda>,                             \
                                    TensorView<const T, 1, Cuda>, TensorView<const T, 3, Cuda>,                       \
                                    TensorView<const T, 1, Cuda>, bool);                                              \
  template void add_one(TensorView<T, 0, Cuda>)

INSTANTIATE_BATCH_NORM(float);
INSTANTIATE_BATCH_NORM(double);

#undef INSTANTIATE_BATCH_NORM

}  // namespace longwave::cuda
