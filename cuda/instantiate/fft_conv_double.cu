#include "kernels/fft_conv.cuh"

namespace longwave::cuda {

template void fft_conv_forward(TensorView<double, 4, Cuda>, TensorView<const double, 3, Cuda>,
                               TensorView<const double, 3, Cuda>, TensorView<const double, 2, Cuda>);
template void fft_conv_backward(TensorView<double, 3, Cuda>, TensorView<double, 3, Cuda>, TensorView<double, 2, Cuda>,
                                TensorView<const double, 4, Cuda>, TensorView<const double, 3, Cuda>,
                                TensorView<const double, 3, Cuda>, TensorView<const double, 2, Cuda>);

}  // namespace longwave::cuda
