#include "kernels/each.cuh"
#include "kernels/fft.cuh"
#include "longwave/core/padded_rows.hpp"

namespace longwave::cuda {

template void real_to_bins(TensorView<complex<float>, 2, Cuda>, TensorView<const float, 2, Cuda>, index_t, float,
                           float);
template void real_to_bins(TensorView<complex<double>, 2, Cuda>, TensorView<const double, 2, Cuda>, index_t, double,
                           double);
template void bins_to_real(TensorView<float, 2, Cuda>, TensorView<const complex<float>, 2, Cuda>, index_t, float,
                           float);
template void bins_to_real(TensorView<double, 2, Cuda>, TensorView<const complex<double>, 2, Cuda>, index_t, double,
                           double);

template void for_each_index(const char*, index_t, const impl::PaddedRows<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::PaddedRows<double, Cuda>&);

}  // namespace longwave::cuda
