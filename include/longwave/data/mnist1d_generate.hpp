// mnist1d_generate.hpp - MNIST-1D (Greydanus and Kobak 2024) made from its recipe: the authors' frozen set without a
// file.
//
// Ten templates of 12 points; for each digit 500 times: pad with zeros, stretch to 72 points, scale, roll, replace the
// zeros by smooth noise, add white noise, shear, sample at 40 points. Then one permutation, all values standardised
// together, the first 4000 for training and the last 1000 for testing.
//
// Random numbers are NumPy's (core/numpy_random.hpp, seed 42) in the recipe's order, sums run in NumPy's and SciPy's
// order, nothing is fused. What is left to the C library are log and exp: a last bit of theirs moves a value by less
// than 4e-15, and as float the set is the frozen one bit for bit (tests/data/mnist1d_generate_test.cpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "longwave/core/numpy_random.hpp"
#include "longwave/data/mnist1d.hpp"

namespace longwave {

namespace detail::mnist1d {

inline constexpr index_t template_length = 12, wide = 72, length = 40, digits = 10, per_digit = 500;
inline constexpr index_t training = 4000;

inline constexpr double templates[digits][template_length] = {
    {5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5},     {5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5},
    {5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5}, {5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5},
    {5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5},     {5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5},
    {5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5},     {5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5},       {5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5}};

// NumPy's sum: halves of multiples of 8, blocks of up to 128 in eight partial sums.
inline double numpy_sum(const double* x, index_t n) {
  if (n < 8) {
    double sum = 0;
    for (index_t i = 0; i < n; ++i) sum += x[i];
    return sum;
  }
  if (n > 128) {
    const index_t half = n / 2 - n / 2 % 8;
    return numpy_sum(x, half) + numpy_sum(x + half, n - half);
  }
  double part[8];
  std::copy(x, x + 8, part);
  index_t i = 8;
  for (; i < n - n % 8; i += 8)
    for (index_t k = 0; k < 8; ++k) part[k] += x[i + k];
  double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

// Mean 0, population deviation 1; returns the deviation.
inline double standardise(std::vector<double>& x) {
  const auto n = static_cast<index_t>(x.size());
  const double mean = numpy_sum(x.data(), n) / static_cast<double>(n);
  std::vector<double> squares(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] -= mean;
    squares[i] = x[i] * x[i];
  }
  const double deviation = std::sqrt(numpy_sum(squares.data(), n) / static_cast<double>(n));
  for (double& v : x) v /= deviation;
  return deviation;
}

// Point i of n evenly spaced ones from low to high.
inline double spaced(double low, double high, index_t n, index_t i) {
  if (i == n - 1) return high;
  return rounded_product(static_cast<double>(i), (high - low) / static_cast<double>(n - 1)) + low;
}

// x at n evenly spaced points of its own range, by straight lines.
inline std::vector<double> stretched(const std::vector<double>& x, index_t n) {
  const auto m = static_cast<index_t>(x.size());
  std::vector<double> y(static_cast<std::size_t>(n));
  index_t j = 0;
  for (index_t i = 0; i < n; ++i) {
    const double at = spaced(0, 1, n, i);
    while (j + 1 < m && spaced(0, 1, m, j + 1) <= at) ++j;
    const auto left = static_cast<std::size_t>(j);
    y[static_cast<std::size_t>(i)] = x[left];
    const double from = spaced(0, 1, m, j);
    if (j == m - 1 || from == at) continue;
    const double slope = (x[left + 1] - x[left]) / (spaced(0, 1, m, j + 1) - from);
    y[static_cast<std::size_t>(i)] = rounded_product(slope, at - from) + x[left];
  }
  return y;
}

// Weights of a Gaussian of deviation 2, cut at 8: the middle one first.
struct Smoothing {
  static constexpr index_t radius = 8;
  double weight[radius + 1];

  Smoothing() {
    double all[2 * radius + 1];
    for (index_t i = -radius; i <= radius; ++i) all[i + radius] = std::exp(-0.125 * static_cast<double>(i * i));
    const double sum = numpy_sum(all, 2 * radius + 1);
    for (index_t i = 0; i <= radius; ++i) weight[i] = all[radius + i] / sum;
  }

  // Position i of the smoothed x; beyond an end x is mirrored, its last sample included.
  double operator()(const std::vector<double>& x, index_t i) const {
    const auto n = static_cast<index_t>(x.size());
    const auto at = [&](index_t k) { return x[static_cast<std::size_t>(k < 0 ? -1 - k : k < n ? k : 2 * n - 1 - k)]; };
    double sum = rounded_product(at(i), weight[0]);
    for (index_t k = radius; k > 0; --k) sum += rounded_product(at(i - k) + at(i + k), weight[k]);
    return sum;
  }
};

// One example of the digit with this template.
inline std::vector<double> sample(NumpyRandom& random, const std::vector<double>& digit, const Smoothing& smooth) {
  std::vector<double> x = digit;
  for (double& v : x) v += 1e-8;  // so that no point of the template is taken for padding
  x.insert(x.end(), static_cast<std::size_t>(36 + static_cast<index_t>(random.rand() * 25)), 0.0);
  x = stretched(x, wide);
  const double gain = 1 + rounded_product(0.4, random.rand() - 0.5);
  for (double& v : x) v *= gain;
  std::rotate(x.begin(), x.end() - static_cast<index_t>(random.choice(48)), x.end());
  std::vector<double> noise(x.size());
  for (double& v : noise) v = 0.25 * random.randn();
  for (index_t i = 0; i < wide; ++i)
    if (double& v = x[static_cast<std::size_t>(i)]; v == 0) v = smooth(noise, i);
  for (double& v : x) v += rounded_product(0.02, random.randn());
  const double shear = 0.75 * (random.rand() - 0.5);
  for (index_t i = 0; i < wide; ++i)
    x[static_cast<std::size_t>(i)] -= rounded_product(shear, spaced(-0.5, 0.5, wide, i));
  return stretched(x, length);
}

// The template of a digit: mean 0, deviation 1, from 0 on, all over 6.
inline std::vector<double> normalised_template(index_t digit) {
  std::vector<double> x(templates[digit], templates[digit] + template_length);
  standardise(x);
  const double first = x[0];
  for (double& v : x) v = (v - first) / 6;
  return x;
}

}  // namespace detail::mnist1d

struct Mnist1dSet {
  Dataset<double> train, test;  // x (4000, 1, 40) and (1000, 1, 40), y 0 .. 9
  Tensor<double, 1> t;          // (40), the time axis
};

inline Mnist1dSet generate_mnist1d(std::uint32_t seed = 42) {
  namespace recipe = detail::mnist1d;
  constexpr index_t n = recipe::digits * recipe::per_digit, L = recipe::length;
  NumpyRandom random(seed);
  const recipe::Smoothing smooth;
  std::vector<double> made;
  made.reserve(static_cast<std::size_t>(n * L));
  for (index_t digit = 0; digit < recipe::digits; ++digit) {
    const std::vector<double> from = recipe::normalised_template(digit);
    for (index_t i = 0; i < recipe::per_digit; ++i) {
      const std::vector<double> x = recipe::sample(random, from, smooth);
      made.insert(made.end(), x.begin(), x.end());
    }
  }
  Tensor<index_t, 1> order(n);
  random.permutation(order.view());
  std::vector<double> all(made.size());
  for (index_t i = 0; i < n; ++i) std::copy_n(made.begin() + order(i) * L, L, all.begin() + i * L);
  const double deviation = recipe::standardise(all);

  const auto part = [&](const char* name, index_t begin, index_t end) {
    Dataset<double> data{name, Tensor<double, 3>(end - begin, 1, L), Tensor<index_t, 1>(end - begin), recipe::digits};
    std::copy_n(all.begin() + begin * L, (end - begin) * L, data.x.data());
    for (index_t i = begin; i < end; ++i) data.y(i - begin) = order(i) / recipe::per_digit;
    return data;
  };
  Mnist1dSet set{part("MNIST-1D (train, generated)", 0, recipe::training),
                 part("MNIST-1D (test, generated)", recipe::training, n), Tensor<double, 1>(L)};
  std::vector<double> t(recipe::template_length);
  for (index_t i = 0; i < recipe::template_length; ++i)
    t[static_cast<std::size_t>(i)] = recipe::spaced(-5, 5, recipe::template_length, i) / 6;
  t = recipe::stretched(recipe::stretched(t, recipe::wide), L);
  for (index_t i = 0; i < L; ++i) set.t(i) = t[static_cast<std::size_t>(i)] / deviation;
  return set;
}

}  // namespace longwave
