// Calls an op on the device and is linked without longwave::cuda.
// error: undefined reference to .*longwave::cuda::unary_forward<longwave::GeluRule, float>
#include "longwave/ops/activation.hpp"

using namespace longwave;

int main(int argc, char**) {
  TensorView<float, 1, Cuda> y(nullptr, Extents<1>{argc}), x = y;
  ops::Gelu::forward(y, x);
}
