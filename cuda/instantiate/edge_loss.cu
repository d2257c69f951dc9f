#include "longwave/ops/edge_loss.hpp"

#include "kernels/each.cuh"
#include "kernels/sum.cuh"

namespace longwave::cuda {

using longwave::detail::EdgeTerm;

template void sum_to(const SumPlan<float, 4>&, EdgeTerm);
template void sum_to(const SumPlan<double, 4>&, EdgeTerm);
template void for_each_index(const char*, index_t, const impl::AddDown<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddDown<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::EdgeGradient<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::EdgeGradient<double, Cuda>&);

}  // namespace longwave::cuda
