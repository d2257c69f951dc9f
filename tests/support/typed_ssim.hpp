// typed_ssim.hpp - tests of ssim: bodies over the scalar type and the device, and the definition as loops in double.
#pragma once

#include "longwave/autograd/functions/ssim.hpp"
#include "typed_reduce.hpp"

namespace longwave::test {

struct SsimByDefinition {
  Tensor<double, 3> S, da, db;

  // Every pixel's window has 49 pixels, and hands its slopes back to them.
  SsimByDefinition(TensorView<const double, 3> a, TensorView<const double, 3> b, TensorView<const double, 3> dS)
      : S(a.sizes()), da(a.sizes()), db(a.sizes()) {
    const index_t h = a.size(1), w = a.size(2);
    for (index_t p = 0; p < a.size(0); ++p)
      for (index_t y = 0; y < h; ++y)
        for (index_t x = 0; x < w; ++x) {
          detail::SsimMeans<double> m = {0, 0, 0, 0, 0};
          each(y, x, h, w, [&](index_t i, index_t j, double g) {
            const double u = a(p, i, j) - 0.5, v = b(p, i, j) - 0.5;
            m.a += g * u, m.b += g * v, m.aa += g * u * u, m.bb += g * v * v, m.ab += g * u * v;
          });
          const detail::SsimPixel<double> pixel(m);
          double Ma, Mb, Q, R;
          pixel.slopes(m, dS(p, y, x), Ma, Mb, Q, R);
          S(p, y, x) = pixel.S;
          each(y, x, h, w, [&](index_t i, index_t j, double g) {
            const double u = a(p, i, j) - 0.5, v = b(p, i, j) - 0.5;
            da(p, i, j) += g * (Ma + 2 * u * Q + v * R);
            db(p, i, j) += g * (Mb + 2 * v * Q + u * R);
          });
        }
  }

 private:
  template <class F>
  static void each(index_t y, index_t x, index_t h, index_t w, F f) {
    const auto mirror = [](index_t i, index_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; };
    double weights[7], total = 0;
    for (int k = 0; k < 7; ++k) total += weights[k] = std::exp(-(k - 3) * (k - 3) / 4.5);
    for (index_t i = 0; i < 7; ++i)
      for (index_t j = 0; j < 7; ++j)
        f(mirror(y + i - 3, h), mirror(x + j - 3, w), weights[i] * weights[j] / (total * total));
  }
};

template <class T>
Tensor<T, 3> near_half(Extents<3> sizes, std::uint64_t seed) {
  auto x = random<T>(sizes, seed);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = T(0.5) + T(0.2) * x.data()[i];
  return x;
}

template <class T, device D>
void check_ssim(Extents<3> sizes, bool turned = false) {
  INFO(to_string(sizes) << ", turned " << turned);
  const Given<T, 3, D> a(near_half<T>(sizes, 41), turned), b(near_half<T>(sizes, 42), turned);
  const auto dS = given<T, D>(sizes, 43, turned);
  const SsimByDefinition want(a.wide.view(), b.wide.view(), dS.wide.view());
  Result<T, 3, D> S(sizes, turned), da(sizes, turned), db(sizes, turned), alone(sizes, turned), again(sizes, turned);
  ops::Ssim::forward(S.view(), a.view(), b.view());
  ops::Ssim::backward(da.view(), db.view(), dS.view(), a.view(), b.view());
  ops::Ssim::backward(alone.view(), TensorView<T, 3, D>(), dS.view(), a.view(), b.view());
  ops::Ssim::backward(TensorView<T, 3, D>(), again.view(), dS.view(), a.view(), b.view());
  // In float: variances of some 0.04 from values within 1 of their middle.
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
  CHECK(relative_error(S.back(), want.S) <= tolerance);
  CHECK(relative_error(da.back(), want.da) <= tolerance);
  CHECK(relative_error(db.back(), want.db) <= tolerance);
  CHECK(relative_error(alone.back(), da.back()) == 0);
  CHECK(relative_error(again.back(), db.back()) == 0);
}

// Images below, at and above a tile, narrow ones, several.
template <class T, device D>
void check_ssim_sizes() {
  for (const Extents<3> sizes : {Extents(1, 4, 4), Extents(2, 5, 7), Extents(1, 4, 131), Extents(1, 131, 4),
                                 Extents(3, 16, 32), Extents(1, 17, 33), Extents(2, 33, 65), Extents(1, 300, 20)})
    for (const bool turned : {false, true}) check_ssim<T, D>(sizes, turned);
  Tensor<T, 3, D> none(0, 5, 5);
  ops::Ssim::forward(none.view(), none, none);
  ops::Ssim::backward(none.view(), none.view(), none, none, none);
}

// edge_loss against sums over pairs of neighbours, and its gradients against the signs of their differences.
template <class T, device D>
void check_edge_loss(Extents<3> sizes, bool turned = false) {
  INFO(to_string(sizes) << ", turned " << turned);
  const auto x = given<T, D>(sizes, 44, turned), t = given<T, D>(sizes, 45, turned);
  const index_t P = sizes[0], h = sizes[1], w = sizes[2];
  double want = 0;
  Tensor<double, 3> dx(sizes), dt(sizes);
  const auto add = [&](index_t p, index_t i, index_t j, index_t down, index_t along, double pairs) {
    const auto d = [&](index_t a, index_t b) {  // the sign must be that of the differences in T
      return T(x.wide(p, a, b)) - T(t.wide(p, a, b));
    };
    const T far = d(i + down, j + along), near = d(i, j);
    want += std::abs(static_cast<double>(far - near)) / pairs;
    const double slope = 1.5 * (far > near ? 1 : far < near ? -1 : 0) / pairs;
    dx(p, i + down, j + along) += slope;
    dx(p, i, j) -= slope;
  };
  for (index_t p = 0; p < P; ++p)
    for (index_t i = 0; i < h; ++i)
      for (index_t j = 0; j < w; ++j) {
        if (j + 1 < w) add(p, i, j, 0, 1, static_cast<double>(P * h * (w - 1)));
        if (i + 1 < h) add(p, i, j, 1, 0, static_cast<double>(P * (h - 1) * w));
      }
  for (index_t i = 0; i < dx.count(); ++i) dt.data()[i] = -dx.data()[i];

  auto y = unwritten<T, 0, D>(Extents<0>());
  Result<T, 3, D> got_dx(sizes, turned), got_dt(sizes, turned), alone(sizes, turned);
  Tensor<T, 0> dy{Extents<0>()};
  dy() = T(1.5);
  const auto dy_there = Place<D>::to(dy);
  ops::EdgeLoss::forward(y.view(), x.view(), t.view());
  ops::EdgeLoss::backward(got_dx.view(), got_dt.view(), dy_there.view(), x.view(), t.view());
  ops::EdgeLoss::backward(alone.view(), TensorView<T, 3, D>(), dy_there.view(), x.view(), t.view());
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-13;
  CHECK(static_cast<double>(Place<D>::from(y)()) == Approx(want).epsilon(tolerance));
  CHECK(relative_error(got_dx.back(), dx) <= tolerance);
  CHECK(relative_error(got_dt.back(), dt) <= tolerance);
  CHECK(relative_error(alone.back(), got_dx.back()) == 0);
}

template <class T, device D>
void check_edge_loss_sizes() {
  for (const Extents<3> sizes : {Extents(1, 2, 2), Extents(2, 5, 7), Extents(3, 2, 131), Extents(1, 1000, 20)})
    for (const bool turned : {false, true}) check_edge_loss<T, D>(sizes, turned);
}

}  // namespace longwave::test
