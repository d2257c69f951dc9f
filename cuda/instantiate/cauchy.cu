#include "kernels/cauchy.cuh"

namespace longwave::cuda {

#define LONGWAVE_CAUCHY(terms, T)                                                                                    \
  template void cauchy_forward<terms>(TensorView<complex<T>, 2, Cuda>, TensorView<const complex<T>, 2, Cuda>,        \
                                      TensorView<const complex<T>, 2, Cuda>, TensorView<const complex<T>, 1, Cuda>); \
  template void cauchy_backward<terms>(TensorView<complex<T>, 2, Cuda>, TensorView<complex<T>, 2, Cuda>,             \
                                       TensorView<complex<T>, 1, Cuda>, TensorView<const complex<T>, 2, Cuda>,       \
                                       TensorView<const complex<T>, 2, Cuda>, TensorView<const complex<T>, 2, Cuda>, \
                                       TensorView<const complex<T>, 1, Cuda>);

LONGWAVE_CAUCHY(CauchyTerms::conjugate_pairs, float)
LONGWAVE_CAUCHY(CauchyTerms::conjugate_pairs, double)
LONGWAVE_CAUCHY(CauchyTerms::given, float)
LONGWAVE_CAUCHY(CauchyTerms::given, double)

#undef LONGWAVE_CAUCHY

}  // namespace longwave::cuda
