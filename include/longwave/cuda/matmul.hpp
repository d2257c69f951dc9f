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

// A whole linear layer y = x W^T + b (ops/matmul.hpp) that is so small that launches are what it costs; b, dx, dW and
// db may be left out. relu: max(.., 0) of it; its y is then what backward takes as `relu_of`, which else has no data.
// Always full float or double.
template <class T>
void small_linear(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                  TensorView<const T, 1, Cuda> b, bool relu = false);
template <class T>
void small_linear_backward(TensorView<T, 2, Cuda> dx, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> db,
                           TensorView<const T, 2, Cuda> dy, TensorView<const T, 2, Cuda> x,
                           TensorView<const T, 2, Cuda> W, TensorView<const T, 2, Cuda> relu_of = {});

// Whether x (R, I) and W (O, I) are: above it cuBLAS is quicker.
inline bool small_linear_fits(index_t R, const Extents<2>& W) {
  constexpr index_t most_rows = 2048, most_features = 256, most_products = index_t(1) << 22;
  return W.count() > 0 && R <= most_rows && W[0] <= most_features && W[1] <= most_features &&
         R * W[0] * W[1] <= most_products;
}

}  // namespace cuda

namespace impl {

// false: to be done in parts.
template <class T>
bool linear_at_once(TensorView<T, 2, Cuda> y, In<T, 2, Cuda> x, In<T, 2, Cuda> W, In<T, 1, Cuda> b) {
  if (!cuda::small_linear_fits(x.size(0), W.sizes())) return false;
  cuda::small_linear(y, x, W, b);
  return true;
}
template <class T>
bool linear_backward_at_once(TensorView<T, 2, Cuda> dx, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> db,
                             In<T, 2, Cuda> dy, In<T, 2, Cuda> x, In<T, 2, Cuda> W) {
  if (!cuda::small_linear_fits(x.size(0), W.sizes())) return false;
  cuda::small_linear_backward(dx, dW, db, dy, x, W);
  return true;
}

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
