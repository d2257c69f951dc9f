// typed_dropout_norm.hpp - tests of layer norm of x + dropout(r): bodies over the scalar type and the device. The
// oracle is the host's dropout, sum and layer norm one after the other, in double on the same numbers.
#pragma once

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/autograd/functions/dropout_norm.hpp"
#include "typed_norm.hpp"

namespace longwave::test {

// Alone: the gradients of x and of r one at a time as well. turned: strided views.
template <class T, device D>
void check_dropout_add_norm(Extents<3> sizes, int axis, double p, bool turned, bool with_parameters) {
  INFO(to_string(sizes) << " axis " << axis << " p " << p << (turned ? " turned" : "")
                        << (with_parameters ? " affine" : ""));
  using Op = ops::DropoutAddNorm;
  const PhiloxKey key{71, 3, 4};
  const LayerNormOptions options{.axis = axis, .eps = 1e-5};
  const NormCase<T, D> c(sizes, axis, turned);
  const auto r = given<T, D>(sizes, 35, turned);
  const Extents<2> rest = without_axis(sizes, axis);
  const auto w = with_parameters ? c.weight.view() : TensorView<const T, 1, D>();
  const auto b = with_parameters ? c.bias.view() : TensorView<const T, 1, D>();
  const auto w_wide = with_parameters ? c.weight.wide.view() : TensorView<const double, 1>();
  const auto b_wide = with_parameters ? c.bias.wide.view() : TensorView<const double, 1>();

  Tensor<double, 3> kept(sizes), want_sum(sizes), want(sizes), want_dx(sizes), want_dr(sizes);
  Tensor<double, 2> want_mean(rest), want_rstd(rest);
  Tensor<double, 1> want_dw = c.bias.wide.clone(), want_db = c.weight.wide.clone();
  ops::Dropout::forward(kept.view(), r.wide, key, p, true);
  ops::AddLayerNorm::forward(want.view(), want_sum.view(), want_mean.view(), want_rstd.view(), c.x.wide, kept, w_wide,
                             b_wide, options);
  ops::LayerNorm::backward(want_dx.view(), want_dw.view(), want_db.view(), c.dy.wide.view(), want_mean, want_rstd,
                           want_sum, w_wide, options);
  ops::Dropout::backward(want_dr.view(), want_dx, key, p, true);

  Result<T, 3, D> y(sizes, turned), sum(sizes), dx(sizes, turned), dr(sizes), dx_alone(sizes), dr_alone(sizes);
  Result<T, 2, D> mean(rest), rstd(rest);
  Result<T, 1, D> dw(Place<D>::from(c.bias.there)), db(Place<D>::from(c.weight.there));
  Result<T, 1, D> dw_again(Place<D>::from(c.bias.there)), db_again(Place<D>::from(c.weight.there));
  Op::forward(y.view(), sum.view(), mean.view(), rstd.view(), c.x.view(), r.view(), w, b, key, p, options);
  const auto backward = [&](auto to_x, auto to_r, auto to_w, auto to_b) {
    Op::backward(to_x, to_r, to_w, to_b, c.dy.view(), mean.view(), rstd.view(), sum.view(), w, key, p, options);
  };
  const TensorView<T, 3, D> none;
  backward(dx.view(), dr.view(), dw.view(), db.view());
  backward(dx_alone.view(), none, dw_again.view(), db_again.view());
  backward(none, dr_alone.view(), TensorView<T, 1, D>(), TensorView<T, 1, D>());
  if (sizes.count() == 0) return;
  const double tolerance = norm_tolerance<T>(sizes[axis]);
  CHECK(error_of(sum, want_sum) <= 2 * sum_tolerance<T>());
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(mean, want_mean) <= tolerance);
  CHECK(error_of(rstd, want_rstd) <= tolerance);
  CHECK(error_of(dx, want_dx) <= 8 * tolerance);
  CHECK(error_of(dr, want_dr) <= 8 * tolerance);
  CHECK(error_of(dw, want_dw) <= 8 * tolerance);
  CHECK(error_of(db, want_db) <= 8 * tolerance);
  CHECK(relative_error(dx_alone.back(), dx.back()) <= sum_tolerance<T>());
  CHECK(relative_error(dr_alone.back(), dr.back()) <= sum_tolerance<T>());
  CHECK(relative_error(dw_again.back(), dw.back()) <= sum_tolerance<T>());
  CHECK(relative_error(db_again.back(), db.back()) <= sum_tolerance<T>());
}

// Every way the device has: tiles of one and of several warps, the last one half empty, and what does not fit.
template <class T, device D>
void check_dropout_add_norms() {
  for (const auto& sizes : {Extents(1, 1, 1), Extents(2, 3, 5), Extents(0, 20, 8), Extents(2, 20, 0), Extents(1, 17, 4),
                            Extents(3, 40, 36), Extents(2, 130, 68), Extents(5, 33, 37), Extents(70, 18, 4)})
    for (const double p : {0.0, 0.3})
      for (const bool turned : {false, true}) {
        check_dropout_add_norm<T, D>(sizes, 1, p, turned, true);
        check_dropout_add_norm<T, D>(sizes, 2, p, turned, false);
      }
  check_dropout_add_norm<T, D>({3, 20, 24}, 0, 0.3, false, true);
}

// On a tape the numbers of the functions one after the other, in training and not.
template <class T, device D>
void check_dropout_add_norm_on_tape() {
  const Extents<3> sizes(3, 24, 20);
  const auto x = given<T, D>(sizes, 48), r = given<T, D>(sizes, 49), dy = given<T, D>(sizes, 50);
  const auto weight = given<T, D>(Extents(24), 51), bias = given<T, D>(Extents(24), 52);
  const auto all_of = [&](bool fused, bool training) {
    Generator gen(7);
    Tape<T, D> tape;
    if (training) tape.train(gen);
    const auto a = tape.variable(x.view()), b = tape.variable(r.view());
    const auto w = tape.variable(weight.view()), v = tape.variable(bias.view());
    // x is used once more, before: its gradient has two parts
    const auto c = dropout_sum(a, b, {1, 1}, 0.2, true);
    const auto y = fused ? dropout_add_norm(a, c, w, v, 0.4) : layer_norm(dropout_sum(a, c, {1, 1}, 0.4, true), w, v);
    tape.backward(y, dy.view());
    Tensor<T, 3, D> together(3 * 3 + 1, 24, 20);
    const auto keep = [&](index_t first, TensorView<const T, 3, D> v3) {
      copy(together.view().slice(0, first, first + v3.size(0)), v3);
    };
    keep(0, y.value()), keep(3, a.grad()), keep(6, b.grad());
    copy(together.view()[9].transpose(0, 1)[0], w.grad());
    return Place<D>::from(together);
  };
  for (const bool training : {false, true})
    CHECK(relative_error(all_of(true, training), all_of(false, training)) <= 8 * norm_tolerance<T>(24));
}

}  // namespace longwave::test
