#include "kernels/weight_norm.cuh"

namespace longwave::cuda {

template void weight_norm_forward(TensorView<float, 2, Cuda>, TensorView<const float, 1, Cuda>,
                                  TensorView<const float, 2, Cuda>);
template void weight_norm_forward(TensorView<double, 2, Cuda>, TensorView<const double, 1, Cuda>,
                                  TensorView<const double, 2, Cuda>);
template void weight_norm_backward(TensorView<float, 1, Cuda>, TensorView<float, 2, Cuda>,
                                   TensorView<const float, 2, Cuda>, TensorView<const float, 1, Cuda>,
                                   TensorView<const float, 2, Cuda>);
template void weight_norm_backward(TensorView<double, 1, Cuda>, TensorView<double, 2, Cuda>,
                                   TensorView<const double, 2, Cuda>, TensorView<const double, 1, Cuda>,
                                   TensorView<const double, 2, Cuda>);

}  // namespace longwave::cuda
