#include "kernels/diag_scan.cuh"

namespace longwave::cuda {

template void diag_scan_forward(const DiagonalOutputs<double, Cuda>&, const DiagonalInputs<double, Cuda>&);
template void diag_scan_backward(const DiagonalGradients<double, Cuda>&, const DiagonalCotangents<double, Cuda>&,
                                 const DiagonalInputs<double, Cuda>&);

}  // namespace longwave::cuda
