#include "kernels/each.cuh"
#include "longwave/ops/mmd.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::MmdRowValue<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::MmdRowValue<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::MmdTotal<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::MmdTotal<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::MmdRowGradient<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::MmdRowGradient<double, Cuda>&);

}  // namespace longwave::cuda
