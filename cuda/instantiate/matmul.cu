#include "kernels/matmul.cuh"
#include "kernels/small_linear.cuh"

namespace longwave::cuda {

template void fill_rows(TensorView<float, 2, Cuda>, TensorView<const float, 1, Cuda>);
template void fill_rows(TensorView<double, 2, Cuda>, TensorView<const double, 1, Cuda>);
template void add_column_sums(TensorView<float, 1, Cuda>, TensorView<const float, 2, Cuda>);
template void add_column_sums(TensorView<double, 1, Cuda>, TensorView<const double, 2, Cuda>);

template <class T>
using View = TensorView<T, 2, Cuda>;
template void small_linear(View<float>, View<const float>, View<const float>, TensorView<const float, 1, Cuda>, bool);
template void small_linear(View<double>, View<const double>, View<const double>, TensorView<const double, 1, Cuda>,
                           bool);
template void small_linear_backward(View<float>, View<float>, TensorView<float, 1, Cuda>, View<const float>,
                                    View<const float>, View<const float>, View<const float>);
template void small_linear_backward(View<double>, View<double>, TensorView<double, 1, Cuda>, View<const double>,
                                    View<const double>, View<const double>, View<const double>);

}  // namespace longwave::cuda
