#include "kernels/each.cuh"
#include "kernels/map.cuh"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/metrics/histogram_kl.hpp"

namespace longwave::cuda {

using namespace longwave::detail;

template void for_each_index(const char*, index_t, const OrderByRank<float, Cuda>&);
template void for_each_index(const char*, index_t, const ConvexMix<float, Cuda>&);
template void for_each_index(const char*, index_t, const ConvexMix<double, Cuda>&);
template void for_each_index(const char*, index_t, const PointUpdate<float, Cuda>&);
template void for_each_index(const char*, index_t, const PointUpdate<double, Cuda>&);
template void for_each_index(const char*, index_t, const ColumnKl<float, Cuda>&);
template void for_each_index(const char*, index_t, const ColumnKl<double, Cuda>&);
template void for_each_index(const char*, index_t, const ColumnSum<Cuda>&);

template void map_elements<1>(const char*, const Elements<float, 3>&, AddStepNoise);
template void map_elements<1>(const char*, const Elements<double, 3>&, AddStepNoise);

}  // namespace longwave::cuda
