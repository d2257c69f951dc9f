// step_embedding.hpp - the number of a diffusion step as sines and cosines of falling frequencies, what a network takes
// for it (Vaswani et al. 2017; this order: Kong et al. 2021, "DiffWave").
//
//   y (B, dim), steps (B):   y = [sin(t f_0) .. sin(t f_{h-1}), cos(t f_0) .. cos(t f_{h-1})],   h = dim / 2,
//   f_i = 10000^(-i / (h - 1)),   t = 0 .. T-1 as it is. Worked out in double, whatever T.
#pragma once

#include <cmath>

#include "longwave/core/each.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace detail {

template <class T, device D>
struct StepEmbedding {
  static constexpr const char* name = "step_embedding";
  TensorView<T, 2, D> y;
  TensorView<const index_t, 1, D> steps;

  // i: one of B h pairs of a sine and a cosine
  LONGWAVE_HD void operator()(index_t i) const {
    using std::cos, std::exp, std::sin;
    constexpr double log_10000 = 9.210340371976184;
    const index_t half = y.size(1) / 2, b = i / half, k = i % half;
    const double exponent = half > 1 ? static_cast<double>(k) / static_cast<double>(half - 1) : 0.0;
    const double angle = static_cast<double>(steps(b)) * exp(-log_10000 * exponent);
    y(b, k) = static_cast<T>(sin(angle));
    y(b, half + k) = static_cast<T>(cos(angle));
  }
};

}  // namespace detail

template <class T, device D>
void step_embedding(TensorView<T, 2, D> y, In<index_t, 1, D> steps) {
  check_shape("step_embedding", "steps", steps, Extents<1>{y.size(0)}, "B");
  const index_t dim = y.size(1);
  if (dim < 2 || dim % 2 != 0)
    throw_shape_error("step_embedding: y is " + to_string(y.sizes(), "BD") + ", expected an even D of at least 2");
  for_each_index<D>(y.size(0) * (dim / 2), detail::StepEmbedding<T, D>{y, steps});
}

}  // namespace longwave
