#include "kernels/bias_glu.cuh"

namespace longwave::cuda {

template void bias_glu_forward(TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                               TensorView<const float, 1, Cuda>);
template void bias_glu_forward(TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                               TensorView<const double, 1, Cuda>);
template void bias_glu_forward(TensorView<bfloat16, 3, Cuda>, TensorView<const bfloat16, 3, Cuda>,
                               TensorView<const float, 1, Cuda>);
template void bias_glu_backward(TensorView<bfloat16, 3, Cuda>, TensorView<float, 1, Cuda>,
                                TensorView<const bfloat16, 3, Cuda>, TensorView<const bfloat16, 3, Cuda>,
                                TensorView<const float, 1, Cuda>);
template void bias_glu_backward(TensorView<float, 3, Cuda>, TensorView<float, 1, Cuda>,
                                TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                                TensorView<const float, 1, Cuda>);
template void bias_glu_backward(TensorView<double, 3, Cuda>, TensorView<double, 1, Cuda>,
                                TensorView<const double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                                TensorView<const double, 1, Cuda>);

}  // namespace longwave::cuda
