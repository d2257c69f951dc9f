// Products at every position of values stored in bfloat16: the weight is rounded to bfloat16 for a call, its gradient
// is float. Products on tensor cores, 2 B O L I flops each, sums in float.
#include "longwave/core/arena.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/conv1d.hpp"
#include "longwave/cuda/stream.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave::cuda {

namespace {

template <class T>
TensorView<T, 2, Cuda> tap_of(const TensorView<T, 3, Cuda>& W) {
  return {W.data(), Extents<2>(W.size(0), W.size(1)), Extents<2>(W.stride(0), W.stride(1))};
}

}  // namespace

void one_tap_forward(TensorView<bfloat16, 3, Cuda> y, TensorView<const bfloat16, 3, Cuda> x,
                     TensorView<const float, 3, Cuda> W) {
  if (y.empty()) return;
  ScratchOn<Cuda> scratch;
  const TensorView<const bfloat16, 2, Cuda> weight = impl::cast_to<bfloat16>(scratch, tap_of(W));
  gemm<bfloat16>(y, repeated(weight, y.size(0)), x, false);
}

void one_tap_backward(TensorView<bfloat16, 3, Cuda> dx, TensorView<float, 3, Cuda> dW,
                      TensorView<const bfloat16, 3, Cuda> dy, TensorView<const bfloat16, 3, Cuda> x,
                      TensorView<const float, 3, Cuda> W) {
  if (wanted(dW)) gemm_sum<float, bfloat16>(tap_of(dW), dy, x.transpose(1, 2));
  if (!wanted(dx) || dx.empty()) return;
  ScratchOn<Cuda> scratch;
  const TensorView<const bfloat16, 2, Cuda> weight = impl::cast_to<bfloat16>(scratch, tap_of(W));
  gemm<bfloat16>(dx, repeated(weight.transpose(0, 1), dy.size(0)), dy, false);
}

}  // namespace longwave::cuda
