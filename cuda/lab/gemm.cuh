// gemm.cuh - versions 2 to 10 from the kernels of kernels/glu_product.cuh.
#pragma once

#include "kernels/glu_product_launch.cuh"
#include "lab/gemm.hpp"

namespace longwave::cuda::lab {

template <class S, detail::GluSteps steps, int cluster>
struct Fused {
  using Kernels = detail::GluTail<S, detail::WarpgroupProduct, 256, steps, cluster>;

  static void forward(const Tail<S>& t) { Kernels::forward(t.y, t.z, t.v, t.W, t.bias); }
  static void backward(const Tail<S>& t) { Kernels::backward(t.dv, t.z, t.dbias, t.dy, t.v, t.W, t.bias); }
  static void weights(const Tail<S>& t) { Kernels::weights(t.dW, t.z, t.v); }

  static constexpr TailVersion<S> version(const char* name) {
    constexpr bool wide = std::is_same_v<S, float>;
    TailVersion<S> v{name, {2, 5, 3}, {1, 2, 1}, wide ? 1e-4 : 3e-3, 1e-4, forward, backward, weights};
    if (steps == detail::GluSteps::split) v.passes[1] = 8;
    if (steps == detail::GluSteps::kept) {
      v.passes[0] = 4;
      v.passes[1] = 7;
      v.products[1] = 1;
      if (!wide) v.bound = v.sums_bound = 1e-2;  // z is rounded, and dz is off by as much
    }
    return v;
  }
};

}  // namespace longwave::cuda::lab
