#include "kernels/dropout.cuh"

namespace longwave::cuda {

template void dropout(const Elements<double, 2>&, DropoutDraw, double);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, GeluRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, GeluRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, ReluRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, ReluRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, SiluRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, SiluRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, EluRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, EluRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, TanhRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, TanhRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, SigmoidRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, SigmoidRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, SoftplusRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, SoftplusRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, HardsigmoidRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, HardsigmoidRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, HardswishRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, HardswishRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, HardtanhRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, HardtanhRule);
template void dropout_after_forward(const Elements<double, 2>&, DropoutDraw, HardshrinkRule);
template void dropout_after_backward(const Elements<double, 3>&, DropoutDraw, HardshrinkRule);
template void dropout_sum_forward(const Elements<double, 3>&, DropoutDraw, double, double);
template void dropout_sum_backward(const Elements<double, 3>&, DropoutDraw, double, double);

}  // namespace longwave::cuda
