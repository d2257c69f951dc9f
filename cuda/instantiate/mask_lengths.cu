#include "kernels/mask_lengths.cuh"

namespace longwave::cuda {

template void mask_lengths(const Elements<float, 2>&, index_t, index_t, const index_t*, index_t);
template void mask_lengths(const Elements<double, 2>&, index_t, index_t, const index_t*, index_t);

}  // namespace longwave::cuda
