#include "kernels/dplr_scan.cuh"

namespace longwave::cuda {

template void dplr_scan_forward(TensorView<float, 4, Cuda>, TensorView<const float, 3, Cuda>, const DplrStepOn<Cuda>&,
                                TensorView<const float, 4, Cuda>);
template void dplr_scan_forward(TensorView<double, 4, Cuda>, TensorView<const double, 3, Cuda>, const DplrStepOn<Cuda>&,
                                TensorView<const double, 4, Cuda>);
template void dplr_scan_backward(TensorView<float, 3, Cuda>, TensorView<float, 4, Cuda>, const DplrStepOn<Cuda>&,
                                 TensorView<const float, 4, Cuda>, TensorView<const float, 3, Cuda>,
                                 const DplrStepOn<Cuda>&, TensorView<const float, 4, Cuda>);
template void dplr_scan_backward(TensorView<double, 3, Cuda>, TensorView<double, 4, Cuda>, const DplrStepOn<Cuda>&,
                                 TensorView<const double, 4, Cuda>, TensorView<const double, 3, Cuda>,
                                 const DplrStepOn<Cuda>&, TensorView<const double, 4, Cuda>);

}  // namespace longwave::cuda
