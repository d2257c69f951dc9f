// edge_loss.hpp - how much the edges of two images differ: the mean distance of their differences of neighbours.
//
//   y = mean |d_{i,j+1} - d_{i,j}| + mean |d_{i+1,j} - d_{i,j}|,   d = x - t,   images x, t (P, h, w), h and w at least
//   2 dd_{i,j} = dy [(s_{i,j} - s_{i,j+1}) / (P h (w - 1)) + (z_{i,j} - z_{i+1,j}) / (P (h - 1) w)] s_{i,j} =
//   sign(d_{i,j} - d_{i,j-1}), z_{i,j} = sign(d_{i,j} - d_{i-1,j}), 0 at the borders; dx = dd, dt = -dd
//
// Sums straight from x and t, and one pass for the gradients: no difference is stored.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/each.hpp"
#include "longwave/core/math.hpp"
#include "longwave/core/sum.hpp"

namespace longwave {

namespace detail {

// |(x1 - t1) - (x0 - t0)| of two neighbours.
struct EdgeTerm {
  template <class T>
  LONGWAVE_HD T operator()(T x1, T t1, T x0, T t0) const {
    return std::abs((x1 - t1) - (x0 - t0));
  }
};

}  // namespace detail

namespace impl {

template <class T, device D>
struct EdgeGradient {
  static constexpr const char* name = "edge_loss_backward";
  TensorView<T, 3, D> dx, dt;
  TensorView<const T, 0, D> dy;
  TensorView<const T, 3, D> x, t;
  T along, down;  // one over the number of differences

  LONGWAVE_HD static T sign(T a, T b) { return math::select(a > b, T(1), T(0)) - math::select(a < b, T(1), T(0)); }
  LONGWAVE_HD T d(index_t p, index_t i, index_t j) const { return x(p, i, j) - t(p, i, j); }

  LONGWAVE_HD void at(index_t p, index_t i, index_t j) const {
    const T here = d(p, i, j);
    T s = 0, z = 0;
    if (j > 0) s += sign(here, d(p, i, j - 1));
    if (j + 1 < x.size(2)) s -= sign(d(p, i, j + 1), here);
    if (i > 0) z += sign(here, d(p, i - 1, j));
    if (i + 1 < x.size(1)) z -= sign(d(p, i + 1, j), here);
    const T g = dy() * (s * along + z * down);
    if (wanted(dx)) dx(p, i, j) = g;
    if (wanted(dt)) dt(p, i, j) = -g;
  }
  LONGWAVE_HD void operator()(index_t pixel) const {
    const index_t w = x.size(2), h = x.size(1), row = pixel / w;
    at(row / h, row % h, pixel % w);
  }
};

template <class T>
void edge_backward(const EdgeGradient<T, Host>& pixels) {
  const index_t w = pixels.x.size(2), h = pixels.x.size(1);
  parallel_blocks(
      pixels.x.size(0) * h, 16,
      [&](index_t begin, index_t end) {
        for (index_t row = begin; row < end; ++row)
          for (index_t j = 0; j < w; ++j) pixels.at(row / h, row % h, j);
      },
      20 * pixels.x.count());
}
template <class T>
void edge_backward(const EdgeGradient<T, Cuda>& pixels) {
  for_each_index<Cuda>(pixels.x.count(), pixels);
}

// share[k]: one over the number of differences along rows and along columns.
template <class T>
void edge_forward(TensorView<T, 0, Host> y, TensorView<const T, 3, Host> x, TensorView<const T, 3, Host> t,
                  const double (&share)[2]) {
  const index_t h = x.size(1), w = x.size(2), rows = x.size(0) * h;
  Scratch scratch;
  double* sums = scratch.take<double>(rows);
  parallel_blocks(
      rows, 16,
      [&](index_t begin, index_t end) {
        for (index_t row = begin; row < end; ++row) {
          const TensorView<const T, 1> a = x[row / h][row % h], b = t[row / h][row % h];
          const bool last = row % h == h - 1;
          const TensorView<const T, 1> a_down = last ? a : x[row / h][row % h + 1];
          const TensorView<const T, 1> b_down = last ? b : t[row / h][row % h + 1];
          double along = 0, down = 0;
          for (index_t j = 0; j < w; ++j)
            down += static_cast<double>(detail::EdgeTerm()(a_down(j), b_down(j), a(j), b(j)));
          for (index_t j = 1; j < w; ++j)
            along += static_cast<double>(detail::EdgeTerm()(a(j), b(j), a(j - 1), b(j - 1)));
          sums[row] = share[0] * along + share[1] * down;
        }
      },
      5 * x.count());
  double total = 0;
  for (index_t row = 0; row < rows; ++row) total += sums[row];
  y() = static_cast<T>(total);
}

template <class T, device D>
struct AddDown {
  static constexpr const char* name = "edge_loss";
  TensorView<T, 0, D> y;  // holds the mean along rows
  TensorView<const T, 3, D> down;
  LONGWAVE_HD void operator()(index_t) const { y() += down(0, 0, 0); }
};

template <class T>
void edge_forward(TensorView<T, 0, Cuda> y, TensorView<const T, 3, Cuda> x, TensorView<const T, 3, Cuda> t,
                  const double (&share)[2]) {
  ScratchOn<Cuda> scratch;
  const TensorView<T, 3, Cuda> along(y.data(), Extents<3>{1, 1, 1}), down = scratch.tensor<T>(along.sizes());
  const auto sum_over = [&](TensorView<T, 3, Cuda> to, int axis, double factor) {
    const index_t n = x.size(axis);
    sum_to(to, factor, detail::EdgeTerm(), x.slice(axis, 1, n), t.slice(axis, 1, n), x.slice(axis, 0, n - 1),
           t.slice(axis, 0, n - 1));
  };
  sum_over(along, 2, share[0]);
  sum_over(down, 1, share[1]);
  for_each_index<Cuda>(1, AddDown<T, Cuda>{y, down});
}

}  // namespace impl

namespace ops {

struct EdgeLoss {
  template <class T, device D>
  static void forward(TensorView<T, 0, D> y, In<T, 3, D> x, In<T, 3, D> t) {
    check(x.sizes(), t.sizes());
    const double share[2] = {1 / differences(x.sizes(), 2), 1 / differences(x.sizes(), 1)};
    impl::edge_forward(y, x, t, share);
  }

  // dx and dt are assigned; either may be left out.
  template <class T, device D>
  static void backward(TensorView<T, 3, D> dx, Out<T, 3, D> dt, In<T, 0, D> dy, In<T, 3, D> x, In<T, 3, D> t) {
    check(x.sizes(), t.sizes());
    check_gradient("edge_loss", "dx", dx, x.sizes());
    check_gradient("edge_loss", "dt", dt, x.sizes());
    if (x.empty() || !(wanted(dx) || wanted(dt))) return;
    const auto share = [&](int axis) { return static_cast<T>(1 / differences(x.sizes(), axis)); };
    impl::edge_backward(impl::EdgeGradient<T, D>{dx, dt, dy, x, t, share(2), share(1)});
  }

 private:
  static double differences(const Extents<3>& sizes, int axis) {
    return static_cast<double>(sizes.count() / sizes[axis] * (sizes[axis] - 1));
  }
  static void check(const Extents<3>& x, const Extents<3>& t) {
    check_same_shape("edge_loss", "x", x, "t", t);
    for (const int axis : {2, 1})
      if (x[axis] < 2)
        throw_shape_error("edge_loss: x is " + to_string(x) + " (P, h, w); axis " + std::to_string(axis) +
                          " has no neighbours, expected 2 samples or more");
  }
};

}  // namespace ops
}  // namespace longwave
