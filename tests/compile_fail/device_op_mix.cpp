// An op whose output is on the device and whose input is not, in front of an overload for the device.
// error: (could not|cannot) convert|no matching function
#include "longwave/ops/activation.hpp"

using namespace longwave;

void mistake(TensorView<float, 2, Cuda> y, TensorView<float, 2, Cuda> x, TensorView<float, 2> host) {
  check_same_shape("copy", "host", host, "host", host);
#if defined(LONGWAVE_MISTAKE)
  ops::Gelu::forward(y, host);
#else
  ops::Gelu::forward(y, x);
#endif
}
