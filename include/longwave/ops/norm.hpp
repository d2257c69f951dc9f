// norm.hpp - normalisation to mean 0 and variance 1, then weight and bias.
//
//   y = weight * x_hat + bias,   x_hat = (x - mean) * rstd,   rstd = 1 / sqrt(variance + eps)
//
//   LayerNorm   statistics over one axis of a tensor of any rank: the last one of (B, L, H), axis 1 of (B, H, L).
//               mean, rstd: the shape of x without that axis; weight, bias: (H)
//   BatchNorm   statistics over all but axis 1 of (B, H, L) or (B, H); mean, rstd, weight, bias: (H)
//   ScalarLayerNorm   y = s (x - mean + m) rstd over axis 1 of (B, H, L), with one s and one m for all features; mean,
//                     rstd: (B, L). S4's own layer norm of (B, H, L); there eps = 0
//   AddLayerNorm      LayerNorm of a sum x + r, which is an output as well: a residual block's next input
//
// Gradient, with g = weight * dy and means over the elements that share a statistic (x_hat is a function of x):
//   dx = rstd (g - mean(g) - x_hat mean(g x_hat)),   dweight += sum dy x_hat,   dbias += sum dy
// and dx = rstd g where BatchNorm uses running statistics. ScalarLayerNorm, with x_hat as above:
//   dx = s rstd (dy - mean(dy) - x_hat (mean(dy x_hat) + m rstd mean(dy))),
//   ds += sum dy (x_hat + m rstd),   dm += s sum dy rstd
//
// Variances are biased (divided by the count). They are summed from deviations around a first estimate of the mean and
// corrected for its error, so a mean far from zero costs no digits of the output: about 4 epsilon sqrt(H). The backward
// pass starts from the saved mean, rounded to T, which costs it |mean| epsilon / deviation. Sums over positions use
// fixed parts, added in order.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/sum.hpp"
#include "longwave/cpu/batch_norm.hpp"
#include "longwave/cpu/layer_norm.hpp"
#include "longwave/cuda/norm.hpp"

namespace longwave {

struct LayerNormOptions {
  int axis = 1;  // the normalised one, features of (B, H, L); negative: counted from the last
  double eps = 1e-5;
};

struct BatchNormOptions {
  bool training = false;  // statistics of this batch, which move the running ones; else the running ones
  double momentum = 0.1;  // weight of this batch in the running statistics
  double eps = 1e-5;
};

namespace impl {

// (B, L) as (B, H, L), the same for every feature.
template <class T>
TensorView<T, 3, Host> over_features(TensorView<T, 2, Host> v, index_t H) {
  return {v.data(), {v.size(0), H, v.size(1)}, {v.stride(0), 0, v.stride(1)}};
}

template <class T>
void scalar_layer_norm_forward(TensorView<T, 3, Host> y, TensorView<T, 2, Host> mean, TensorView<T, 2, Host> rstd,
                               TensorView<const T, 3, Host> x, TensorView<const T, 1, Host> s_view,
                               TensorView<const T, 1, Host> m_view, double eps) {
  if (x.empty()) return;
  layer_norm_forward(y, mean, rstd, x, {}, {}, 1, static_cast<T>(eps));
  map_elements<1>([s = s_view(0), m = m_view(0)](T& out, T x_hat, T r) { out = s * (x_hat + m * r); }, y, y,
                  over_features(TensorView<const T, 2>(rstd), y.size(1)));
}

// dx is assigned, by way of the gradient of x_hat, ds and dm are added to; each may be left out.
template <class T>
void scalar_layer_norm_backward(TensorView<T, 3, Host> dx, TensorView<T, 1, Host> ds, TensorView<T, 1, Host> dm,
                                TensorView<const T, 3, Host> dy, TensorView<const T, 2, Host> mean,
                                TensorView<const T, 2, Host> rstd, TensorView<const T, 3, Host> x,
                                TensorView<const T, 1, Host> s_view, TensorView<const T, 1, Host> m_view) {
  if (x.empty()) return;
  const index_t H = x.size(1);
  const T s = s_view(0), m = m_view(0);
  layer_norm_backward<T, 3>(dy, dx, {}, {}, mean, rstd, x, {}, 1);
  const auto all_mean = over_features(mean, H), all_rstd = over_features(rstd, H);
  Scratch scratch;
  if (wanted(dx)) {
    const TensorView<T, 3> average = scratch.tensor<T>(Extents<3>{x.size(0), 1, x.size(2)});
    sum_to(average, 1 / static_cast<double>(H), detail::Itself(), dy);
    const TensorView<const T, 2> average2(average.data(), Extents<2>{x.size(0), x.size(2)});
    map_elements<1>([s, m](T& out, T from_x_hat, T at, T centre, T r,
                           T g) { out = s * (from_x_hat - (at - centre) * r * r * (r * m * g)); },
                    dx, dx, x, all_mean, all_rstd, over_features(average2, H));
  }
  T total = 0;
  const TensorView<T, 3> sum(&total, Extents<3>{1, 1, 1});
  if (wanted(ds)) {
    sum_to(
        sum, 1.0, [m](T in, T at, T centre, T r) { return in * (at - centre + m) * r; }, dy, x, all_mean, all_rstd);
    ds(0) += total;
  }
  if (wanted(dm)) {
    sum_to(
        sum, static_cast<double>(s), [](T in, T r) { return in * r; }, dy, all_rstd);
    dm(0) += total;
  }
}

// y = norm(sum), sum = x + r.
template <class T, int N>
void add_layer_norm_forward(TensorView<T, N, Host> y, Out<T, N> sum, Out<T, N - 1> mean, Out<T, N - 1> rstd, In<T, N> x,
                            In<T, N> r, In<T, 1> weight, In<T, 1> bias, int axis, T eps) {
  map_elements<1>([](T& out, T a, T b) { out = a + b; }, sum, x, r);
  layer_norm_forward(y, mean, rstd, sum, weight, bias, axis, eps);
}

template <class T, int N>
void add_layer_norm_backward(TensorView<const T, N, Host> dy, In<T, N> dsum, Out<T, N> dx, Out<T, 1> dweight,
                             Out<T, 1> dbias, In<T, N - 1> mean, In<T, N - 1> rstd, In<T, N> sum, In<T, 1> weight,
                             int axis) {
  layer_norm_backward(dy, dx, dweight, dbias, mean, rstd, sum, weight, axis);
  if (wanted(dx) && wanted(dsum))
    map_elements<1>([](T& out, T from_norm, T incoming) { out = from_norm + incoming; }, dx,
                    TensorView<const T, N, Host>(dx), dsum);
}

}  // namespace impl

namespace ops {

struct LayerNorm {
  // mean and rstd (saved for backward), weight and bias may be left out as default views.
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, Out<T, N - 1, D> mean, Out<T, N - 1, D> rstd, In<T, N, D> x,
                      In<T, 1, D> weight, In<T, 1, D> bias, LayerNormOptions options = {}) {
    const int axis = check_forward<T, N, D>(y, mean, rstd, x, weight, bias, options);
    impl::layer_norm_forward(y, mean, rstd, x, weight, bias, axis, static_cast<T>(options.eps));
  }

  // dx is assigned, dweight and dbias are added to; each may be left out, and weight where forward had none.
  template <class T, int N, device D>
  static void backward(Out<T, N, D> dx, Out<T, 1, D> dweight, Out<T, 1, D> dbias, TensorView<const T, N, D> dy,
                       In<T, N - 1, D> mean, In<T, N - 1, D> rstd, In<T, N, D> x, In<T, 1, D> weight,
                       LayerNormOptions options = {}) {
    const int axis = check_backward<T, N, D>(dx, dweight, dbias, dy, mean, rstd, x, weight, options);
    impl::layer_norm_backward(dy, dx, dweight, dbias, mean, rstd, x, weight, axis);
  }

  // What is wrong with the arguments, as an error; else the normalised axis.
  template <class T, int N, device D>
  static int check_forward(In<T, N, D> y, In<T, N - 1, D> mean, In<T, N - 1, D> rstd, In<T, N, D> x, In<T, 1, D> weight,
                           In<T, 1, D> bias, LayerNormOptions options) {
    const int axis = checked_axis<N>(options);
    const Extents<1> H{x.size(axis)};
    check_same_shape("layer_norm", "y", y, "x", x);
    if (wanted(mean) != wanted(rstd)) throw_value_error("layer_norm: mean and rstd are saved together or not at all");
    check_gradient("layer_norm", "mean", mean, impl::drop_axis(x.sizes(), axis));
    check_gradient("layer_norm", "rstd", rstd, impl::drop_axis(x.sizes(), axis));
    check_gradient("layer_norm", "weight", weight, H, "H");
    check_gradient("layer_norm", "bias", bias, H, "H");
    return axis;
  }

  template <class T, int N, device D>
  static int check_backward(In<T, N, D> dx, In<T, 1, D> dweight, In<T, 1, D> dbias, In<T, N, D> dy,
                            In<T, N - 1, D> mean, In<T, N - 1, D> rstd, In<T, N, D> x, In<T, 1, D> weight,
                            LayerNormOptions options) {
    const int axis = checked_axis<N>(options);
    const Extents<1> H{x.size(axis)};
    check_same_shape("layer_norm", "dy", dy, "x", x);
    check_shape("layer_norm", "mean", mean, impl::drop_axis(x.sizes(), axis));
    check_shape("layer_norm", "rstd", rstd, impl::drop_axis(x.sizes(), axis));
    check_gradient("layer_norm", "weight", weight, H, "H");
    check_gradient("layer_norm", "dx", dx, x.sizes());
    check_gradient("layer_norm", "dweight", dweight, H, "H");
    check_gradient("layer_norm", "dbias", dbias, H, "H");
    return axis;
  }

  template <int N>
  static int checked_axis(const LayerNormOptions& options) {
    static_assert(N >= 1, "layer_norm needs an axis");
    const int axis = options.axis < 0 ? options.axis + N : options.axis;
    if (axis < 0 || axis >= N)
      throw_value_error("layer_norm: axis is " + std::to_string(options.axis) + ", the tensor has rank " +
                        std::to_string(N));
    if (!(std::isfinite(options.eps) && options.eps >= 0))
      throw_value_error("layer_norm: eps is " + std::to_string(options.eps) + ", expected a finite number >= 0");
    return axis;
  }
};

struct AddLayerNorm {
  // sum = x + r and y = LayerNorm of it; the rest as there. On the device in one pass.
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, Out<T, N, D> sum, Out<T, N - 1, D> mean, Out<T, N - 1, D> rstd,
                      In<T, N, D> x, In<T, N, D> r, In<T, 1, D> weight, In<T, 1, D> bias,
                      LayerNormOptions options = {}) {
    const int axis = LayerNorm::check_forward<T, N, D>(y, mean, rstd, x, weight, bias, options);
    check_same_shape("add_layer_norm", "r", r, "x", x);
    check_same_shape("add_layer_norm", "sum", sum, "x", x);
    impl::add_layer_norm_forward(y, sum, mean, rstd, x, r, weight, bias, axis, static_cast<T>(options.eps));
  }

  // dx, which is also dr, is assigned: what comes through y plus dsum, which may be left out.
  template <class T, int N, device D>
  static void backward(Out<T, N, D> dx, Out<T, 1, D> dweight, Out<T, 1, D> dbias, TensorView<const T, N, D> dy,
                       In<T, N, D> dsum, In<T, N - 1, D> mean, In<T, N - 1, D> rstd, In<T, N, D> sum,
                       In<T, 1, D> weight, LayerNormOptions options = {}) {
    const int axis = LayerNorm::check_backward<T, N, D>(dx, dweight, dbias, dy, mean, rstd, sum, weight, options);
    check_gradient("add_layer_norm", "dsum", dsum, sum.sizes());
    impl::add_layer_norm_backward(dy, dsum, dx, dweight, dbias, mean, rstd, sum, weight, axis);
  }
};

struct BatchNorm {
  // x: (B, H, L) or (B, H). In training, running_mean and running_var (unbiased) are moved, or left out; else they are
  // read. mean and rstd: those in use, saved for backward, or left out; likewise weight and bias.
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, Out<T, 1, D> mean, Out<T, 1, D> rstd, Out<T, 1, D> running_mean,
                      Out<T, 1, D> running_var, In<T, N, D> x, In<T, 1, D> weight, In<T, 1, D> bias,
                      BatchNormOptions options = {}) {
    check_same_shape("batch_norm", "y", y, "x", x);
    check_statistics<T, N>(x.sizes(), options, wanted(running_mean) && wanted(running_var));
    if (wanted(running_mean) != wanted(running_var))
      throw_value_error("batch_norm: running_mean and running_var come together or not at all");
    const Extents<1> H{x.size(1)};
    check_gradient("batch_norm", "mean", mean, H, "H");
    check_gradient("batch_norm", "rstd", rstd, H, "H");
    check_gradient("batch_norm", "running_mean", running_mean, H, "H");
    check_gradient("batch_norm", "running_var", running_var, H, "H");
    check_gradient("batch_norm", "weight", weight, H, "H");
    check_gradient("batch_norm", "bias", bias, H, "H");
    if (x.empty()) return;
    impl::batch_norm_forward(y, mean, rstd, running_mean, running_var, x, weight, bias,
                             impl::BatchNormNumbers{options.training, options.momentum, options.eps});
  }

  // dx is assigned, dweight and dbias are added to; each may be left out. options.training as in forward.
  template <class T, int N, device D>
  static void backward(Out<T, N, D> dx, Out<T, 1, D> dweight, Out<T, 1, D> dbias, TensorView<const T, N, D> dy,
                       In<T, 1, D> mean, In<T, 1, D> rstd, In<T, N, D> x, In<T, 1, D> weight,
                       BatchNormOptions options = {}) {
    check_same_shape("batch_norm", "dy", dy, "x", x);
    const Extents<1> H{x.size(1)};
    check_shape("batch_norm", "mean", mean, H, "H");
    check_shape("batch_norm", "rstd", rstd, H, "H");
    check_gradient("batch_norm", "weight", weight, H, "H");
    check_gradient("batch_norm", "dx", dx, x.sizes());
    check_gradient("batch_norm", "dweight", dweight, H, "H");
    check_gradient("batch_norm", "dbias", dbias, H, "H");
    if (x.empty()) return;
    impl::batch_norm_backward(dy, dx, dweight, dbias, mean, rstd, x, weight, options.training);
  }

 private:
  template <class T, int N>
  static void check_statistics(const Extents<N>& x, const BatchNormOptions& options, bool running) {
    static_assert(N == 2 || N == 3, "batch_norm is for (B, H) and (B, H, L)");
    if (!(std::isfinite(options.eps) && options.eps >= 0))
      throw_value_error("batch_norm: eps is " + std::to_string(options.eps) + ", expected a finite number >= 0");
    if (!(options.momentum >= 0 && options.momentum <= 1))
      throw_value_error("batch_norm: momentum is " + std::to_string(options.momentum) + ", expected [0, 1]");
    if (!options.training && !running)
      throw_value_error("batch_norm: outside training it needs running_mean and running_var");
    if (options.training && x.count() > 0 && x.count() / x[1] == 1)
      throw_value_error("batch_norm: training needs more than one value per channel, x is " +
                        to_string(x, N == 2 ? "BH" : "BHL"));
  }
};

struct ScalarLayerNorm {
  // mean and rstd (B, L) are saved for backward; s and m have one element. eps guards features that are all equal.
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, Out<T, 2, D> mean, Out<T, 2, D> rstd, In<T, 3, D> x, In<T, 1, D> s,
                      In<T, 1, D> m, double eps = 1e-12) {
    check("y", y.sizes(), x.sizes(), s, m);
    LayerNorm::check_forward<T, 3, D>(y, mean, rstd, x, {}, {}, {.axis = 1, .eps = eps});
    impl::scalar_layer_norm_forward(y, mean, rstd, x, s, m, eps);
  }

  // dx is assigned, ds and dm are added to; each may be left out.
  template <class T, device D>
  static void backward(Out<T, 3, D> dx, Out<T, 1, D> ds, Out<T, 1, D> dm, TensorView<const T, 3, D> dy,
                       In<T, 2, D> mean, In<T, 2, D> rstd, In<T, 3, D> x, In<T, 1, D> s, In<T, 1, D> m) {
    check("dy", dy.sizes(), x.sizes(), s, m);
    check_gradient("scalar_layer_norm", "ds", ds, Extents<1>{1});
    check_gradient("scalar_layer_norm", "dm", dm, Extents<1>{1});
    LayerNorm::check_backward<T, 3, D>(dx, {}, {}, dy, mean, rstd, x, {}, {.axis = 1});
    impl::scalar_layer_norm_backward(dx, ds, dm, dy, mean, rstd, x, s, m);
  }

 private:
  template <class V>
  static void check(const char* name, const Extents<3>& y, const Extents<3>& x, const V& s, const V& m) {
    check_same_shape("scalar_layer_norm", name, y, "x", x);
    check_shape("scalar_layer_norm", "s", s, Extents<1>{1});
    check_shape("scalar_layer_norm", "m", m, Extents<1>{1});
  }
};

}  // namespace ops
}  // namespace longwave
