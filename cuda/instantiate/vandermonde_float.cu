#include "kernels/vandermonde.cuh"

namespace longwave::cuda {

template void vandermonde_forward(TensorView<float, 3, Cuda>, TensorView<const complex<double>, 2, Cuda>,
                                  TensorView<const complex<double>, 3, Cuda>, Modes, bool);
template void vandermonde_backward(TensorView<complex<double>, 2, Cuda>, TensorView<complex<double>, 3, Cuda>,
                                   TensorView<const float, 3, Cuda>, TensorView<const complex<double>, 2, Cuda>,
                                   TensorView<const complex<double>, 3, Cuda>, Modes);

}  // namespace longwave::cuda
