#include "kernels/sum.cuh"

namespace longwave::cuda {

template void sum_to(const SumPlan<float, 1>&, longwave::detail::Itself);
template void sum_to(const SumPlan<double, 1>&, longwave::detail::Itself);
template void sum_to(const SumPlan<float, 2>&, longwave::detail::Times);
template void sum_to(const SumPlan<double, 2>&, longwave::detail::Times);

}  // namespace longwave::cuda
