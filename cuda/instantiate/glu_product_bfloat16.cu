#include "kernels/glu_product_ops.cuh"

namespace longwave::cuda {

template bool glu_product_takes(TensorView<const bfloat16, 3, Cuda>, const Extents<3>&);
template bool glu_product_keeps<bfloat16>();
template void glu_product_forward(TensorView<bfloat16, 3, Cuda>, TensorView<bfloat16, 3, Cuda>,
                                  TensorView<const bfloat16, 3, Cuda>, TensorView<const float, 3, Cuda>,
                                  TensorView<const float, 1, Cuda>, KeptChannels);
template void glu_product_backward(TensorView<bfloat16, 3, Cuda>, TensorView<float, 3, Cuda>,
                                   TensorView<float, 1, Cuda>, TensorView<const bfloat16, 3, Cuda>,
                                   TensorView<bfloat16, 3, Cuda>, TensorView<const bfloat16, 3, Cuda>,
                                   TensorView<const float, 3, Cuda>, TensorView<const float, 1, Cuda>, KeptChannels);

}  // namespace longwave::cuda
