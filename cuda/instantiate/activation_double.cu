#include "kernels/activation.cuh"

namespace longwave::cuda {

template void unary_forward(const Elements<double, 2>&, GeluRule);
template void unary_backward(const Elements<double, 3>&, GeluRule);
template void unary_forward(const Elements<double, 2>&, SiluRule);
template void unary_backward(const Elements<double, 3>&, SiluRule);
template void unary_forward(const Elements<double, 2>&, ReluRule);
template void unary_backward(const Elements<double, 3>&, ReluRule);
template void unary_forward(const Elements<double, 2>&, EluRule);
template void unary_backward(const Elements<double, 3>&, EluRule);
template void unary_forward(const Elements<double, 2>&, LeakyReluRule);
template void unary_backward(const Elements<double, 3>&, LeakyReluRule);
template void unary_forward(const Elements<double, 2>&, TanhRule);
template void unary_backward(const Elements<double, 3>&, TanhRule);
template void unary_forward(const Elements<double, 2>&, SigmoidRule);
template void unary_backward(const Elements<double, 3>&, SigmoidRule);
template void unary_forward(const Elements<double, 2>&, SoftplusRule);
template void unary_backward(const Elements<double, 3>&, SoftplusRule);
template void unary_forward(const Elements<double, 2>&, HardsigmoidRule);
template void unary_backward(const Elements<double, 3>&, HardsigmoidRule);
template void unary_forward(const Elements<double, 2>&, HardswishRule);
template void unary_backward(const Elements<double, 3>&, HardswishRule);
template void unary_forward(const Elements<double, 2>&, HardtanhRule);
template void unary_backward(const Elements<double, 3>&, HardtanhRule);
template void unary_forward(const Elements<double, 2>&, HardshrinkRule);
template void unary_backward(const Elements<double, 3>&, HardshrinkRule);
template void glu_forward(const Elements<double, 3>&);
template void glu_backward(const Elements<double, 5>&);

}  // namespace longwave::cuda
