// A (B, H, L) tensor where a (H, L) one is expected.
// error: could not convert|no matching function
#include "longwave/core/tensor.hpp"

using namespace longwave;

template <class T, int N, device D>
void copy(TensorView<T, N, D> y, In<T, N, D> x) {
  check_same_shape("copy", "y", y, "x", x);
}

void mistake(Tensor<float, 3>& three, Tensor<float, 2>& two) {
  copy(two.view(), two);
#if defined(LONGWAVE_MISTAKE)
  copy(two.view(), three);
#else
  copy(three.view(), three);
#endif
}
