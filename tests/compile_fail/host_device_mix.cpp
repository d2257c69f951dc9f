// Data of the device where data of the host is expected.
// error: (could not|cannot) convert|no matching function
#include "longwave/ops/matmul.hpp"

using namespace longwave;

void mistake(TensorView<float, 2> C, TensorView<float, 2> A, TensorView<float, 2> B,
             TensorView<float, 2, Cuda> device) {
  check_same_shape("copy", "C", C, "A", A);
#if defined(LONGWAVE_MISTAKE)
  ops::Matmul::forward(C, A, device);
#else
  ops::Matmul::forward(C, A, B);
  check_same_shape("copy", "device", device, "device", device);
#endif
}
