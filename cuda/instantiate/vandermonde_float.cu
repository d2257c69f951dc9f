#include "kernels/vandermonde.cuh"

namespace longwave::cuda {

template void vandermonde_forward(TensorView<float, 2, Cuda>, TensorView<const complex<double>, 2, Cuda>,
                                  TensorView<const complex<double>, 2, Cuda>);
template void vandermonde_backward(TensorView<complex<double>, 2, Cuda>, TensorView<complex<double>, 2, Cuda>,
                                   TensorView<const float, 2, Cuda>, TensorView<const complex<double>, 2, Cuda>,
                                   TensorView<const complex<double>, 2, Cuda>);

}  // namespace longwave::cuda
