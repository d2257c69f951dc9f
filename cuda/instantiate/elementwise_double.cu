#include "kernels/activation.cuh"
#include "kernels/elementwise.cuh"

namespace longwave::cuda {

template void unary_forward(const Elements<double, 2>&, ScaleRule);
template void unary_backward(const Elements<double, 3>&, ScaleRule);
template void unary_forward(const Elements<double, 2>&, InverseRule);
template void unary_backward(const Elements<double, 3>&, InverseRule);
template void unary_forward(const Elements<double, 2>&, ExpRule);
template void unary_backward(const Elements<double, 3>&, ExpRule);
template void unary_forward(const Elements<double, 2>&, LogRule);
template void unary_backward(const Elements<double, 3>&, LogRule);
template void unary_forward(const Elements<double, 2>&, SquareRule);
template void unary_backward(const Elements<double, 3>&, SquareRule);
template void unary_forward(const Elements<double, 2>&, SqrtRule);
template void unary_backward(const Elements<double, 3>&, SqrtRule);
template void unary_forward(const Elements<double, 2>&, AbsRule);
template void unary_backward(const Elements<double, 3>&, AbsRule);

template void binary_forward(const Elements<double, 3>&, AddRule);
template void binary_forward(const Elements<double, 3>&, SubRule);
template void binary_forward(const Elements<double, 3>&, MulRule);
template void binary_forward(const Elements<double, 3>&, DivRule);
template void binary_forward(const Elements<double, 3>&, WeightedSumRule);

template void binary_backward(const Elements<double, 5>&, MulRule);
template void binary_slope(const Elements<double, 4>&, impl::SlopeA<MulRule>);
template void sum_to(const SumPlan<double, 3>&, impl::SlopeA<MulRule>);
template void binary_slope(const Elements<double, 4>&, impl::SlopeB<MulRule>);
template void sum_to(const SumPlan<double, 3>&, impl::SlopeB<MulRule>);
template void binary_backward(const Elements<double, 5>&, DivRule);
template void binary_slope(const Elements<double, 4>&, impl::SlopeA<DivRule>);
template void sum_to(const SumPlan<double, 3>&, impl::SlopeA<DivRule>);
template void binary_slope(const Elements<double, 4>&, impl::SlopeB<DivRule>);
template void sum_to(const SumPlan<double, 3>&, impl::SlopeB<DivRule>);
template void scaled_twice(const Elements<double, 3>&, double, double);
template void scaled(const Elements<double, 2>&, double);

}  // namespace longwave::cuda
