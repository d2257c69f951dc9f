// gemm.cuh - versions 2 to 9 from the kernels of kernels/glu_product.cuh, which differ in how they multiply.
#pragma once

#include "kernels/glu_product_launch.cuh"
#include "lab/gemm.hpp"

namespace longwave::cuda::lab {

template <class S, template <class> class Unit, bool turns, int cluster>
struct Fused {
  using Kernels = detail::GluTail<S, Unit, 256, turns, cluster>;

  static void forward(const Tail<S>& t) { Kernels::forward(t.y, t.v, t.W, t.bias); }
  static void backward(const Tail<S>& t) { Kernels::backward(t.dv, t.z, t.dbias, t.dy, t.v, t.W, t.bias); }
  static void weights(const Tail<S>& t) { Kernels::weights(t.dW, t.z, t.v); }

  static constexpr TailVersion<S> version(const char* name) {
    return {name, {2, 5, 3}, {1, 2, 1}, std::is_same_v<S, float> ? 1e-4 : 3e-3, 1e-4, forward, backward, weights};
  }
};

}  // namespace longwave::cuda::lab
