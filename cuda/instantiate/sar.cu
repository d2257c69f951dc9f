#include "kernels/each.cuh"
#include "longwave/sar/filters.hpp"

namespace longwave::cuda {

using namespace sar::detail;

template void for_each_index(const char*, index_t, const ChirpSamples<float, Cuda>&);
template void for_each_index(const char*, index_t, const ChirpSamples<double, Cuda>&);
template void for_each_index(const char*, index_t, const TimesConjugate<float, Cuda>&);
template void for_each_index(const char*, index_t, const TimesConjugate<double, Cuda>&);
template void for_each_index(const char*, index_t, const MigrationFilter<float, Cuda>&);
template void for_each_index(const char*, index_t, const MigrationFilter<double, Cuda>&);
template void for_each_index(const char*, index_t, const AzimuthFilter<float, Cuda>&);
template void for_each_index(const char*, index_t, const AzimuthFilter<double, Cuda>&);
template void for_each_index(const char*, index_t, const BeamFilter<float, Cuda>&);
template void for_each_index(const char*, index_t, const BeamFilter<double, Cuda>&);
template void for_each_index(const char*, index_t, const Demodulate<float, Cuda>&);
template void for_each_index(const char*, index_t, const Demodulate<double, Cuda>&);

}  // namespace longwave::cuda
