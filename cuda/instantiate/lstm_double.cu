#include "kernels/lstm.cuh"

namespace longwave::cuda {

template void lstm_forward(LstmForm, TensorView<double, 3, Cuda>, const LstmStateViews<double, Cuda>&,
                           TensorView<double, 1, Cuda>, TensorView<const double, 3, Cuda>,
                           const LstmWeightViews<const double, Cuda>&, const LstmStateViews<const double, Cuda>&, bool);
template void lstm_backward(LstmForm, TensorView<double, 3, Cuda>, const LstmWeightViews<double, Cuda>&,
                            const LstmStateViews<double, Cuda>&, TensorView<const double, 3, Cuda>,
                            const LstmStateViews<const double, Cuda>&, TensorView<double, 1, Cuda>,
                            const LstmWeightViews<const double, Cuda>&, const Extents<3>&, bool);
template void lstm_step(const LstmStateViews<double, Cuda>&, TensorView<double, 2, Cuda>,
                        TensorView<const double, 2, Cuda>, const LstmWeightViews<const double, Cuda>&);

}  // namespace longwave::cuda
