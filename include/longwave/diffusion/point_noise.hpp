// point_noise.hpp - two ways to disturb samples x_0 (B, P) that are points without a time axis, as policies of the same
// three functions:
//
//   draw     what is mixed into x_0, x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) added, and what a network predicts
//
//   start    where sampling starts
//
//   disturb  the random part of a sampling step: x <- x + deviation (..)
//
// Results live in the tape's memory until it is rewound.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/core/map.hpp"
#include "longwave/cuda/map.hpp"
#include "longwave/diffusion/convex.hpp"

namespace longwave {

template <class T, device D>
struct Disturbance {
  TensorView<const T, 2, D> added, target;
};

namespace detail {

struct AddStepNoise {
  static constexpr const char* name = "add_step_noise";
  double deviation;
  template <class T>
  LONGWAVE_HD void operator()(T& y, T x, T noise) const {
    y = x + static_cast<T>(deviation) * noise;
  }
};

template <class T, device D>
void add_step_noise(TensorView<T, 2, D> x, In<T, 2, D> noise, double deviation) {
  map_elements<1>(AddStepNoise{deviation}, x, TensorView<const T, 2, D>(x), noise);
}

template <class T, device D>
TensorView<T, 2, D> standard_normal(Tape<T, D>& tape, Generator& gen, const Extents<2>& sizes) {
  const TensorView<T, 2, D> z = tape.template keep<T>(sizes);
  gen.normal(z);
  return z;
}

}  // namespace detail

// Normal noise, and the network predicts it (Ho et al. 2020).
struct GaussianNoise {
  template <class T, device D>
  Disturbance<T, D> draw(Tape<T, D>& tape, Generator& gen, TensorView<const T, 2, D> x0) const {
    const TensorView<T, 2, D> z = detail::standard_normal(tape, gen, x0.sizes());
    return {z, z};
  }

  template <class T, device D>
  TensorView<T, 2, D> start(Tape<T, D>& tape, Generator& gen, const Extents<2>& sizes) const {
    return detail::standard_normal(tape, gen, sizes);
  }

  template <class T, device D>
  void disturb(Tape<T, D>& tape, Generator& gen, TensorView<T, 2, D> x, double deviation) const {
    detail::add_step_noise<T, D>(x, detail::standard_normal(tape, gen, x.sizes()), deviation);
  }
};

// What the network predicts where rows of the batch are combined:
//   noise        normal numbers that were mixed into nothing: they cannot be learned, the loss tends to 1
//   effective    what was mixed in, conv(x_0)
//   gauss_pairs  normal noise is combined instead of the batch; that is mixed in, predicted and sampled with
enum class ConvexTarget { noise, effective, gauss_pairs };

// Convex combinations of rows of the batch (convex.hpp).
struct ConvexNoise {
  ConvexTarget target = ConvexTarget::noise;

  template <class T, device D>
  Disturbance<T, D> draw(Tape<T, D>& tape, Generator& gen, TensorView<const T, 2, D> x0) const {
    if (target == ConvexTarget::gauss_pairs) {
      const TensorView<T, 2, D> pairs = start(tape, gen, x0.sizes());
      return {pairs, pairs};
    }
    const TensorView<const T, 2, D> mixed = combined<T, D>(tape, gen, x0, 1);
    if (target == ConvexTarget::effective) return {mixed, mixed};
    return {mixed, detail::standard_normal(tape, gen, x0.sizes())};
  }

  template <class T, device D>
  TensorView<T, 2, D> start(Tape<T, D>& tape, Generator& gen, const Extents<2>& sizes) const {
    return combined<T, D>(tape, gen, detail::standard_normal(tape, gen, sizes), 1);
  }

  // gauss_pairs: x + deviation conv(normal); else x + deviation (conv(x) - x).
  template <class T, device D>
  void disturb(Tape<T, D>& tape, Generator& gen, TensorView<T, 2, D> x, double deviation) const {
    if (target == ConvexTarget::gauss_pairs)
      detail::add_step_noise<T, D>(x, start(tape, gen, x.sizes()), deviation);
    else
      copy(x, combined<T, D>(tape, gen, x, static_cast<T>(deviation)));
  }

 private:
  // (1 - share) v + share conv(v), with a new pairing.
  template <class T, device D>
  static TensorView<T, 2, D> combined(Tape<T, D>& tape, Generator& gen, TensorView<const T, 2, D> v, T share) {
    const Extents<1> rows{v.size(0)};
    const ConvexPairs<T, D> pairs{tape.template keep<T>(rows), tape.template keep<index_t>(rows)};
    draw_pairs(gen, pairs);
    const TensorView<T, 2, D> y = tape.template keep<T>(v.sizes());
    convex_mix(y, v, pairs, share);
    return y;
  }
};

}  // namespace longwave
