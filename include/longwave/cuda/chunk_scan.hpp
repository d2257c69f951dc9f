// chunk_scan.hpp - the device's overloads of what ops/chunk_scan.hpp calls, which includes this before its front.
//
// Float products run on tensor cores: split into two numbers each, so that float's accuracy stays (relative error
// 1e-6), or with cuda::set_tf32(true) rounded to 10 bits (3e-4). Double runs as the recurrence. Where u and y are
// stored in bfloat16, products are TF32: their rounding is an eighth of that of y.
#pragma once

#include "longwave/core/bfloat16.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/diag_scan.hpp"

namespace longwave {

namespace cuda {

enum class Product { tf32, tf32x3 };

void chunk_scan_forward(const DiagonalOutputs<float, Cuda>& out, const DiagonalInputs<float, Cuda>& in,
                        Product product);
void chunk_scan_backward(const DiagonalGradients<float, Cuda>& d, const DiagonalCotangents<float, Cuda>& from,
                         const DiagonalInputs<float, Cuda>& in, Product product);
// Numbers that forward can keep for backward, the states before groups of chunks, when no state goes out.
index_t chunk_scan_kept(const DiagonalInputs<float, Cuda>& in, Product product);

void chunk_scan_forward(const DiagonalOutputs<float, Cuda, bfloat16>& out,
                        const DiagonalInputs<float, Cuda, bfloat16>& in);
void chunk_scan_backward(const DiagonalGradients<float, Cuda, bfloat16>& d,
                         const DiagonalCotangents<float, Cuda, bfloat16>& from,
                         const DiagonalInputs<float, Cuda, bfloat16>& in);
index_t chunk_scan_kept(const DiagonalInputs<float, Cuda, bfloat16>& in);

inline Product chunk_scan_product() { return tf32() ? Product::tf32 : Product::tf32x3; }

}  // namespace cuda

namespace impl {

inline void chunk_scan_forward(const DiagonalOutputs<float, Cuda>& out, const DiagonalInputs<float, Cuda>& in) {
  cuda::chunk_scan_forward(out, in, cuda::chunk_scan_product());
}
inline index_t kept_numbers(const DiagonalInputs<float, Cuda>& in) {
  return cuda::chunk_scan_kept(in, cuda::chunk_scan_product());
}

inline void chunk_scan_forward(const DiagonalOutputs<double, Cuda>& out, const DiagonalInputs<double, Cuda>& in) {
  cuda::diag_scan_forward(out, in);
}

inline void chunk_scan_backward(const DiagonalGradients<float, Cuda>& d, const DiagonalCotangents<float, Cuda>& from,
                                const DiagonalInputs<float, Cuda>& in) {
  cuda::chunk_scan_backward(d, from, in, cuda::chunk_scan_product());
}
inline void chunk_scan_backward(const DiagonalGradients<double, Cuda>& d, const DiagonalCotangents<double, Cuda>& from,
                                const DiagonalInputs<double, Cuda>& in) {
  cuda::diag_scan_backward(d, from, in);
}

inline void chunk_scan_forward(const DiagonalOutputs<float, Cuda, bfloat16>& out,
                               const DiagonalInputs<float, Cuda, bfloat16>& in) {
  cuda::chunk_scan_forward(out, in);
}
inline void chunk_scan_backward(const DiagonalGradients<float, Cuda, bfloat16>& d,
                                const DiagonalCotangents<float, Cuda, bfloat16>& from,
                                const DiagonalInputs<float, Cuda, bfloat16>& in) {
  cuda::chunk_scan_backward(d, from, in);
}
inline index_t kept_numbers(const DiagonalInputs<float, Cuda, bfloat16>& in) { return cuda::chunk_scan_kept(in); }

}  // namespace impl
}  // namespace longwave
