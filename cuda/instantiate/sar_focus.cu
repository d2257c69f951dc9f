#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
#include "longwave/models/sar_filter_maps.hpp"
#include "longwave/ops/prelu.hpp"

namespace longwave::cuda {

using namespace longwave::impl;

template void for_each_index(const char*, index_t, const PreluForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const PreluForward<double, Cuda>&);
template void for_each_index(const char*, index_t, const PreluBackward<float, Cuda>&);
template void for_each_index(const char*, index_t, const PreluBackward<double, Cuda>&);
template void for_each_index(const char*, index_t, const PreluBelow<float, Cuda>&);
template void for_each_index(const char*, index_t, const PreluBelow<double, Cuda>&);

template void for_each_index(const char*, index_t, const SarModesForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarModesForward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarModesBackward<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarModesBackward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarSharedBackward<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarSharedBackward<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarCombine<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarCombine<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarCombineBackward<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarCombineBackward<double, Cuda>&);

template void for_each_index(const char*, index_t, const SarShift<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarShift<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarInsert<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarInsert<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarTaps<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarTaps<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarConvolve<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const SarConvolve<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarAdvance<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarAdvance<double, Cuda>&);
template void for_each_index(const char*, index_t, const SarWindow<float, Cuda>&);
template void for_each_index(const char*, index_t, const SarWindow<double, Cuda>&);

}  // namespace longwave::cuda
