#include "kernels/activation.cuh"

namespace longwave::cuda {

template void unary_forward(const Elements<bfloat16, 2>&, GeluRule);
template void unary_backward(const Elements<bfloat16, 3>&, GeluRule);
template void unary_forward(const Elements<bfloat16, 2>&, SiluRule);
template void unary_backward(const Elements<bfloat16, 3>&, SiluRule);
template void unary_forward(const Elements<bfloat16, 2>&, ReluRule);
template void unary_backward(const Elements<bfloat16, 3>&, ReluRule);
template void unary_forward(const Elements<bfloat16, 2>&, EluRule);
template void unary_backward(const Elements<bfloat16, 3>&, EluRule);
template void unary_forward(const Elements<bfloat16, 2>&, LeakyReluRule);
template void unary_backward(const Elements<bfloat16, 3>&, LeakyReluRule);
template void unary_forward(const Elements<bfloat16, 2>&, TanhRule);
template void unary_backward(const Elements<bfloat16, 3>&, TanhRule);
template void unary_forward(const Elements<bfloat16, 2>&, SigmoidRule);
template void unary_backward(const Elements<bfloat16, 3>&, SigmoidRule);
template void unary_forward(const Elements<bfloat16, 2>&, SoftplusRule);
template void unary_backward(const Elements<bfloat16, 3>&, SoftplusRule);
template void unary_forward(const Elements<bfloat16, 2>&, HardsigmoidRule);
template void unary_backward(const Elements<bfloat16, 3>&, HardsigmoidRule);
template void unary_forward(const Elements<bfloat16, 2>&, HardswishRule);
template void unary_backward(const Elements<bfloat16, 3>&, HardswishRule);
template void unary_forward(const Elements<bfloat16, 2>&, HardtanhRule);
template void unary_backward(const Elements<bfloat16, 3>&, HardtanhRule);
template void unary_forward(const Elements<bfloat16, 2>&, HardshrinkRule);
template void unary_backward(const Elements<bfloat16, 3>&, HardshrinkRule);

}  // namespace longwave::cuda
