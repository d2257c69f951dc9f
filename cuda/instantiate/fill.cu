#include "kernels/fill.cuh"
#include "longwave/core/bfloat16.hpp"
#include "longwave/core/complex.hpp"

namespace longwave::cuda {

template void fill_words(const Elements<std::uint16_t, 1>&, std::uint16_t);
template void fill_words(const Elements<std::uint32_t, 1>&, std::uint32_t);
template void fill_words(const Elements<std::uint64_t, 1>&, std::uint64_t);
template void fill_words(const Elements<Pair64, 1>&, Pair64);
template void copy_words(const Elements<std::uint16_t, 2>&);
template void copy_words(const Elements<std::uint32_t, 2>&);
template void copy_words(const Elements<std::uint64_t, 2>&);
template void copy_words(const Elements<Pair64, 2>&);
template void add_elements(const Elements<bfloat16, 3>&);
template void add_elements(const Elements<float, 3>&);
template void add_elements(const Elements<double, 3>&);
template void add_elements(const Elements<complex<double>, 3>&);
template bool all_finite(const Elements<bfloat16, 1>&);
template bool all_finite(const Elements<float, 1>&);
template bool all_finite(const Elements<double, 1>&);

}  // namespace longwave::cuda
