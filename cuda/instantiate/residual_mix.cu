#include "kernels/each.cuh"
#include "longwave/core/add_rows.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::AddRows<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddRows<double, Cuda>&);

}  // namespace longwave::cuda
