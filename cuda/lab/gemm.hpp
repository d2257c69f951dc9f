// gemm.hpp - numbered versions of the end of a state-space layer, forward and backward, with TF32 products:
//
//   g = gelu(v)   z = W g   y = glu(z + bias)         v, y (B, H, L), W (2 H, H), bias (2 H), H = 256
//
// docs/design/layer_products.md counts what each moves and computes.
#pragma once

#include "longwave/core/tensor.hpp"

namespace longwave::cuda::lab {

struct Tail {
  TensorView<const float, 3, Cuda> v, dy;
  TensorView<const float, 2, Cuda> W;
  TensorView<const float, 1, Cuda> bias;
  TensorView<float, 3, Cuda> g;  // working memory of version 1
  TensorView<float, 3, Cuda> z;  // (B, 2 H, L): z in version 1, dz in all
  TensorView<float, 3, Cuda> y, dv;
  TensorView<float, 2, Cuda> dW;
  TensorView<float, 1, Cuda> dbias;
};

// dW and dbias are added to.
struct TailVersion {
  const char* name;
  double passes[3];    // tensors (B, H, L) read or written: forward, backward, weights
  double products[3];  // of 4 B L H H operations
  double bound;        // of the relative error, in the norm
  void (*forward)(const Tail&);
  void (*backward)(const Tail&);  // z to dz, dv, dbias
  void (*weights)(const Tail&);   // dz to dW
};

extern const TailVersion gemm_1;  // GELU, cuBLAS, bias and GLU: kernels of their own, as the library has them
extern const TailVersion gemm_2;  // one kernel each way; products of warps (mma.sync)
extern const TailVersion gemm_3;  // products of warpgroups (wgmma)
extern const TailVersion gemm_4;  // the two warpgroups of a block multiply in turns
extern const TailVersion gemm_5;  // clusters of two blocks read W together
extern const TailVersion gemm_6;  // turns and clusters

// longwave_lab products [VERSION [L [B]]]: the exit code.
int run_products(int count, char** arguments);

}  // namespace longwave::cuda::lab
