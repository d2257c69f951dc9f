// image.hpp - how near an image comes to another one: SSIM under a uniform window, PSNR.
//
//   image_ssim(x, target)      mean of ((2 m_x m_t + C1)(2 c + C2)) / ((m_x^2 + m_t^2 + C1)(v_x + v_t + C2)) over all
//                              pixels whose window lies in the image; C1 = (0.01 R)^2, C2 = (0.03 R)^2
//   psnr(x, target)            20 log10(R / rmse); infinity for equal images
//
// x, target (h, w). The window is 7 x 7, smaller and odd where the image is; variances and the covariance are those of
// samples (n - 1). R: the range of the values, for image_ssim that of the target unless given, for psnr 1. A constant
// target has no range: NaN. These are scikit-image's structural_similarity and peak_signal_noise_ratio.
// Source: Wang et al. 2004.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace detail {

// The sums under the window of x, t, x^2, t^2, x t, moved down a row and along a column at a time.
template <class T>
class WindowSums {
 public:
  WindowSums(TensorView<const T, 2> x, TensorView<const T, 2> t, index_t window)
      : x_(x), t_(t), window_(window), columns_(static_cast<std::size_t>(x.size(1))) {}

  // The sum of f(sums) over the windows whose first rows are [begin, end).
  template <class F>
  double over(index_t begin, index_t end, F f) {
    double total = 0;
    std::fill(columns_.begin(), columns_.end(), Sums());
    for (index_t y = begin; y < begin + window_ - 1; ++y) add_row(y, 1);
    for (index_t y = begin; y < end; ++y) {
      add_row(y + window_ - 1, 1);
      Sums sums;
      for (index_t j = 0; j < x_.size(1); ++j) {
        sums.add(columns_[static_cast<std::size_t>(j)], 1);
        if (j >= window_) sums.add(columns_[static_cast<std::size_t>(j - window_)], -1);
        if (j >= window_ - 1) total += f(sums);
      }
      add_row(y, -1);
    }
    return total;
  }

  struct Sums {
    double x = 0, t = 0, xx = 0, tt = 0, xt = 0;
    void add(const Sums& s, double sign) {
      x += sign * s.x, t += sign * s.t, xx += sign * s.xx, tt += sign * s.tt, xt += sign * s.xt;
    }
  };

 private:
  void add_row(index_t y, double sign) {
    for (index_t j = 0; j < x_.size(1); ++j) {
      const auto x = static_cast<double>(x_(y, j)), t = static_cast<double>(t_(y, j));
      columns_[static_cast<std::size_t>(j)].add({x, t, x * x, t * t, x * t}, sign);
    }
  }

  TensorView<const T, 2> x_, t_;
  index_t window_;
  std::vector<Sums> columns_;
};

template <class T>
double value_range(TensorView<const T, 2> x) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (index_t y = 0; y < x.size(0); ++y)
    for (index_t j = 0; j < x.size(1); ++j) {
      low = std::min(low, static_cast<double>(x(y, j)));
      high = std::max(high, static_cast<double>(x(y, j)));
    }
  return high - low;
}

template <class T, class U>
void check_images(const char* op, TensorView<T, 2> x, TensorView<U, 2> target) {
  check_same_shape(op, "x", x, "target", target);
  if (x.count() == 0) throw_value_error(std::string(op) + ": the images have no pixels");
}

}  // namespace detail

template <class T, class U>
double image_ssim(TensorView<T, 2> x, TensorView<U, 2> target,
                  double range = std::numeric_limits<double>::quiet_NaN()) {
  using V = std::remove_const_t<T>;
  detail::check_images("image_ssim", x, target);
  const TensorView<const V, 2> a = x, b = target;
  const double R = std::isnan(range) ? detail::value_range(b) : range;
  if (!(R > 0)) return std::numeric_limits<double>::quiet_NaN();
  const index_t least = std::min<index_t>(7, std::min(a.size(0), a.size(1))), window = least - (least % 2 == 0 ? 1 : 0);
  const auto n = static_cast<double>(window * window);
  const double C1 = 1e-4 * R * R, C2 = 9e-4 * R * R, sample = n > 1 ? n / (n - 1) : 0;
  const auto similarity = [=](const auto& s) {
    const double mx = s.x / n, mt = s.t / n;
    const double vx = sample * (s.xx / n - mx * mx), vt = sample * (s.tt / n - mt * mt);
    const double c = sample * (s.xt / n - mx * mt);
    return (2 * mx * mt + C1) * (2 * c + C2) / ((mx * mx + mt * mt + C1) * (vx + vt + C2));
  };
  constexpr index_t block = 512;
  const index_t rows = a.size(0) - window + 1, columns = a.size(1) - window + 1;
  std::vector<double> parts(static_cast<std::size_t>((rows + block - 1) / block));
  parallel_blocks(
      rows, block,
      [&](index_t begin, index_t end) {
        parts[static_cast<std::size_t>(begin / block)] =
            detail::WindowSums<V>(a, b, window).over(begin, end, similarity);
      },
      20 * a.count());
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum / static_cast<double>(rows * columns);
}

template <class T, class U>
double psnr(TensorView<T, 2> x, TensorView<U, 2> target, double range = 1) {
  detail::check_images("psnr", x, target);
  double sum = 0;
  for (index_t y = 0; y < x.size(0); ++y)
    for (index_t j = 0; j < x.size(1); ++j) {
      const double d = static_cast<double>(x(y, j)) - static_cast<double>(target(y, j));
      sum += d * d;
    }
  return 10 * std::log10(range * range * static_cast<double>(x.count()) / sum);
}

}  // namespace longwave
