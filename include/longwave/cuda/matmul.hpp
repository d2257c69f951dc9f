// matmul.hpp - the device's overloads of what ops/matmul.hpp calls, which includes this before its front.
#pragma once

#include "longwave/cuda/blas.hpp"

namespace longwave {

namespace cuda {

// y (R, O): each row is b (O).
template <class T>
void fill_rows(TensorView<T, 2, Cuda> y, TensorView<const T, 1, Cuda> b);

// db (O) += sum over r of dy (R, O).
template <class T>
void add_column_sums(TensorView<T, 1, Cuda> db, TensorView<const T, 2, Cuda> dy);

}  // namespace cuda

namespace impl {

template <class T>
void matmul(TensorView<T, 2, Cuda> C, In<T, 2, Cuda> A, In<T, 2, Cuda> B, bool accumulate) {
  cuda::gemm(cuda::repeated(C, 1), cuda::repeated(A, 1), cuda::repeated(B, 1), accumulate);
}

template <class T>
void batched_matmul(TensorView<T, 3, Cuda> C, In<T, 3, Cuda> A, In<T, 3, Cuda> B) {
  cuda::gemm(C, A, B, false);
}

// C += A^T B, the sum being over rows: of all positions of a batch.
template <class T>
void add_product_over_rows(TensorView<T, 2, Cuda> C, In<T, 2, Cuda> A, In<T, 2, Cuda> B) {
  cuda::gemm_sum(C, cuda::repeated(A.transpose(0, 1), 1), cuda::repeated(B, 1));
}

template <class T>
void fill_rows(TensorView<T, 2, Cuda> y, In<T, 1, Cuda> b) {
  cuda::fill_rows(y, b);
}

template <class T>
void add_column_sums(TensorView<T, 1, Cuda> db, In<T, 2, Cuda> dy) {
  cuda::add_column_sums(db, dy);
}

}  // namespace impl
}  // namespace longwave
