#include "kernels/reduce.cuh"

namespace longwave::cuda {

using longwave::detail::LogSumExpSlope;
using longwave::detail::Scaled;

template void map_elements<1>(const char*, const Elements<float, 2>&, Scaled<float>);
template void map_elements<1>(const char*, const Elements<double, 2>&, Scaled<double>);
template void map_elements<1>(const char*, const Elements<float, 4>&, LogSumExpSlope<float>);
template void map_elements<1>(const char*, const Elements<double, 4>&, LogSumExpSlope<double>);
template void softmax_forward(const Lines<float, 2>&, SoftmaxKind);
template void softmax_forward(const Lines<double, 2>&, SoftmaxKind);
template void softmax_backward(const Lines<float, 3>&, bool);
template void softmax_backward(const Lines<double, 3>&, bool);

}  // namespace longwave::cuda
