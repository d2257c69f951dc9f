// Version 1: as the library has it. GELU, product, bias and GLU as kernels of their own, cuBLAS's products, g and z
// kept for backward, dz in the place of z.
//
// Passes over a tensor (B, H, L): forward 8, backward 5 + 3 + 3, weights 3.
#include "kernels/launch.cuh"
#include "lab/gemm.hpp"
#include "longwave/cuda/bias_glu.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/ops/activation.hpp"

namespace longwave::cuda::lab {

namespace {

void forward(const Tail<float>& t) {
  ops::Gelu::forward(t.g, t.v);
  gemm(t.z, repeated(t.W, t.v.size(0)), t.g, false);
  bias_glu_forward<float>(t.y, t.z, t.bias);
}

void backward(const Tail<float>& t) {
  bias_glu_backward<float>(t.z, t.dbias, t.dy, t.z, t.bias);
  gemm(t.dv, repeated(t.W.transpose(0, 1), t.v.size(0)), t.z, false);
  ops::Gelu::backward<float, 3, Cuda>(t.dv, t.dv, t.v);
}

void weights(const Tail<float>& t) { gemm_sum(t.dW, t.z, t.g.transpose(1, 2)); }

}  // namespace

const TailVersion<float> gemm_1 = {"1 separate kernels", {8, 11, 3}, {1, 1, 1}, 1e-3, 1e-3, forward, backward, weights};

}  // namespace longwave::cuda::lab
