#include "kernels/fft_conv.cuh"

namespace longwave::cuda {

template void fft_conv_forward(TensorView<float, 4, Cuda>, TensorView<const float, 3, Cuda>,
                               TensorView<const float, 3, Cuda>, TensorView<const float, 2, Cuda>);
template void fft_conv_backward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>, TensorView<float, 2, Cuda>,
                                TensorView<const float, 4, Cuda>, TensorView<const float, 3, Cuda>,
                                TensorView<const float, 3, Cuda>, TensorView<const float, 2, Cuda>);

}  // namespace longwave::cuda
