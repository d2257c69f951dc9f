#include "kernels/matmul.cuh"

namespace longwave::cuda {

template void fill_rows(TensorView<float, 2, Cuda>, TensorView<const float, 1, Cuda>);
template void fill_rows(TensorView<double, 2, Cuda>, TensorView<const double, 1, Cuda>);
template void add_column_sums(TensorView<float, 1, Cuda>, TensorView<const float, 2, Cuda>);
template void add_column_sums(TensorView<double, 1, Cuda>, TensorView<const double, 2, Cuda>);

}  // namespace longwave::cuda
