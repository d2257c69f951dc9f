#include "kernels/each.cuh"
#include "longwave/ops/gate.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::GateForward<float>&);
template void for_each_index(const char*, index_t, const impl::GateForward<double>&);
template void for_each_index(const char*, index_t, const impl::GateForwardWide<float>&);
template void for_each_index(const char*, index_t, const impl::GateForwardWide<double>&);
template void for_each_index(const char*, index_t, const impl::GateBackward<float>&);
template void for_each_index(const char*, index_t, const impl::GateBackward<double>&);
template void for_each_index(const char*, index_t, const impl::GateBackwardWide<float>&);
template void for_each_index(const char*, index_t, const impl::GateBackwardWide<double>&);

}  // namespace longwave::cuda
