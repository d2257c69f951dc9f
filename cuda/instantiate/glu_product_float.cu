#include "kernels/glu_product_ops.cuh"

namespace longwave::cuda {

template bool glu_product_takes(TensorView<const float, 3, Cuda>, const Extents<3>&);
template bool glu_product_keeps<float>();
template void glu_product_forward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>,
                                  TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                                  TensorView<const float, 1, Cuda>, KeptChannels);
template void glu_product_backward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>, TensorView<float, 1, Cuda>,
                                   TensorView<const float, 3, Cuda>, TensorView<float, 3, Cuda>,
                                   TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                                   TensorView<const float, 1, Cuda>, KeptChannels);

}  // namespace longwave::cuda
