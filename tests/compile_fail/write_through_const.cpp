// A const tensor as the output of an op.
// error: discards qualifiers|no matching function
#include "longwave/core/tensor.hpp"

using namespace longwave;

void write(TensorView<float, 1> y) { y(0) = 1; }

void mistake(Tensor<float, 1>& y, const Tensor<float, 1>& x) {
  write(y);
#if defined(LONGWAVE_MISTAKE)
  write(x);
#else
  y(0) = x(0);
#endif
}
