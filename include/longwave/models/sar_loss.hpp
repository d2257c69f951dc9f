// sar_loss.hpp - losses of focused azimuth lines, the lines of a batch taken as one image.
//
//   x, target (B, L, 2) -> image (1, L, 2B): row l is I, Q of line 0, I, Q of line 1, ..
//
//   total = (1 - delta) MAE + delta ssim_loss + w_mse MSE + w_huber Huber + w_edge edge_loss
//
// MAE, MSE and Huber are means over all samples, so they read the lines where they lie; SSIM (window 7 x 7: B and L of
// at least 2 and 4) and edges need neighbours. Values are expected near 0 to 1, as ops/ssim.hpp says.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/autograd/functions/ssim.hpp"

namespace longwave {

struct SarLossOptions {
  double ssim = 0.5;  // delta: share of the SSIM loss, the rest is MAE's
  double mse = 0, huber = 0, edge = 0;
  double huber_delta = 1;
};

namespace detail {

inline void check_sar_loss(const SarLossOptions& o) {
  const auto check = [](const char* name, double value, bool ok, const char* expected) {
    if (!ok)
      throw_value_error(std::string("sar_loss: ") + name + " is " + std::to_string(value) + ", expected " + expected);
  };
  check("ssim", o.ssim, o.ssim >= 0 && o.ssim <= 1, "0 to 1");
  for (const auto& [name, weight] : {std::pair("mse", o.mse), {"huber", o.huber}, {"edge", o.edge}})
    check(name, weight, weight >= 0 && weight < INFINITY, "a weight of at least 0");
}

}  // namespace detail

// Lines (B, L, 2) -> the image (1, L, 2B), a dense copy.
template <class T, device D>
Var<T, 3, D> sar_image(Var<T, 3, D> lines) {
  if (lines.size(2) != 2)
    throw_shape_error("sar_image: the lines are " + to_string(lines.sizes()) + ", expected (B, L, 2): I and Q last");
  return reshape(transpose(lines, 0, 1), Extents<3>{1, lines.size(1), 2 * lines.size(0)});
}

// The terms by name. Those of weight 0 have no gradient, and but for the MAE no value unless `all` was asked for.
template <class T, device D>
struct SarLoss {
  Var<T, 0, D> total, mae, ssim_loss, mse, huber, edge;
};

// all: terms of weight 0 are computed as well, to be looked at.
template <class T, device D>
SarLoss<T, D> sar_loss(Var<T, 3, D> x, Var<T, 3, D> target, const SarLossOptions& o = {}, bool all = false) {
  detail::check_sar_loss(o);
  check_same_shape("sar_loss", "x", x.value(), "target", target.value());
  Tape<T, D>& tape = x.tape();
  SarLoss<T, D> loss;
  const auto add = [&](Var<T, 0, D>& term, double weight, Var<T, 3, D> y, Var<T, 3, D> t, auto f) {
    if (weight == 0 && !all && &term != &loss.mae) return;
    term = weight == 0 ? f(tape.input(y.value()), t) : f(y, t);
    if (weight == 0) return;
    const Var<T, 0, D> part = weight == 1 ? term : weight * term;
    loss.total = loss.total ? loss.total + part : part;
  };
  add(loss.mae, 1 - o.ssim, x, target, [](auto y, auto t) { return l1(y, t); });
  add(loss.mse, o.mse, x, target, [](auto y, auto t) { return longwave::mse(y, t); });
  add(loss.huber, o.huber, x, target, [&](auto y, auto t) { return longwave::huber(y, t, o.huber_delta); });
  if (o.ssim == 0 && o.edge == 0 && !all) return loss;
  const Var<T, 3, D> image = sar_image(x), wanted_image = sar_image(target);
  add(loss.ssim_loss, o.ssim, image, wanted_image, [](auto y, auto t) { return longwave::ssim_loss(y, t); });
  add(loss.edge, o.edge, image, wanted_image, [](auto y, auto t) { return edge_loss(y, t); });
  return loss;
}

}  // namespace longwave
