// blas.hpp - dense products on the device, by cuBLAS. Defined in longwave::cuda.
//
// One handle per thread; its working memory is that of the current stream, so products can be captured in a CUDA graph
// and give the same bits each time.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/core/view.hpp"

namespace longwave::cuda {

// Products of float matrices in the whole program. Off, as at the start: full float32. On: the tensor cores read the
// operands rounded to 11 bits (TF32) and add in float32, so each product of two numbers is off by up to 1e-3 of itself
// and a sum of them by up to 1e-3 sum |a||b| (typically by 3e-4 |a||b|), for several times the speed. What is
// captured in a graph stays as it was at that time.
void set_tf32(bool on) noexcept;
bool tf32() noexcept;

// Operands stored in bfloat16 (S) are multiplied as they are, exactly, and added in float; C is float, or bfloat16 and
// rounded once.

// C_p = factor A_p B_p, or with `accumulate` C_p += that. C (P, M, N), A (P, M, K), B (P, K, N) of any strides, A and B
// also repeated (stride 0 along P); what cuBLAS does not take is copied to working memory first.
template <class T, class S = T>
void gemm(TensorView<T, 3, Cuda> C, std::type_identity_t<TensorView<const S, 3, Cuda>> A,
          std::type_identity_t<TensorView<const S, 3, Cuda>> B, bool accumulate, double factor = 1);

// C += sum_p A_p B_p. C (M, N), A (P, M, K), B (P, K, N), long K: fixed pieces of the sum, added in order.
template <class T, class S = T>
void gemm_sum(TensorView<T, 2, Cuda> C, std::type_identity_t<TensorView<const S, 3, Cuda>> A,
              std::type_identity_t<TensorView<const S, 3, Cuda>> B);

// The same matrix P times.
template <class T, int N>
TensorView<T, N + 1, Cuda> repeated(const TensorView<T, N, Cuda>& view, index_t P) {
  Extents<N + 1> sizes, strides;
  sizes[0] = P;
  for (int i = 0; i < N; ++i) {
    sizes[i + 1] = view.size(i);
    strides[i + 1] = view.stride(i);
  }
  return {view.data(), sizes, strides};
}

}  // namespace longwave::cuda
