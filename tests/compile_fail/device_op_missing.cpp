// An op that has no form for the device: the message names the call, at compile time.
// error: no matching function for call to .*cube_forward
#include "longwave/ops/activation.hpp"

using namespace longwave;

namespace own {

template <class T, int N>
void cube_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> x) {
  map_elements<1>([](T& out, T at) { out = at * at * at; }, y, x);
}

}  // namespace own

struct Cube {  // an op as in ops/, without its overload in cuda/
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x) {
    own::cube_forward(y, x);
  }
};

void mistake(TensorView<float, 2, Cuda> y, TensorView<float, 2, Cuda> x) {
#if defined(LONGWAVE_MISTAKE)
  Cube::forward(y, x);
#else
  ops::Silu::forward(y, x);
#endif
}
