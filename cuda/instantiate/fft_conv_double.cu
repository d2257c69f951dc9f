#include "kernels/fft_conv.cuh"

namespace longwave::cuda {

template void fft_conv_forward(TensorView<double, 4, Cuda>, TensorView<const double, 3, Cuda>,
                               TensorView<const double, 3, Cuda>, TensorView<const double, 2, Cuda>,
                               KernelSpectra<double>);
template void fft_conv_gelu_forward(TensorView<double, 4, Cuda>, TensorView<double, 4, Cuda>,
                                    TensorView<const double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                                    TensorView<const double, 2, Cuda>, KernelSpectra<double>);
template void fft_conv_backward(TensorView<double, 3, Cuda>, TensorView<double, 3, Cuda>, TensorView<double, 2, Cuda>,
                                TensorView<const double, 4, Cuda>, TensorView<const double, 3, Cuda>,
                                TensorView<const double, 3, Cuda>, TensorView<const double, 2, Cuda>,
                                KernelSpectra<double>, TensorView<const double, 3, Cuda>);
template index_t fft_conv_points<double>(index_t);
template void fft_conv_spectra(KernelSpectra<double>, TensorView<const double, 3, Cuda>, index_t);

}  // namespace longwave::cuda
