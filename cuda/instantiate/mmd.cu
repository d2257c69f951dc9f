#include "kernels/mmd.cuh"

namespace longwave::cuda {

template void mmd_forward(TensorView<float, 0, Cuda>, TensorView<const float, 2, Cuda>,
                          TensorView<const float, 2, Cuda>, const RbfMixture&, const longwave::detail::MmdFactors&);
template void mmd_forward(TensorView<double, 0, Cuda>, TensorView<const double, 2, Cuda>,
                          TensorView<const double, 2, Cuda>, const RbfMixture&, const longwave::detail::MmdFactors&);
template void mmd_backward(TensorView<float, 2, Cuda>, TensorView<const float, 0, Cuda>,
                           TensorView<const float, 2, Cuda>, TensorView<const float, 2, Cuda>, const RbfMixture&,
                           double, double);
template void mmd_backward(TensorView<double, 2, Cuda>, TensorView<const double, 0, Cuda>,
                           TensorView<const double, 2, Cuda>, TensorView<const double, 2, Cuda>, const RbfMixture&,
                           double, double);
template void mmd_kernel_rows(TensorView<float, 2, Cuda>, TensorView<const float, 2, Cuda>, index_t, const RbfMixture&);
template void mmd_kernel_rows(TensorView<double, 2, Cuda>, TensorView<const double, 2, Cuda>, index_t,
                              const RbfMixture&);

}  // namespace longwave::cuda
