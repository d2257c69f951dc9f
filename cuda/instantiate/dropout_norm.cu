#include "kernels/dropout_norm.cuh"

namespace longwave::cuda {

#define INSTANTIATE_DROPOUT_NORM(T)                                                                                \
  template void dropout_add_norm_forward(const ChannelTiles<T, 6>&, const NormParameters<T>&, const DropoutDraw&); \
  template void dropout_add_norm_backward(const ChannelTiles<T, 7>&, const NormParameters<T>&, const DropoutDraw&, \
                                          TensorView<T, 1, Cuda>, TensorView<T, 1, Cuda>)

INSTANTIATE_DROPOUT_NORM(float);
INSTANTIATE_DROPOUT_NORM(double);

#undef INSTANTIATE_DROPOUT_NORM

}  // namespace longwave::cuda
