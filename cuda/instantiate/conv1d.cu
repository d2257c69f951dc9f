#include "kernels/conv1d.cuh"

namespace longwave::cuda {

template void conv1d_forward(TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                             TensorView<const float, 3, Cuda>, TensorView<const float, 1, Cuda>, const Conv1dOptions&);
template void conv1d_forward(TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                             TensorView<const double, 3, Cuda>, TensorView<const double, 1, Cuda>,
                             const Conv1dOptions&);
template void conv1d_backward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>, TensorView<float, 1, Cuda>,
                              TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                              TensorView<const float, 3, Cuda>, const Conv1dOptions&);
template void conv1d_backward(TensorView<double, 3, Cuda>, TensorView<double, 3, Cuda>, TensorView<double, 1, Cuda>,
                              TensorView<const double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                              TensorView<const double, 3, Cuda>, const Conv1dOptions&);

}  // namespace longwave::cuda
