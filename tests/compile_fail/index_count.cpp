// Two indices into a tensor of rank 3.
// error: no match for call|no matching function
#include "longwave/core/tensor.hpp"

using namespace longwave;

float mistake(TensorView<float, 3> x) {
#if defined(LONGWAVE_MISTAKE)
  return x(0, 1);
#else
  return x(0, 1, 2);
#endif
}
