#include "kernels/dplr.cuh"

namespace longwave::cuda {

template void dplr_forward(TensorView<float, 4, Cuda>, TensorView<const float, 4, Cuda>, const DplrSystemOn<Cuda>&,
                           index_t);
template void dplr_forward(TensorView<double, 4, Cuda>, TensorView<const double, 4, Cuda>, const DplrSystemOn<Cuda>&,
                           index_t);
template void dplr_backward(const DplrGradientsOn<Cuda>&, TensorView<const float, 4, Cuda>, const DplrSystemOn<Cuda>&,
                            index_t);
template void dplr_backward(const DplrGradientsOn<Cuda>&, TensorView<const double, 4, Cuda>, const DplrSystemOn<Cuda>&,
                            index_t);

}  // namespace longwave::cuda
