#include "kernels/ssim.cuh"

namespace longwave::cuda {

template void ssim_forward(TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                           TensorView<const float, 3, Cuda>);
template void ssim_forward(TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                           TensorView<const double, 3, Cuda>);
template void ssim_backward(TensorView<float, 3, Cuda>, TensorView<float, 3, Cuda>, TensorView<const float, 3, Cuda>,
                            TensorView<const float, 3, Cuda>, TensorView<const float, 3, Cuda>);
template void ssim_backward(TensorView<double, 3, Cuda>, TensorView<double, 3, Cuda>, TensorView<const double, 3, Cuda>,
                            TensorView<const double, 3, Cuda>, TensorView<const double, 3, Cuda>);

}  // namespace longwave::cuda
