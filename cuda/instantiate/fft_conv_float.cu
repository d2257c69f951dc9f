#include "kernels/fft_conv.cuh"

namespace longwave::cuda {

template void fft_conv_forward(TensorView<float, 4, Cuda>, TensorView<const float, 3, Cuda>,
                               TensorView<const float, 3, Cuda>, TensorView<const float, 2, Cuda>,
                               KernelSpectra<float>);
template void fft_conv_gelu_forward(TensorView<float, 4, Cuda>, TensorView<float, 4, Cuda>,
                                    TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                                    TensorView<const float, 2, Cuda>, KernelSpectra<float>);
template void fft_conv_backward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>, TensorView<float, 2, Cuda>,
                                TensorView<const float, 4, Cuda>, TensorView<const float, 3, Cuda>,
                                TensorView<const float, 3, Cuda>, TensorView<const float, 2, Cuda>,
                                KernelSpectra<float>, TensorView<const float, 3, Cuda>);
template index_t fft_conv_points<float>(index_t);
template void fft_conv_spectra(KernelSpectra<float>, TensorView<const float, 3, Cuda>, index_t);

}  // namespace longwave::cuda
