#include "kernels/step.cuh"

namespace longwave::cuda {

using Row = TensorView<const double, 1, Cuda>;
using Rows = TensorView<const double, 2, Cuda>;

template void modes_step(const ModesStep<double>&);
template void linear_step(TensorView<double, 2, Cuda>, Rows, Rows, Row, Activation);
template void bias_step(TensorView<double, 2, Cuda>, Rows, Row, Activation);
template void product_step(TensorView<double, 2, Cuda>, Rows, Rows, Activation);
template void affine_step(TensorView<double, 2, Cuda>, Rows, Rows, Row);
template void layer_norm_step(TensorView<double, 2, Cuda>, Rows, Rows, Row, Row, double);
template void scalar_layer_norm_step(TensorView<double, 2, Cuda>, Rows, Row, Row, double);
template void residual_step(TensorView<double, 2, Cuda>, Rows, Rows, double, double, Row);
template void highway_step(TensorView<double, 2, Cuda>, Rows, Rows, Rows, double);
template void batch_norm_step(TensorView<double, 2, Cuda>, Rows, Row, Row, Row, Row, double);
template void swap_channels_step(TensorView<double, 2, Cuda>, Rows, index_t);
template void pool_step(TensorView<double, 2, Cuda>, TensorView<double, 2, Cuda>, Rows, TensorView<index_t, 1, Cuda>,
                        StepPool);

}  // namespace longwave::cuda
