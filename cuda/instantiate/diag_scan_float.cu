#include "kernels/diag_scan.cuh"

namespace longwave::cuda {

template void diag_scan_forward(const DiagonalOutputs<float, Cuda>&, const DiagonalInputs<float, Cuda>&);
template void diag_scan_backward(const DiagonalGradients<float, Cuda>&, const DiagonalCotangents<float, Cuda>&,
                                 const DiagonalInputs<float, Cuda>&);

}  // namespace longwave::cuda
