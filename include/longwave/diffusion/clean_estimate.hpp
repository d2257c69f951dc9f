// clean_estimate.hpp - the clean signal that a predicted noise implies, one step number per row:
//
//   y = clamp((x - sqrt(1 - abar_t) eps) / sqrt(abar_t), -limit, limit)        x, eps, y (B, P), t (B)
//   deps = -dy sqrt(1 - abar_t) / sqrt(abar_t),   dx = dy / sqrt(abar_t)       where the limit does not hold, else 0
//
// Ho et al. 2020, "Denoising diffusion probabilistic models", equation 15. No limit: infinity.
#pragma once

#include <cmath>

#include "longwave/autograd/tape.hpp"
#include "longwave/core/each.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/diffusion/schedule.hpp"

namespace longwave {

// sqrt(abar_t) and sqrt(1 - abar_t) of every step, where D can read them.
template <class T, device D = Host>
struct NoiseLevels {
  Tensor<T, 1, D> signal, noise;  // (T)

  explicit NoiseLevels(const NoiseSchedule& schedule) {
    const index_t n = schedule.steps();
    Tensor<T, 1> s(n), w(n);
    for (index_t t = 0; t < n; ++t) {
      s(t) = static_cast<T>(std::sqrt(schedule.alpha_bar(t)));
      w(t) = static_cast<T>(std::sqrt(1 - schedule.alpha_bar(t)));
    }
    if constexpr (std::is_same_v<D, Host>) {
      signal = std::move(s);
      noise = std::move(w);
    } else {
      signal = cuda::to_device(s);
      noise = cuda::to_device(w);
    }
  }
};

namespace detail {

template <class T, device D>
struct CleanEstimateForward {
  static constexpr const char* name = "clean_estimate";
  TensorView<T, 2, D> y;
  TensorView<const T, 2, D> x, eps;
  TensorView<const index_t, 1, D> steps;
  TensorView<const T, 1, D> signal, noise;
  T limit;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / y.size(1), p = i % y.size(1), t = steps(b);
    const T value = (x(b, p) - noise(t) * eps(b, p)) / signal(t);
    y(b, p) = value > limit ? limit : value < -limit ? -limit : value;
  }
};

// dx, deps: either may be left out.
template <class T, device D>
struct CleanEstimateBackward {
  static constexpr const char* name = "clean_estimate";
  TensorView<T, 2, D> dx, deps;
  TensorView<const T, 2, D> dy, x, eps;
  TensorView<const index_t, 1, D> steps;
  TensorView<const T, 1, D> signal, noise;
  T limit;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / dy.size(1), p = i % dy.size(1), t = steps(b);
    const T value = (x(b, p) - noise(t) * eps(b, p)) / signal(t);
    const T slope = value >= -limit && value <= limit ? dy(b, p) / signal(t) : T(0);
    if (wanted(dx)) dx(b, p) = slope;
    if (wanted(deps)) deps(b, p) = -noise(t) * slope;
  }
};

}  // namespace detail

namespace ops {

struct CleanEstimate {
  // Steps are not checked on the device, nor here: they must be 0 .. T-1.
  template <class T, device D>
  static void forward(TensorView<T, 2, D> y, In<T, 2, D> x, In<T, 2, D> eps, In<index_t, 1, D> steps,
                      const NoiseLevels<T, D>& levels, double limit = INFINITY) {
    check(y.sizes(), "y", x.sizes(), eps.sizes(), steps.sizes());
    for_each_index<D>(y.count(),
                      detail::CleanEstimateForward<T, D>{y, x, eps, steps, levels.signal.view(), levels.noise.view(),
                                                         static_cast<T>(limit)},
                      10);
  }

  // dx and deps are assigned; either may be left out.
  template <class T, device D>
  static void backward(Out<T, 2, D> dx, Out<T, 2, D> deps, TensorView<const T, 2, D> dy, In<T, 2, D> x,
                       In<T, 2, D> eps, In<index_t, 1, D> steps, const NoiseLevels<T, D>& levels,
                       double limit = INFINITY) {
    check(dy.sizes(), "dy", x.sizes(), eps.sizes(), steps.sizes());
    check_gradient("clean_estimate", "dx", dx, x.sizes(), "BP");
    check_gradient("clean_estimate", "deps", deps, x.sizes(), "BP");
    for_each_index<D>(dy.count(),
                      detail::CleanEstimateBackward<T, D>{dx, deps, dy, x, eps, steps, levels.signal.view(),
                                                          levels.noise.view(), static_cast<T>(limit)},
                      10);
  }

 private:
  static void check(const Extents<2>& y, const char* y_name, const Extents<2>& x, const Extents<2>& eps,
                    const Extents<1>& steps) {
    check_same_shape("clean_estimate", y_name, y, "x", x);
    check_same_shape("clean_estimate", "eps", eps, "x", x);
    if (steps[0] != x[0])
      throw_shape_error("clean_estimate: x and steps disagree on B: x is " + to_string(x, "BP") + ", steps is " +
                        to_string(steps, "B"));
  }
};

}  // namespace ops

// On the tape. `steps` and `levels` must stay until backward has run.
template <class T, device D>
Var<T, 2, D> clean_estimate(Var<T, 2, D> x, Var<T, 2, D> eps, TensorView<const index_t, 1, D> steps,
                            const NoiseLevels<T, D>& levels, double limit = INFINITY) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 2, D> y = tape.make(x.sizes(), x.needs_grad() || eps.needs_grad());
  ops::CleanEstimate::forward(y.output(), x.value(), eps.value(), steps, levels, limit);
  tape.record("clean_estimate", y, [=, &levels] {
    Grad dx(x), deps(eps);
    ops::CleanEstimate::backward<T, D>(dx.view(), deps.view(), y.grad(), x.value(), eps.value(), steps, levels, limit);
  });
  return y;
}

}  // namespace longwave
