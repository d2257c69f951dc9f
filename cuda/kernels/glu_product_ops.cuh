// glu_product_ops.cuh - what longwave/cuda/glu_product.hpp declares, by the version of glu_product.cuh in use.
#pragma once

#include "kernels/glu_product_launch.cuh"
#include "longwave/core/fill.hpp"
#include "longwave/cuda/blas.hpp"

namespace longwave::cuda {

// As versions of cuda/lab/gemm_*.cu; separate: none of them, and a layer's end is several kernels.
enum class GluVersion { separate, whole, split, kept };

template <class S>
inline constexpr GluVersion glu_version = GluVersion::kept;
inline constexpr int glu_cluster = 1;  // blocks that read W together

namespace detail {

template <class S, int H>
struct GluTailInUse {
  static constexpr GluSteps steps = glu_version<S> == GluVersion::whole   ? GluSteps::whole
                                    : glu_version<S> == GluVersion::split ? GluSteps::split
                                                                          : GluSteps::kept;
  using Type = GluTail<S, WarpgroupProduct, H, steps, glu_cluster>;
};

// f(GluTail) of the one for H features.
template <class S, class F>
void with_glu_tail(index_t H, F f) {
  if constexpr (glu_version<S> != GluVersion::separate) {
    if (H == 128) f(typename GluTailInUse<S, 128>::Type());
    if (H == 256) f(typename GluTailInUse<S, 256>::Type());
  }
}

// W (2 H, H, 1) as a matrix.
template <class T>
TensorView<T, 2, Cuda> matrix_of(const TensorView<T, 3, Cuda>& W) {
  return {W.data(), Extents<2>(W.size(0), W.size(1)), Extents<2>(W.stride(0), W.stride(1))};
}

}  // namespace detail

template <class S>
bool glu_product_takes(TensorView<const S, 3, Cuda> v, const Extents<3>& W) {
  if (std::is_same_v<S, float> && !tf32()) return false;
  const index_t H = v.size(1);
  if (!(W == Extents<3>(2 * H, H, 1))) return false;
  bool taken = false;
  detail::with_glu_tail<S>(H, [&](auto tail) { taken = tail.takes(v) && tail.compiled_here(); });
  return taken;
}

template <class S>
bool glu_product_keeps() {
  return glu_version<S> == GluVersion::kept;
}

template <class S>
void glu_product_forward(TensorView<S, 3, Cuda> y, TensorView<S, 3, Cuda> z, TensorView<const S, 3, Cuda> v,
                         TensorView<const float, 3, Cuda> W, TensorView<const float, 1, Cuda> bias, KeptChannels kept) {
  detail::with_glu_tail<S>(v.size(1), [&](auto tail) { tail.forward(y, z, v, detail::matrix_of(W), bias, kept); });
}

template <class S>
void glu_product_backward(TensorView<S, 3, Cuda> dv, TensorView<float, 3, Cuda> dW, TensorView<float, 1, Cuda> dbias,
                          TensorView<const S, 3, Cuda> dy, TensorView<S, 3, Cuda> z, TensorView<const S, 3, Cuda> v,
                          TensorView<const float, 3, Cuda> W, TensorView<const float, 1, Cuda> bias,
                          KeptChannels kept) {
  const index_t B = v.size(0), H = v.size(1), L = v.size(2);
  ScratchOn<Cuda> scratch;
  if (!glu_product_keeps<S>()) z = scratch.tensor<S>(Extents<3>(B, 2 * H, L));
  if (!wanted(dv)) dv = scratch.tensor<S>(v.sizes());
  if (!dy.contiguous() || !aligned_for_vectors(dy.data())) {
    const TensorView<S, 3, Cuda> dense = scratch.tensor<S>(dy.sizes());
    longwave::copy(dense, dy);
    dy = dense;
  }
  detail::with_glu_tail<S>(H, [&](auto tail) {
    tail.backward(dv, z, dbias, dy, v, detail::matrix_of(W), bias, kept);
    if (wanted(dW)) tail.weights(detail::matrix_of(dW), z, v, kept);
  });
}

}  // namespace longwave::cuda
