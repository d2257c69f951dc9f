#include "kernels/embedding.cuh"

namespace longwave::cuda {

template void embedding_forward(TensorView<float, 3, Cuda>, TensorView<const float, 2, Cuda>,
                                TensorView<const std::int32_t, 2, Cuda>);
template void embedding_backward(TensorView<float, 2, Cuda>, TensorView<const float, 3, Cuda>,
                                 TensorView<const std::int32_t, 2, Cuda>);
template void embedding_forward(TensorView<float, 3, Cuda>, TensorView<const float, 2, Cuda>,
                                TensorView<const std::int64_t, 2, Cuda>);
template void embedding_backward(TensorView<float, 2, Cuda>, TensorView<const float, 3, Cuda>,
                                 TensorView<const std::int64_t, 2, Cuda>);
template void embedding_forward(TensorView<double, 3, Cuda>, TensorView<const double, 2, Cuda>,
                                TensorView<const std::int32_t, 2, Cuda>);
template void embedding_backward(TensorView<double, 2, Cuda>, TensorView<const double, 3, Cuda>,
                                 TensorView<const std::int32_t, 2, Cuda>);
template void embedding_forward(TensorView<double, 3, Cuda>, TensorView<const double, 2, Cuda>,
                                TensorView<const std::int64_t, 2, Cuda>);
template void embedding_backward(TensorView<double, 2, Cuda>, TensorView<const double, 3, Cuda>,
                                 TensorView<const std::int64_t, 2, Cuda>);

}  // namespace longwave::cuda
