// image.hpp - how alike two images are: structural similarity under a uniform window, and the ratio of peak to noise.
//
//   const double s = structural_similarity(image.view(), target.view());   // 1 for equal images
//   const double p = psnr(image.view(), target.view());                    // dB; infinite for equal images
//
//   SSIM = mean of (2 m_x m_y + C1)(2 c + C2) / ((m_x^2 + m_y^2 + C1)(v_x + v_y + C2))
//   means m under a window of 7 x 7, or the largest odd one that fits; v and c are the sample's (n - 1); C1 = (0.01
//   R)^2, C2 = (0.03 R)^2, R = max - min of the target; averaged over the windows that lie inside the image. Where R is
//   0, a quotient 0 / 0 counts as 1: equal constant images agree. PSNR = 20 log10(peak / sqrt(MSE))
//
// Images (h, w). For the loss under a Gaussian window, with its gradient, see ops/ssim.hpp.
// Source: Wang et al. 2004, eq. 13; window and averaging as scikit-image has them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "longwave/core/parallel.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

namespace detail {

// The five sums under a window, of x, y, x^2, y^2, xy, all taken from one number first.
struct WindowSums {
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  void add(double a, double b) {
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  void add(const WindowSums& s) {
    x += s.x;
    y += s.y;
    xx += s.xx;
    yy += s.yy;
    xy += s.xy;
  }
};

inline double similarity(const WindowSums& s, double n, double offset, double C1, double C2) {
  const auto ratio = [](double over, double under) { return over == 0 && under == 0 ? 1 : over / under; };
  const double a = s.x / n, b = s.y / n, mx = a + offset, my = b + offset;
  const double vx = std::max(0.0, s.xx - n * a * a) / (n - 1), vy = std::max(0.0, s.yy - n * b * b) / (n - 1);
  const double c = (s.xy - n * a * b) / (n - 1);
  return ratio(2 * mx * my + C1, mx * mx + my * my + C1) * ratio(2 * c + C2, vx + vy + C2);
}

template <class T>
void check_images(const char* op, TensorView<T, 2> image, TensorView<T, 2> target) {
  check_same_shape(op, "target", target, "image", image);
  if (image.count() == 0) throw_shape_error(std::string(op) + ": the images are " + to_string(image.sizes()));
}

}  // namespace detail

// The window for an image of this size: 7, or the largest odd number that fits both sides.
inline index_t ssim_window(index_t h, index_t w) {
  const index_t side = std::min<index_t>(7, std::min(h, w));
  return side % 2 == 1 ? side : side - 1;
}

template <class T>
double structural_similarity(TensorView<const T, 2> image, TensorView<const T, 2> target) {
  detail::check_images("structural_similarity", image, target);
  const index_t h = image.size(0), w = image.size(1), side = ssim_window(h, w);
  if (side < 3)
    throw_shape_error("structural_similarity: the images are " + to_string(image.sizes()) +
                      ", expected at least 3 rows and columns");
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (index_t i = 0; i < h; ++i)
    for (index_t j = 0; j < w; ++j) {
      low = std::min(low, static_cast<double>(target(i, j)));
      high = std::max(high, static_cast<double>(target(i, j)));
    }
  const double offset = low + (high - low) / 2;  // keeps the digits of the variances
  const double C1 = 1e-4 * (high - low) * (high - low), C2 = 9e-4 * (high - low) * (high - low);
  std::vector<double> of_row(static_cast<std::size_t>(h - side + 1));
  parallel_blocks(
      h - side + 1, 64,
      [&](index_t begin, index_t end) {
        std::vector<detail::WindowSums> columns(static_cast<std::size_t>(w));
        for (index_t i = begin; i < end; ++i) {
          std::fill(columns.begin(), columns.end(), detail::WindowSums());
          for (index_t k = i; k < i + side; ++k)
            for (index_t j = 0; j < w; ++j)
              columns[static_cast<std::size_t>(j)].add(static_cast<double>(image(k, j)) - offset,
                                                       static_cast<double>(target(k, j)) - offset);
          double sum = 0;
          for (index_t j = 0; j + side <= w; ++j) {
            detail::WindowSums window;
            for (index_t k = j; k < j + side; ++k) window.add(columns[static_cast<std::size_t>(k)]);
            sum += detail::similarity(window, static_cast<double>(side * side), offset, C1, C2);
          }
          of_row[static_cast<std::size_t>(i)] = sum;
        }
      },
      h * w * side * 10);
  double sum = 0;
  for (const double x : of_row) sum += x;
  return sum / static_cast<double>((h - side + 1) * (w - side + 1));
}

template <class T>
double mean_squared_error(TensorView<const T, 2> image, TensorView<const T, 2> target) {
  detail::check_images("mean_squared_error", image, target);
  double sum = 0;
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j) {
      const double d = static_cast<double>(image(i, j)) - static_cast<double>(target(i, j));
      sum += d * d;
    }
  return sum / static_cast<double>(image.count());
}

template <class T>
double psnr(TensorView<const T, 2> image, TensorView<const T, 2> target, double peak = 1) {
  return 20 * std::log10(peak / std::sqrt(mean_squared_error(image, target)));
}

}  // namespace longwave
