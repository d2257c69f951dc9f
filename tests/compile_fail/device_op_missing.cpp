// An op that has no form for the device: the message names the call, at compile time.
// error: no matching function for call to .*glu_forward
#include "longwave/ops/activation.hpp"

using namespace longwave;

void mistake(TensorView<float, 2, Cuda> y, TensorView<float, 2, Cuda> x) {
#if defined(LONGWAVE_MISTAKE)
  ops::Glu::forward(y, x, 1);
#else
  ops::Silu::forward(y, x);
#endif
}
