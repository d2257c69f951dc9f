// standardize.hpp - what is done to a Dataset of sounds before training: each position standardised for itself, samples
// dropped under a mask, and every k-th sample taken.
//
//   PositionScale<float> scale(train.x.view());          // mean and deviation (C, L) over the training sequences
//   scale.apply(train.x.view());                         // (x - mean) / (deviation + 1e-5)
//
// The published Speech Commands runs standardise each time position, after they have divided samples in [-1, 1] by 2^15
// once more (SpeechOptions::divide_again), so that the 1e-5 outweighs the deviation and amplitudes come out near 0.1 to
// 0.3. One mean and deviation for all positions: Normalizer (data/normalize.hpp), which is this library's own way.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "longwave/data/dataset.hpp"
#include "longwave/data/draws.hpp"

namespace longwave {

template <class T = float>
struct PositionScale {
  Tensor<T, 2> mean, deviation;  // (C, L); the deviation over n - 1
  double epsilon = 1e-5;

  PositionScale() = default;
  explicit PositionScale(TensorView<const T, 3> x, double eps = 1e-5)
      : mean(x.size(1), x.size(2)), deviation(x.size(1), x.size(2)), epsilon(eps) {
    const index_t n = x.size(0), C = x.size(1), L = x.size(2);
    if (n < 2)
      throw_value_error("PositionScale: a deviation needs two sequences or more; x is " + to_string(x.sizes(), "nCL"));
    Tensor<double, 2> sum(C, L), squares(C, L);
    const auto over_all = [&](auto&& f) {
      for (index_t i = 0; i < n; ++i)
        for (index_t c = 0; c < C; ++c)
          for (index_t l = 0; l < L; ++l) f(static_cast<double>(x(i, c, l)), c, l);
    };
    over_all([&](double v, index_t c, index_t l) { sum(c, l) += v; });
    over_all([&](double v, index_t c, index_t l) {
      const double d = v - sum(c, l) / static_cast<double>(n);
      squares(c, l) += d * d;
    });
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) {
        mean(c, l) = static_cast<T>(sum(c, l) / static_cast<double>(n));
        deviation(c, l) = static_cast<T>(std::sqrt(squares(c, l) / static_cast<double>(n - 1)));
      }
  }

  void apply(TensorView<T, 3> x) const {
    if (x.size(1) != mean.size(0) || x.size(2) != mean.size(1))
      throw_shape_error("PositionScale: x is " + to_string(x.sizes(), "nCL") + " but the statistics are " +
                        to_string(mean.sizes(), "CL"));
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t c = 0; c < x.size(1); ++c)
        for (index_t l = 0; l < x.size(2); ++l)
          x(i, c, l) = (x(i, c, l) - mean(c, l)) / (deviation(c, l) + static_cast<T>(epsilon));
  }

  template <class F>
  void for_each_parameter(F&&) {}  // none are trained
  template <class F>
  void for_each_buffer(F&& f) {
    f("mean", mean);
    f("deviation", deviation);
  }
};

// Samples 0, k, 2 k, ..: the same sound at a k-th of the rate, for a model that is run with rate = k.
template <class T>
Dataset<T> every_kth(const Dataset<T>& data, index_t k) {
  if (k < 1) throw_value_error(data.name + ": every " + std::to_string(k) + "th sample; take 1 or more");
  const index_t L = (data.length() + k - 1) / k;
  Dataset<T> out{data.name, Tensor<T, 3>::uninitialized({data.size(), data.channels(), L}), data.y.clone(),
                 data.classes};
  for (index_t i = 0; i < data.size(); ++i)
    for (index_t c = 0; c < data.channels(); ++c)
      for (index_t l = 0; l < L; ++l) out.x(i, c, l) = data.x(i, c, l * k);
  return out;
}

// Of every sequence floor(rate L) positions, drawn anew, are 0 in all channels; a channel more tells them, 1 where the
// samples are there and 0 where they were dropped.
template <class T>
Dataset<T> drop_samples(const Dataset<T>& data, double rate, PhiloxKey key) {
  if (!(rate >= 0 && rate < 1))
    throw_value_error(data.name + ": a dropped share of " + std::to_string(rate) + ", expected [0, 1)");
  const index_t n = data.size(), C = data.channels(), L = data.length();
  const auto dropped = static_cast<index_t>(rate * static_cast<double>(L));
  Dataset<T> out{data.name, Tensor<T, 3>::uninitialized({n, C + 1, L}), data.y.clone(), data.classes};
  for (index_t i = 0; i < n; ++i) {
    Draws draws(key, i);
    index_t left = dropped;
    for (index_t l = 0; l < L; ++l) {
      const bool drop = draws.below(L - l) < left;
      if (drop) --left;
      for (index_t c = 0; c < C; ++c) out.x(i, c, l) = drop ? T(0) : data.x(i, c, l);
      out.x(i, C, l) = drop ? T(0) : T(1);
    }
  }
  return out;
}

}  // namespace longwave
