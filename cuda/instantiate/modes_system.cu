#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
#include "longwave/state_space/modes_diag.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const impl::ContinuousForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::ContinuousForward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousGradients<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousGradients<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Zoh, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Bilinear, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Dss, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Zoh, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Bilinear, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Dss, Cuda>&);

template <class T, class Disc>
using Made = InTurn<impl::ContinuousForward<T, Cuda>, impl::DiagForward<Disc, Cuda>>;
template <class T, class Disc>
using MadeWeighted = InTurn<Made<T, Disc>, impl::WeightModes<Cuda>>;
template <class T, class Disc>
using Back = InTurn<impl::ContinuousForward<T, Cuda>, impl::DiagBackward<Disc, Cuda>>;
template <class T, class Disc>
using BackWeighted = InTurn<impl::WeightModesBackward<Cuda>, Back<T, Disc>>;

template void for_each_index(const char*, index_t, const Made<float, Zoh>&);
template void for_each_index(const char*, index_t, const Made<float, Bilinear>&);
template void for_each_index(const char*, index_t, const Made<float, Dss>&);
template void for_each_index(const char*, index_t, const Made<double, Zoh>&);
template void for_each_index(const char*, index_t, const Made<double, Bilinear>&);
template void for_each_index(const char*, index_t, const Made<double, Dss>&);
template void for_each_index(const char*, index_t, const MadeWeighted<float, Zoh>&);
template void for_each_index(const char*, index_t, const MadeWeighted<float, Bilinear>&);
template void for_each_index(const char*, index_t, const MadeWeighted<double, Zoh>&);
template void for_each_index(const char*, index_t, const MadeWeighted<double, Bilinear>&);
template void for_each_index(const char*, index_t, const Back<float, Dss>&);
template void for_each_index(const char*, index_t, const Back<double, Dss>&);
template void for_each_index(const char*, index_t, const BackWeighted<float, Zoh>&);
template void for_each_index(const char*, index_t, const BackWeighted<float, Bilinear>&);
template void for_each_index(const char*, index_t, const BackWeighted<double, Zoh>&);
template void for_each_index(const char*, index_t, const BackWeighted<double, Bilinear>&);

}  // namespace longwave::cuda
