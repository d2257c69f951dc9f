#include "kernels/each.cuh"
#include "longwave/core/ssim_terms.hpp"

namespace longwave::cuda {

using namespace longwave::detail;

template void for_each_index(const char*, index_t, const SsimForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const SsimForward<double, Cuda>&);
template void for_each_index(const char*, index_t, const SsimSlopes<float, Cuda>&);
template void for_each_index(const char*, index_t, const SsimSlopes<double, Cuda>&);
template void for_each_index(const char*, index_t, const SsimBackward<float, Cuda>&);
template void for_each_index(const char*, index_t, const SsimBackward<double, Cuda>&);

}  // namespace longwave::cuda
