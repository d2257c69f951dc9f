#include "kernels/lstm.cuh"

namespace longwave::cuda {

template void lstm_forward(LstmForm, TensorView<float, 3, Cuda>, const LstmStateViews<float, Cuda>&,
                           TensorView<float, 1, Cuda>, TensorView<const float, 3, Cuda>,
                           const LstmWeightViews<const float, Cuda>&, const LstmStateViews<const float, Cuda>&, bool);
template void lstm_backward(LstmForm, TensorView<float, 3, Cuda>, const LstmWeightViews<float, Cuda>&,
                            const LstmStateViews<float, Cuda>&, TensorView<const float, 3, Cuda>,
                            const LstmStateViews<const float, Cuda>&, TensorView<float, 1, Cuda>,
                            const LstmWeightViews<const float, Cuda>&, const Extents<3>&, bool);
template void lstm_step(const LstmStateViews<float, Cuda>&, TensorView<float, 2, Cuda>,
                        TensorView<const float, 2, Cuda>, const LstmWeightViews<const float, Cuda>&);

}  // namespace longwave::cuda
