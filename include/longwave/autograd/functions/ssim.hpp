// functions/ssim.hpp - ssim, ssim_loss and edge_loss on the tape.
//
//   ssim_loss   mean of (1 - S) / 2. S lies in [-1, 1], so cutting the terms to [0, 1], as some do, changes nothing
//   edge_loss   mean |d_{i,j+1} - d_{i,j}| + mean |d_{i+1,j} - d_{i,j}|,  d = x - t, over the last two axes
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/ops/edge_loss.hpp"
#include "longwave/ops/ssim.hpp"

namespace longwave {

// Images (P, h, w) -> their similarity, pixel by pixel (P, h, w).
template <class T, device D>
Var<T, 3, D> ssim(Var<T, 3, D> x, Var<T, 3, D> target) {
  Tape<T, D>& tape = x.tape();
  const Var<T, 3, D> S = tape.make(x.sizes(), x.needs_grad() || target.needs_grad());
  ops::Ssim::forward(S.output(), x.value(), target.value());
  tape.record("ssim", S, [=] {
    Grad dx(x), dt(target);
    ops::Ssim::backward(dx.view(), dt.view(), S.grad(), x.value(), target.value());
  });
  return S;
}

template <class T, device D>
Var<T, 0, D> ssim_loss(Var<T, 3, D> x, Var<T, 3, D> target) {
  const Var<T, 3, D> S = ssim(x, target), one = x.tape().make(x.sizes(), false);
  detail::fill(one.output(), T(1));
  return scale(l1(S, one), 0.5);
}

namespace detail {

// The last two axes are images: (P, h, w).
template <class T, int N, device D>
Var<T, 3, D> as_images(Var<T, N, D> x) {
  if constexpr (N == 3) {
    return x;
  } else {
    const index_t h = x.size(N - 2), w = x.size(N - 1);
    return reshape(contiguous(x), Extents<3>{x.value().count() / (h * w), h, w});
  }
}

}  // namespace detail

template <class T, int N, device D>
Var<T, 0, D> edge_loss(Var<T, N, D> x, Var<T, N, D> target) {
  static_assert(N >= 2, "edges are differences along the last two axes");
  check_same_shape("edge_loss", "x", x.value(), "target", target.value());
  for (const int axis : {N - 1, N - 2})
    if (x.size(axis) < 2)
      throw_shape_error("edge_loss: axis " + std::to_string(axis) + " of x " + to_string(x.sizes()) +
                        " has no neighbours, expected 2 samples or more");
  Tape<T, D>& tape = x.tape();
  const Var<T, 3, D> a = detail::as_images(x), b = detail::as_images(target);
  const Var<T, 0, D> y = tape.make(Extents<0>(), a.needs_grad() || b.needs_grad());
  ops::EdgeLoss::forward(y.output(), a.value(), b.value());
  tape.record("edge_loss", y, [=] {
    Grad da(a), db(b);
    ops::EdgeLoss::backward(da.view(), db.view(), y.grad(), a.value(), b.value());
  });
  return y;
}

}  // namespace longwave
