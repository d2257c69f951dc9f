// gemm.cuh - versions 2 to 6 from the kernels of kernels/glu_product.cuh, which differ in how they multiply.
#pragma once

#include "kernels/glu_product_launch.cuh"
#include "lab/gemm.hpp"

namespace longwave::cuda::lab {

template <class Unit, bool turns, int cluster>
struct Fused {
  using Kernels = detail::GluTail<Unit, 256, turns, cluster>;

  static void forward(const Tail& t) { Kernels::forward(t.y, t.v, t.W, t.bias); }
  static void backward(const Tail& t) { Kernels::backward(t.dv, t.z, t.dbias, t.dy, t.v, t.W, t.bias); }
  static void weights(const Tail& t) { Kernels::weights(t.dW, t.z, t.v); }

  static constexpr TailVersion version(const char* name) {
    return {name, {2, 5, 3}, {1, 2, 1}, 1e-4, forward, backward, weights};
  }
};

}  // namespace longwave::cuda::lab
