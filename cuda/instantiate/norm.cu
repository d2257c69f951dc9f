#include "kernels/norm.cuh"

namespace longwave::cuda {

#define INSTANTIATE_NORM(T)                                                                                          \
  template void layer_norm_forward(const Lines<T, 6>&, NormParameters<T>);                                           \
  template void layer_norm_backward(const Lines<T, 6>&, NormParameters<T>, TensorView<T, 1, Cuda>,                   \
                                    TensorView<T, 1, Cuda>);                                                         \
  template index_t layer_norm_parts(const ChannelTiles<T, 7>&);                                                      \
  template void layer_norm_backward_in_parts(const ChannelTiles<T, 7>&, const NormParameters<T>&,                    \
                                             TensorView<double, 3, Cuda>);                                           \
  template void add_layer_norm_parts(TensorView<T, 1, Cuda>, TensorView<T, 1, Cuda>,                                 \
                                     TensorView<const double, 3, Cuda>);                                             \
  template void scalar_layer_norm_sums(TensorView<T, 1, Cuda>, TensorView<T, 1, Cuda>, TensorView<const T, 3, Cuda>, \
                                       TensorView<const T, 3, Cuda>, TensorView<const T, 3, Cuda>,                   \
                                       TensorView<const T, 3, Cuda>, const T*, const T*)

INSTANTIATE_NORM(float);
INSTANTIATE_NORM(double);

#undef INSTANTIATE_NORM

}  // namespace longwave::cuda
