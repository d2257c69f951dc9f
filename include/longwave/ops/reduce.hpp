// reduce.hpp - Sum and Mean over one axis or all, LogSumExp, Softmax, LogSoftmax along one axis.
//
// Sum, Mean, LogSumExp drop their axis: x (B, H, L), axis 1 -> y (B, L); over all axes y has rank 0. A negative axis
// counts from the end. Softmax and LogSoftmax keep the shape.
//   sum       y = sum_k x_k                     dx_k = dy
//   mean      y = sum_k x_k / K                 dx_k = dy / K                        K = 0 is an error
//   logsumexp y = m + log s                     dx_k = dy e^(x_k - y)                saves x, y
//   softmax   y_k = e^(x_k - m) / s             dx_k = y_k (dy_k - sum_j dy_j y_j)   saves y
//   log_softmax y_k = x_k - m - log s           dx_k = dy_k - e^(y_k) sum_j dy_j     saves y
// with m = max_k x_k and s = sum_k e^(x_k - m), so that large inputs cannot overflow. Sums are carried in double, in an
// order that depends on the sizes alone (core/sum.hpp).
#pragma once

#include "longwave/core/math.hpp"
#include "longwave/core/sum.hpp"
#include "longwave/cuda/map.hpp"
#include "longwave/cuda/reduce.hpp"

namespace longwave {

// The sizes without `axis`.
template <int N>
Extents<N - 1> without_axis(const Extents<N>& sizes, int axis) {
  Extents<N - 1> rest;
  for (int i = 0, j = 0; i < N; ++i)
    if (i != axis) rest[j++] = sizes[i];
  return rest;
}

// The view with a new axis of `size` before its axis number `axis`, along which it repeats.
template <class T, int N, device D>
TensorView<T, N + 1, D> with_axis(TensorView<T, N, D> view, int axis, index_t size = 1) {
  Extents<N + 1> sizes, strides;
  for (int i = 0, j = 0; i <= N; ++i) {
    sizes[i] = i == axis ? size : view.size(j);
    strides[i] = i == axis ? 0 : view.stride(j);
    j += i != axis;
  }
  return {view.data(), sizes, strides};
}

// A scalar seen under sizes of rank N: all 1, or given.
template <int N, class T, device D>
TensorView<T, N, D> with_rank(TensorView<T, 0, D> scalar, const Extents<N>* sizes = nullptr) {
  Extents<N> ones;
  for (int i = 0; i < N; ++i) ones[i] = 1;
  return {scalar.data(), sizes != nullptr ? *sizes : ones, Extents<N>()};
}

namespace detail {

template <class T>
inline constexpr T lowest = -std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

// Functors of both devices.
template <class T>
struct Scaled {
  static constexpr const char* name = "scaled";
  T factor;
  LONGWAVE_HD void operator()(T& y, T x) const { y = factor * x; }
};

// dx = dy e^(x - y); the share of -infinity is 0, also where y is -infinity.
template <class T>
struct LogSumExpSlope {
  static constexpr const char* name = "logsumexp";
  LONGWAVE_HD void operator()(T& dx, T dy, T x, T y) const {
    dx = dy * math::select(x == lowest<T>, T(0), math::exp(x - y));
  }
};

}  // namespace detail

namespace impl {

// y = scale * sum of x over the axes where y has size 1.
template <class T, int N, device D>
void sum_forward(TensorView<T, N, D> y, TensorView<const T, N, D> x, double scale) {
  sum_to(y, scale, detail::Itself(), x);
}

// dx = scale * dy
template <class T, int N, device D>
void sum_backward(TensorView<T, N, D> dx, TensorView<const T, N, D> dy, double scale) {
  map_elements<1>(detail::Scaled<T>{static_cast<T>(scale)}, dx, dy);
}

// The largest number and the sum of e^(x - largest) of `lanes` sequences side by side; see() all of them, settle(),
// then add() all of them. NaN is not seen as the largest, but makes the sum NaN.
template <class T>
struct MaxAndSum {
  static constexpr int lanes = detail::map_lanes<T>;
  static constexpr T lowest = -std::numeric_limits<T>::infinity();
  T top[lanes];
  double sum[lanes] = {};

  MaxAndSum() { std::fill_n(top, lanes, lowest); }
  void see(const T* x) {
    for (int j = 0; j < lanes; ++j) top[j] = math::select(x[j] > top[j], x[j], top[j]);
  }
  void settle() {  // an infinite one is not subtracted
    for (int j = 0; j < lanes; ++j) top[j] = math::select(top[j] - top[j] == T(0), top[j], T(0));
  }
  void add(const T* x) {
    T term[lanes];
    for (int j = 0; j < lanes; ++j) term[j] = math::exp(x[j] - top[j]);
    for (int j = 0; j < lanes; ++j) sum[j] += static_cast<double>(term[j]);
  }
};

// One dense sequence of K numbers, its lanes taken from it in turn.
template <class T>
void max_and_sum_of_row(T& m, T& s, const T* x, index_t K) {
  constexpr int lanes = MaxAndSum<T>::lanes;
  MaxAndSum<T> state;
  T room[lanes];
  std::fill_n(room, lanes, MaxAndSum<T>::lowest);  // beyond the end: adds nothing
  for (index_t k = 0; k < K; k += lanes)
    state.see(detail::gather(room, x, 1, k, std::min<index_t>(lanes, K - k), true));
  const T top = *std::max_element(state.top, state.top + lanes);
  std::fill_n(state.top, lanes, top);
  state.settle();
  for (index_t k = 0; k < K; k += lanes)
    state.add(detail::gather(room, x, 1, k, std::min<index_t>(lanes, K - k), true));
  double sum = 0;
  for (const double lane : state.sum) sum += lane;
  m = state.top[0];
  s = static_cast<T>(sum);
}

// m = max_k x_k (0 if that is infinite), s = sum_k e^(x_k - m) along `axis`; m and s have size 1 there. SIMD lanes lie
// over the other axes, unless `axis` itself is dense and long.
template <class T, int N>
void max_and_sum(TensorView<T, N, Host> m, TensorView<T, N, Host> s, TensorView<const T, N, Host> x, int axis) {
  constexpr int lanes = MaxAndSum<T>::lanes;
  const index_t K = x.size(axis), step = x.stride(axis);
  const bool along = step == 1 && K >= lanes;
  const Extents<N> strides[3] = {m.strides(), s.strides(), x.strides()};
  const auto do_row = [&](const Row<3>& row) {
    const T* from = x.data() + row.offset[2];
    T* to_m = m.data() + row.offset[0];
    T* to_s = s.data() + row.offset[1];
    T room[lanes] = {};
    for (index_t at = 0; along && at < row.length; ++at)
      max_and_sum_of_row(to_m[at * row.step[0]], to_s[at * row.step[1]], from + at * row.step[2], K);
    for (index_t at = 0; !along && at < row.length; at += lanes) {
      const index_t n = std::min<index_t>(lanes, row.length - at);
      MaxAndSum<T> state;
      for (index_t k = 0; k < K; ++k) state.see(detail::gather(room, from + k * step, row.step[2], at, n, true));
      state.settle();
      for (index_t k = 0; k < K; ++k) state.add(detail::gather(room, from + k * step, row.step[2], at, n, true));
      for (index_t j = 0; j < n; ++j) {
        to_m[(at + j) * row.step[0]] = state.top[j];
        to_s[(at + j) * row.step[1]] = static_cast<T>(state.sum[j]);
      }
    }
  };
  parallel_rows(m.sizes(), strides, do_row, (index_t(1) << 14) / std::max<index_t>(K, 1));
}

template <class T, int N>
void logsumexp_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, int axis) {
  Scratch scratch;
  const TensorView<T, N> sum = scratch.tensor<T>(y.sizes());
  max_and_sum(y, sum, x, axis);
  map_elements<1>([](T& out, T m, T s) { out = m + math::log(s); }, y, y, sum);
}

template <class T, int N, device D>
void logsumexp_backward(TensorView<T, N, D> dx, TensorView<const T, N, D> dy, TensorView<const T, N, D> x,
                        TensorView<const T, N, D> y) {
  map_elements<1>(detail::LogSumExpSlope<T>(), dx, dy, x, y);
}

// log: log_softmax. The largest and the sum along the axis, repeated over it, are read beside x.
template <class T, int N>
void softmax_forward(TensorView<T, N, Host> y, TensorView<const T, N, Host> x, int axis, bool log) {
  Scratch scratch;
  Extents<N> sizes = x.sizes();
  sizes[axis] = 1;
  const auto repeated = [&](TensorView<T, N> v) {
    return with_axis(TensorView<const T, N - 1>(v.data(), without_axis(sizes, axis)), axis, x.size(axis));
  };
  const TensorView<T, N> m = scratch.tensor<T>(sizes), s = scratch.tensor<T>(sizes);
  max_and_sum(m, s, x, axis);
  if (log) {
    map_elements<1>([](T& out, T sum) { out = math::log(sum); }, s, s);
    map_elements<1>([](T& out, T at, T top, T log_sum) { out = at - top - log_sum; }, y, x, repeated(m), repeated(s));
  } else {
    map_elements<1>([](T& out, T at, T top, T sum) { out = math::exp(at - top) / sum; }, y, x, repeated(m),
                    repeated(s));
  }
}

template <class T, int N>
void softmax_backward(TensorView<T, N, Host> dx, TensorView<const T, N, Host> dy, TensorView<const T, N, Host> y,
                      int axis, bool log) {
  Scratch scratch;
  Extents<N> sizes = y.sizes();
  sizes[axis] = 1;
  const TensorView<T, N> sum = scratch.tensor<T>(sizes);
  const auto repeated =
      with_axis(TensorView<const T, N - 1>(sum.data(), without_axis(sizes, axis)), axis, y.size(axis));
  if (log) {
    sum_to(sum, 1.0, detail::Itself(), dy);
    map_elements<1>([](T& out, T incoming, T at, T total) { out = incoming - math::exp(at) * total; }, dx, dy, y,
                    repeated);
  } else {
    sum_to(sum, 1.0, detail::Times(), dy, y);
    map_elements<1>([](T& out, T incoming, T at, T total) { out = at * (incoming - total); }, dx, dy, y, repeated);
  }
}

}  // namespace impl

namespace detail {

// Sum and Mean differ in a factor.
template <bool divide>
struct SumOrMean {
  static constexpr const char* name = divide ? "mean" : "sum";

  template <class T, int M, device D>
  static void forward(TensorView<T, M, D> y, In<T, M + 1, D> x, int axis) {
    axis = check_axis(name, axis, M + 1);
    check_shape(name, "y", y, without_axis(x.sizes(), axis));
    impl::sum_forward(with_axis(y, axis), x, factor(x.size(axis)));
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N - 1, D> dy, int axis) {
    axis = check_axis(name, axis, N);
    check_shape(name, "dy", dy, without_axis(dx.sizes(), axis));
    impl::sum_backward(dx, with_axis(dy, axis, dx.size(axis)), factor(dx.size(axis)));
  }

  // Over all axes.
  template <class T, class U, int N, device D>
    requires std::is_same_v<std::remove_const_t<U>, T>
  static void forward(TensorView<T, 0, D> y, TensorView<U, N, D> x) {
    impl::sum_forward(with_rank<N>(y), TensorView<const T, N, D>(x), factor(x.count()));
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, 0, D> dy) {
    impl::sum_backward(dx, with_rank(dy, &dx.sizes()), factor(dx.count()));
  }

 private:
  static double factor(index_t n) {
    if (divide && n == 0) throw_value_error("mean: of no elements");
    return divide ? 1 / static_cast<double>(n) : 1;
  }
};

template <bool log>
struct AnySoftmax {
  static constexpr const char* name = log ? "log_softmax" : "softmax";

  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, int axis) {
    axis = check_axis(name, axis, N);
    check_same_shape(name, "y", y, "x", x);
    impl::softmax_forward(y, x, axis, log);
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N, D> dy, In<T, N, D> y, int axis) {
    axis = check_axis(name, axis, N);
    check_same_shape(name, "dx", dx, "y", y);
    check_same_shape(name, "dy", dy, "y", y);
    impl::softmax_backward(dx, dy, y, axis, log);
  }
};

}  // namespace detail

namespace ops {

using Sum = detail::SumOrMean<false>;
using Mean = detail::SumOrMean<true>;
using Softmax = detail::AnySoftmax<false>;
using LogSoftmax = detail::AnySoftmax<true>;

struct LogSumExp {
  template <class T, int M, device D>
  static void forward(TensorView<T, M, D> y, In<T, M + 1, D> x, int axis) {
    axis = check_axis("logsumexp", axis, M + 1);
    check_shape("logsumexp", "y", y, without_axis(x.sizes(), axis));
    impl::logsumexp_forward(with_axis(y, axis), x, axis);
  }

  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, In<T, N - 1, D> dy, In<T, N, D> x, In<T, N - 1, D> y, int axis) {
    axis = check_axis("logsumexp", axis, N);
    check_same_shape("logsumexp", "dx", dx, "x", x);
    check_shape("logsumexp", "dy", dy, without_axis(x.sizes(), axis));
    check_shape("logsumexp", "y", y, without_axis(x.sizes(), axis));
    impl::logsumexp_backward(dx, with_axis(dy, axis, x.size(axis)), x, with_axis(y, axis, x.size(axis)));
  }
};

}  // namespace ops
}  // namespace longwave
