#include "longwave/ops/pool.hpp"

#include "kernels/each.cuh"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const WindowSum<float>&);
template void for_each_index(const char*, index_t, const WindowSum<double>&);
template void for_each_index(const char*, index_t, const RepeatTime<float>&);
template void for_each_index(const char*, index_t, const RepeatTime<double>&);

}  // namespace longwave::cuda
