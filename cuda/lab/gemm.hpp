// gemm.hpp - numbered versions of the end of a state-space layer, forward and backward, with TF32 products, or stored
// and multiplied in bfloat16:
//
//   g = gelu(v)   z = W g   y = glu(z + bias)         v, y (B, H, L), W (2 H, H), bias (2 H), H = 256
//
// docs/design/layer_products.md counts what each moves and computes.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::cuda::lab {

template <class S>  // float or bfloat16
struct Tail {
  TensorView<const S, 3, Cuda> v, dy;
  TensorView<const float, 2, Cuda> W;
  TensorView<const float, 1, Cuda> bias;
  TensorView<S, 3, Cuda> g;  // working memory of version 1
  TensorView<S, 3, Cuda> z;  // (B, 2 H, L): z in versions that keep it, dz in all
  TensorView<S, 3, Cuda> y, dv;
  TensorView<float, 2, Cuda> dW;
  TensorView<float, 1, Cuda> dbias;
};

// dW and dbias are added to.
template <class S>
struct TailVersion {
  const char* name;
  double passes[3];    // tensors (B, H, L) read or written: forward, backward, weights
  double products[3];  // of 4 B L H H operations
  double bound;        // of the relative errors of y and dv, in the norm
  double sums_bound;   // of those of dz and dW
  void (*forward)(const Tail<S>&);
  void (*backward)(const Tail<S>&);  // z to dz, dv, dbias
  void (*weights)(const Tail<S>&);   // dz to dW
};

extern const TailVersion<float> gemm_1;     // GELU, cuBLAS, bias and GLU: kernels of their own, as the library has them
extern const TailVersion<float> gemm_2;     // one kernel each way; z is made again
extern const TailVersion<float> gemm_3;     // backward in two kernels
extern const TailVersion<float> gemm_4;     // z is kept
extern const TailVersion<float> gemm_5;     // 2,
extern const TailVersion<float> gemm_6;     // 3,
extern const TailVersion<float> gemm_7;     // 4 in clusters of two blocks that read W together
extern const TailVersion<bfloat16> gemm_8;  // as 2,
extern const TailVersion<bfloat16> gemm_9;  // 3,
extern const TailVersion<bfloat16> gemm_10;  // 4

// longwave_lab products [VERSION [L [B]]]: the exit code.
int run_products(int count, char** arguments);

}  // namespace longwave::cuda::lab
