// glu_product.hpp - the end of a layer as one kernel forward and one backward, with dW beside it: GELU, tied dropout, a
// position-wise product, bias and GLU (autograd/functions/bias_glu.hpp). Defined in longwave::cuda.
//
//   g = gelu(v) k / (1 - p)   z = W g   y = glu(z + bias)
//
// v, y (B, H, L), W (2 H, H, 1), bias (2 H), for S = float with operands rounded to TF32, and S = bfloat16. g is not
// stored, and where glu_product_keeps() says no nor is z; backward makes them again.
#pragma once

#include <cstdint>

#include "longwave/core/bfloat16.hpp"
#include "longwave/cuda/dropout.hpp"

namespace longwave::cuda {

// Whether this is one kernel each way here: products in TF32 are allowed (set_tf32) or S is bfloat16, W is (2 H, H, 1)
// with H 128 or 256, v is dense and its rows are a multiple of 16 bytes, and the device is of compute capability 9.0.
template <class S>
bool glu_product_takes(TensorView<const S, 3, Cuda> v, const Extents<3>& W);

// The draw of dropout that is tied over time.
struct KeptChannels {
  const std::uint32_t* bits = nullptr;  // (B, H / 32): bit h % 32 of word h / 32 is k; nullptr: all are kept
  float scale = 1;                      // 1 / (1 - p)
};

// The bits of `draw` for (B, H), H a multiple of 128.
void kept_channels(TensorView<std::uint32_t, 2, Cuda> bits, const DropoutDraw& draw);

// Whether backward takes z (B, 2 H, L) as forward has left it, and leaves dz there. Otherwise, and for a forward that
// nothing follows, z has no data.
template <class S>
bool glu_product_keeps();

template <class S>
void glu_product_forward(TensorView<S, 3, Cuda> y, TensorView<S, 3, Cuda> z, TensorView<const S, 3, Cuda> v,
                         TensorView<const float, 3, Cuda> W, TensorView<const float, 1, Cuda> bias, KeptChannels kept);

// dv is assigned, dW and dbias are added to; any of them may be without data.
template <class S>
void glu_product_backward(TensorView<S, 3, Cuda> dv, TensorView<float, 3, Cuda> dW, TensorView<float, 1, Cuda> dbias,
                          TensorView<const S, 3, Cuda> dy, TensorView<S, 3, Cuda> z, TensorView<const S, 3, Cuda> v,
                          TensorView<const float, 3, Cuda> W, TensorView<const float, 1, Cuda> bias, KeptChannels kept);

}  // namespace longwave::cuda
