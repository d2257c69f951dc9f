#include "kernels/each.cuh"
#include "longwave/core/add_rows.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::AddRows<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddRows<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddRowsWide<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddRowsWide<double, Cuda>&);

}  // namespace longwave::cuda
