#include "kernels/readout.cuh"

namespace longwave::cuda {

template void readout_forward(TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                              TensorView<const index_t, 1, Cuda>, Readout);
template void readout_forward(TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                              TensorView<const index_t, 1, Cuda>, Readout);
template void readout_backward(TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                               TensorView<const index_t, 1, Cuda>, Readout);
template void readout_backward(TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                               TensorView<const index_t, 1, Cuda>, Readout);

}  // namespace longwave::cuda
