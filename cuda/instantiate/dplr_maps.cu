#include "kernels/each.cuh"
#include "longwave/state_space/dplr_dense.hpp"
#include "longwave/state_space/dplr_maps.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::DplrDiscretise<Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrDiscretiseBackward<Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateInputs<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateInputs<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateProjections<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateProjections<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateModes<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateModes<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateSteps<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrStateSteps<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrDenseState<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrDenseState<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrDenseOutput<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DplrDenseOutput<double, Cuda>&);

}  // namespace longwave::cuda
