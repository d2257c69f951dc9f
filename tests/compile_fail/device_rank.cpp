// A vector of modes on the device where each channel has its own.
// error: (could not|cannot) convert|no matching function
#include "longwave/ops/vandermonde.hpp"

using namespace longwave;

void mistake(TensorView<float, 2, Cuda> K, TensorView<complex<double>, 2, Cuda> x,
             TensorView<complex<double>, 1, Cuda> v) {
#if defined(LONGWAVE_MISTAKE)
  ops::Vandermonde::forward(K, x, v);
#else
  ops::Vandermonde::forward(K, x, x);
#endif
  (void)v;
}
