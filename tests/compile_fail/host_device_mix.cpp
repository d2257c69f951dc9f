// Data of the device where data of the host is expected.
// error: could not convert|no matching function
#include "longwave/core/tensor.hpp"

using namespace longwave;

template <class T, int N, device D>
void copy(TensorView<T, N, D> y, In<T, N, D> x) {
  check_same_shape("copy", "y", y, "x", x);
}

void mistake(TensorView<float, 2, Host> host, TensorView<float, 2, Cuda> cuda) {
  copy(host, host);
#if defined(LONGWAVE_MISTAKE)
  copy(host, cuda);
#else
  copy(cuda, cuda);
#endif
}
