// typed_norm.hpp - tests of normalisations: bodies over the scalar type and the device. The oracle is the host's op in
// double on the same numbers.
#pragma once

#include "longwave/autograd/functions/norm.hpp"
#include "typed_reduce.hpp"

namespace longwave::test {

template <class T, device D>
struct NormCase {
  Given<T, 3, D> x, dy;
  Given<T, 1, D> weight, bias;
  NormCase(Extents<3> sizes, int axis, bool turned)
      : x(given<T, D>(sizes, 31, turned)),
        dy(given<T, D>(sizes, 32, turned)),
        weight(given<T, D>(Extents<1>{sizes[axis]}, 33)),
        bias(given<T, D>(Extents<1>{sizes[axis]}, 34)) {}
};

template <class T>
double norm_tolerance(index_t H) {  // ops/norm.hpp: 4 epsilon sqrt(H) of the statistics, a few more of the gradients
  return (sizeof(T) == 4 ? 2e-6 : 4e-15) * (4 + std::sqrt(static_cast<double>(H)));
}

// With and without parameters, residual and gradient of the sum; parameters' gradients are added to what is there.
template <class T, device D>
void check_layer_norm(Extents<3> sizes, int axis, bool turned, bool with_parameters, bool add = false) {
  INFO(to_string(sizes) << " axis " << axis << (turned ? " turned" : "") << (with_parameters ? " affine" : "")
                        << (add ? " add" : ""));
  // Of few features some deviate by less than what x + r is rounded by.
  const LayerNormOptions options{.axis = axis, .eps = sizes[axis] < 8 ? 1e-3 : 1e-5};
  const NormCase<T, D> c(sizes, axis, turned);
  const auto r = given<T, D>(sizes, 35, turned), dsum = given<T, D>(sizes, 36);
  const Extents<2> rest = without_axis(sizes, axis);
  const Extents<1> H{sizes[axis]};
  const auto w = with_parameters ? c.weight.view() : TensorView<const T, 1, D>();
  const auto b = with_parameters ? c.bias.view() : TensorView<const T, 1, D>();
  const auto w_wide = with_parameters ? c.weight.wide.view() : TensorView<const double, 1>();
  const auto b_wide = with_parameters ? c.bias.wide.view() : TensorView<const double, 1>();

  Tensor<double, 3> want(sizes), want_sum(sizes), want_dx(sizes);
  Tensor<double, 2> want_mean(rest), want_rstd(rest);
  Tensor<double, 1> want_dw = c.bias.wide.clone(), want_db = c.weight.wide.clone();
  Result<T, 3, D> y(sizes, turned), sum(sizes), dx(sizes, turned), again(sizes, turned);
  Result<T, 2, D> mean(rest), rstd(rest);
  Result<T, 1, D> dw(Place<D>::from(c.bias.there)), db(Place<D>::from(c.weight.there));
  Result<T, 1, D> dw_again(Place<D>::from(c.bias.there)), db_again(Place<D>::from(c.weight.there));
  if (add) {
    using Op = ops::AddLayerNorm;
    Op::forward(want.view(), want_sum.view(), want_mean.view(), want_rstd.view(), c.x.wide, r.wide, w_wide, b_wide,
                options);
    Op::backward(want_dx.view(), want_dw.view(), want_db.view(), c.dy.wide.view(), dsum.wide, want_mean, want_rstd,
                 want_sum, w_wide, options);
    Op::forward(y.view(), sum.view(), mean.view(), rstd.view(), c.x.view(), r.view(), w, b, options);
    Op::backward(dx.view(), dw.view(), db.view(), c.dy.view(), dsum.view(), mean.view(), rstd.view(), sum.view(), w,
                 options);
    Op::backward(again.view(), dw_again.view(), db_again.view(), c.dy.view(), dsum.view(), mean.view(), rstd.view(),
                 sum.view(), w, options);
    CHECK(error_of(sum, want_sum) <= sum_tolerance<T>());
  } else {
    using Op = ops::LayerNorm;
    Op::forward(want.view(), want_mean.view(), want_rstd.view(), c.x.wide, w_wide, b_wide, options);
    Op::backward(want_dx.view(), want_dw.view(), want_db.view(), c.dy.wide.view(), want_mean, want_rstd, c.x.wide,
                 w_wide, options);
    Op::forward(y.view(), mean.view(), rstd.view(), c.x.view(), w, b, options);
    Op::backward(dx.view(), dw.view(), db.view(), c.dy.view(), mean.view(), rstd.view(), c.x.view(), w, options);
    Op::backward(again.view(), dw_again.view(), db_again.view(), c.dy.view(), mean.view(), rstd.view(), c.x.view(), w,
                 options);
  }
  if (sizes.count() == 0) return;
  // With few features the deviation may be small: errors are seen against the largest of the gradient.
  const double tolerance = norm_tolerance<T>(sizes[axis]);
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(mean, want_mean) <= tolerance);
  CHECK(error_of(rstd, want_rstd) <= tolerance);
  CHECK(error_of(dx, want_dx) <= 8 * tolerance);
  CHECK(error_of(dw, want_dw) <= 8 * tolerance);
  CHECK(error_of(db, want_db) <= 8 * tolerance);
  CHECK(relative_error(again.back(), dx.back()) == 0);
  CHECK(relative_error(dw_again.back(), dw.back()) == 0);
  CHECK(relative_error(db_again.back(), db.back()) == 0);
}

// Nothing saved forward, single gradients backward; (H) and (B, H).
template <class T, device D>
void check_layer_norm_parts() {
  const auto x = given<T, D>(Extents(37, 70), 37), dy = given<T, D>(Extents(37, 70), 38);
  const auto weight = given<T, D>(Extents(70), 39);
  const LayerNormOptions options{.axis = -1, .eps = 1e-5};
  Result<T, 2, D> y(x.wide.sizes()), y_alone(x.wide.sizes()), dx(x.wide.sizes()), dx_alone(x.wide.sizes());
  Result<T, 1, D> mean(Extents(37)), rstd(Extents(37));
  const Tensor<T, 1> zeros(70);
  Result<T, 1, D> dw(zeros), db(zeros), dw_alone(zeros);
  ops::LayerNorm::forward(y.view(), mean.view(), rstd.view(), x.view(), weight.view(), {}, options);
  ops::LayerNorm::forward(y_alone.view(), {}, {}, x.view(), weight.view(), {}, options);
  CHECK(relative_error(y_alone.back(), y.back()) == 0);
  const auto backward = [&](auto to, auto w, auto b) {
    ops::LayerNorm::backward(to, w, b, dy.view(), mean.view(), rstd.view(), x.view(), weight.view(), options);
  };
  const TensorView<T, 1, D> none;
  backward(dx.view(), dw.view(), db.view());
  backward(dx_alone.view(), none, none);
  backward(TensorView<T, 2, D>(), dw_alone.view(), none);
  CHECK(relative_error(dx_alone.back(), dx.back()) <= sum_tolerance<T>());
  CHECK(relative_error(dw_alone.back(), dw.back()) == 0);

  const auto line = given<T, D>(Extents(1), 40);
  Result<T, 1, D> one(Extents(1));
  ops::LayerNorm::forward(one.view(), {}, {}, line.view(), {}, {}, {.axis = 0});
  CHECK(one.back()(0) == 0);
}

// Few long lines without parameters, as group_norm has them.
template <class T, device D>
void check_long_lines(Extents<3> sizes) {
  const LayerNormOptions options{.axis = 2, .eps = 1e-5};
  const NormCase<T, D> c(sizes, 2, false);
  Tensor<double, 3> want(sizes), want_dx(sizes);
  Tensor<double, 2> want_mean(sizes[0], sizes[1]), want_rstd(sizes[0], sizes[1]);
  Result<T, 3, D> y(sizes), dx(sizes), plain(sizes);
  Result<T, 2, D> mean(want_mean.sizes()), rstd(want_mean.sizes());
  using Op = ops::LayerNorm;
  Op::forward(want.view(), want_mean.view(), want_rstd.view(), c.x.wide, {}, {}, options);
  Op::backward(want_dx.view(), {}, {}, c.dy.wide.view(), want_mean, want_rstd, c.x.wide, {}, options);
  Op::forward(y.view(), mean.view(), rstd.view(), c.x.view(), {}, {}, options);
  Op::forward(plain.view(), {}, {}, c.x.view(), {}, {}, options);
  Op::backward(dx.view(), {}, {}, c.dy.view(), mean.view(), rstd.view(), c.x.view(), {}, options);
  CHECK(error_of(y, want) <= norm_tolerance<T>(64));
  CHECK(error_of(mean, want_mean) <= norm_tolerance<T>(64));
  CHECK(error_of(rstd, want_rstd) <= norm_tolerance<T>(64));
  CHECK(error_of(dx, want_dx) <= norm_tolerance<T>(64));
  CHECK(relative_error(plain.back(), y.back()) == 0);
}

// A mean of a thousand deviations costs no digits.
template <class T, device D>
void check_layer_norm_far() {
  for (const int axis : {1, 2}) {
    auto values = random<T>(Extents(3, 50, 50), 41);
    for (index_t i = 0; i < values.count(); ++i) values.data()[i] += T(1000);
    const Given<T, 3, D> x(values, false);
    Tensor<double, 3> want(x.wide.sizes());
    Result<T, 3, D> y(x.wide.sizes());
    ops::LayerNorm::forward(want.view(), {}, {}, x.wide, {}, {}, {.axis = axis});
    ops::LayerNorm::forward(y.view(), {}, {}, x.view(), {}, {}, {.axis = axis});
    CHECK(error_of(y, want) <= norm_tolerance<T>(50));
  }
}

template <class T, device D>
void check_scalar_layer_norm(Extents<3> sizes, bool turned) {
  INFO(to_string(sizes) << (turned ? " turned" : ""));
  using Op = ops::ScalarLayerNorm;
  const NormCase<T, D> c(sizes, 1, turned);
  const auto s = given<T, D>(Extents(1), 42), m = given<T, D>(Extents(1), 43);
  const Extents<2> rest(sizes[0], sizes[2]);
  Tensor<double, 3> want(sizes), want_dx(sizes);
  Tensor<double, 2> want_mean(rest), want_rstd(rest);
  Tensor<double, 1> want_ds(1), want_dm(1);
  Result<T, 3, D> y(sizes, turned), dx(sizes);
  Result<T, 2, D> mean(rest), rstd(rest);
  const Tensor<T, 1> zero(1);
  Result<T, 1, D> ds(zero), dm(zero);
  Op::forward(want.view(), want_mean.view(), want_rstd.view(), c.x.wide, s.wide, m.wide, 1e-5);
  Op::backward(want_dx.view(), want_ds.view(), want_dm.view(), c.dy.wide.view(), want_mean, want_rstd, c.x.wide, s.wide,
               m.wide);
  Op::forward(y.view(), mean.view(), rstd.view(), c.x.view(), s.view(), m.view(), 1e-5);
  Op::backward(dx.view(), ds.view(), dm.view(), c.dy.view(), mean.view(), rstd.view(), c.x.view(), s.view(), m.view());
  if (sizes.count() == 0) return;
  const double tolerance = 4 * norm_tolerance<T>(sizes[1]);
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(dx, want_dx) <= tolerance);
  CHECK(error_of(ds, want_ds, std::sqrt(static_cast<double>(sizes.count()))) <= tolerance);
  CHECK(error_of(dm, want_dm, std::sqrt(static_cast<double>(sizes.count()))) <= tolerance);
}

template <class T, device D>
void check_batch_norm(Extents<3> sizes, bool turned, bool training, bool with_parameters) {
  INFO(to_string(sizes) << (turned ? " turned" : "") << (training ? " training" : "")
                        << (with_parameters ? " affine" : ""));
  using Op = ops::BatchNorm;
  const BatchNormOptions options{.training = training, .momentum = 0.3, .eps = 1e-5};
  const NormCase<T, D> c(sizes, 1, turned);
  const Extents<1> H{sizes[1]};
  auto variance = random<T>(H, 44);
  for (index_t h = 0; h < variance.count(); ++h) variance(h) = T(0.5) + std::abs(variance(h));
  const Given<T, 1, D> var0(variance, false), mean0(random<T>(H, 45), false);
  const auto w = with_parameters ? c.weight.view() : TensorView<const T, 1, D>();
  const auto b = with_parameters ? c.bias.view() : TensorView<const T, 1, D>();
  const auto w_wide = with_parameters ? c.weight.wide.view() : TensorView<const double, 1>();
  const auto b_wide = with_parameters ? c.bias.wide.view() : TensorView<const double, 1>();
  Tensor<double, 3> want(sizes), want_dx(sizes);
  Tensor<double, 1> want_mean(H), want_rstd(H), running_mean = mean0.wide.clone(), running_var = var0.wide.clone(),
                                                want_dw = c.bias.wide.clone(), want_db = c.weight.wide.clone();
  Result<T, 3, D> y(sizes, turned), dx(sizes, turned), again(sizes);
  Result<T, 1, D> mean(H), rstd(H), moved_mean(Place<D>::from(mean0.there)), moved_var(Place<D>::from(var0.there)),
      dw(Place<D>::from(c.bias.there)), db(Place<D>::from(c.weight.there));
  Op::forward(want.view(), want_mean.view(), want_rstd.view(), running_mean.view(), running_var.view(), c.x.wide,
              w_wide, b_wide, options);
  Op::backward(want_dx.view(), want_dw.view(), want_db.view(), c.dy.wide.view(), want_mean, want_rstd, c.x.wide, w_wide,
               options);
  Op::forward(y.view(), mean.view(), rstd.view(), moved_mean.view(), moved_var.view(), c.x.view(), w, b, options);
  Op::backward(dx.view(), dw.view(), db.view(), c.dy.view(), mean.view(), rstd.view(), c.x.view(), w, options);
  Op::backward(again.view(), {}, {}, c.dy.view(), mean.view(), rstd.view(), c.x.view(), w, options);
  if (sizes.count() == 0) return;
  const double tolerance = norm_tolerance<T>(64);
  CHECK(error_of(y, want) <= tolerance);
  CHECK(error_of(mean, want_mean) <= tolerance);
  CHECK(error_of(rstd, want_rstd) <= tolerance);
  CHECK(error_of(moved_mean, running_mean) <= tolerance);
  CHECK(error_of(moved_var, running_var) <= tolerance);
  CHECK(error_of(dx, want_dx) <= 4 * tolerance);
  CHECK(error_of(dw, want_dw) <= 4 * tolerance);
  CHECK(error_of(db, want_db) <= 4 * tolerance);
  CHECK(relative_error(again.back(), dx.back()) == 0);
}

// (B, H), and a mean far from zero.
template <class T, device D>
void check_batch_norm_matrix() {
  auto values = random<T>(Extents(65, 20), 46);
  for (index_t i = 0; i < values.count(); ++i) values.data()[i] += T(1000);
  const Given<T, 2, D> x(values, false), dy(random<T>(Extents(65, 20), 47), true);
  Tensor<double, 2> want(x.wide.sizes()), want_dx(x.wide.sizes());
  Tensor<double, 1> want_mean(20), want_rstd(20);
  Result<T, 2, D> y(x.wide.sizes()), dx(x.wide.sizes());
  Result<T, 1, D> mean(Extents(20)), rstd(Extents(20));
  const BatchNormOptions training{.training = true};
  ops::BatchNorm::forward(want.view(), want_mean.view(), want_rstd.view(), {}, {}, x.wide, {}, {}, training);
  ops::BatchNorm::forward(y.view(), mean.view(), rstd.view(), {}, {}, x.view(), {}, {}, training);
  CHECK(error_of(y, want) <= norm_tolerance<T>(64));
  // The backward pass starts from the mean rounded to T: 1000 epsilon of a deviation.
  ops::BatchNorm::backward(want_dx.view(), {}, {}, dy.wide.view(), want_mean, want_rstd, x.wide, {}, training);
  ops::BatchNorm::backward(dx.view(), {}, {}, dy.view(), mean.view(), rstd.view(), x.view(), {}, training);
  CHECK(error_of(dx, want_dx) <= 1000 * norm_tolerance<T>(64));
}

// A residual block on a tape: the sum goes on and is normalised; both inputs get both gradients.
template <class T, device D>
void check_add_layer_norm_on_tape() {
  const auto x = given<T, D>(Extents(3, 20, 17), 48), r = given<T, D>(Extents(3, 20, 17), 49);
  const auto dy = given<T, D>(Extents(3, 20, 17), 50), ds = given<T, D>(Extents(3, 20, 17), 51);
  Tape<T, D> tape;
  const auto a = tape.variable(x.view()), b = tape.variable(r.view());
  const auto both = add_layer_norm(a, b, {}, {});
  tape.backward(both.second, dy.view());
  Tensor<double, 3> sum(x.wide.sizes()), want(x.wide.sizes()), want_dx(x.wide.sizes());
  Tensor<double, 2> mean(3, 17), rstd(3, 17);
  ops::AddLayerNorm::forward(want.view(), sum.view(), mean.view(), rstd.view(), x.wide, r.wide, {}, {});
  ops::AddLayerNorm::backward(want_dx.view(), {}, {}, dy.wide.view(), {}, mean, rstd, sum, {});
  const auto back = [](TensorView<const T, 3, D> v) {
    auto there = Tensor<T, 3, D>::uninitialized(v.sizes());
    copy(there.view(), v);
    return Place<D>::from(there);
  };
  CHECK(relative_error(back(both.first.value()), sum) <= sum_tolerance<T>());
  CHECK(relative_error(back(both.second.value()), want) <= norm_tolerance<T>(20));
  CHECK(relative_error(back(a.grad()), want_dx) <= 8 * norm_tolerance<T>(20));
  CHECK(relative_error(back(b.grad()), back(a.grad())) == 0);
}

}  // namespace longwave::test
