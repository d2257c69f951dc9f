#include "kernels/activation.cuh"
#include "kernels/dropout.cuh"

namespace longwave::cuda {

// The activations of straight pieces, alone and with dropout.
#define INSTANTIATE_HARD(Rule, T)                                                \
  template void unary_forward(const Elements<T, 2>&, Rule);                      \
  template void unary_backward(const Elements<T, 3>&, Rule);                     \
  template void dropout_after_forward(const Elements<T, 2>&, DropoutDraw, Rule); \
  template void dropout_after_backward(const Elements<T, 3>&, DropoutDraw, Rule)

#define INSTANTIATE_ALL_HARD(T)         \
  INSTANTIATE_HARD(HardswishRule, T);   \
  INSTANTIATE_HARD(HardtanhRule, T);    \
  INSTANTIATE_HARD(HardsigmoidRule, T); \
  INSTANTIATE_HARD(HardshrinkRule, T)

INSTANTIATE_ALL_HARD(float);
INSTANTIATE_ALL_HARD(double);
INSTANTIATE_ALL_HARD(bfloat16);

#undef INSTANTIATE_ALL_HARD
#undef INSTANTIATE_HARD

}  // namespace longwave::cuda
