// normalize.hpp - (x - mean) / deviation per channel, the two taken from the training data and stored with the model.
//
// Sums run in double over (n, L), the deviation is that of the population from a second pass. A constant channel has
// deviation 1, so that it becomes zero and not infinite. mean and deviation are buffers: state(normalizer) and
// checkpoints hold them.
#pragma once

#include <cmath>
#include <string>

#include "longwave/data/dataset.hpp"

namespace longwave {

template <class T = float>
struct Normalizer {
  Tensor<T, 1> mean;       // (C)
  Tensor<T, 1> deviation;  // (C)

  Normalizer() = default;
  explicit Normalizer(index_t channels) : mean(channels), deviation(channels) {  // changes nothing until fit
    for (index_t c = 0; c < channels; ++c) deviation(c) = 1;
  }

  // x: (n, C, L)
  void fit(TensorView<const T, 3> x) {
    const index_t n = x.size(0), C = x.size(1), L = x.size(2);
    if (x.empty()) throw_value_error("Normalizer: nothing to fit: x is " + to_string(x.sizes(), "nCL"));
    *this = Normalizer(C);
    for (index_t c = 0; c < C; ++c) {
      const double count = static_cast<double>(n * L);
      double sum = 0, squares = 0;
      for (index_t i = 0; i < n; ++i)
        for (index_t l = 0; l < L; ++l) sum += static_cast<double>(x(i, c, l));
      for (index_t i = 0; i < n; ++i)
        for (index_t l = 0; l < L; ++l) squares += std::pow(static_cast<double>(x(i, c, l)) - sum / count, 2);
      const double spread = std::sqrt(squares / count);
      if (!std::isfinite(spread)) throw_value_error("Normalizer: channel " + std::to_string(c) + " is not finite");
      mean(c) = static_cast<T>(sum / count);
      // Rounding leaves a little in a constant channel.
      deviation(c) = spread > 1e-12 * std::abs(sum / count) ? static_cast<T>(spread) : T(1);
    }
  }

  void apply(TensorView<T, 3> x) const {
    check(x.sizes());
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t c = 0; c < x.size(1); ++c)
        for (index_t l = 0; l < x.size(2); ++l) x(i, c, l) = (x(i, c, l) - mean(c)) / deviation(c);
  }
  void undo(TensorView<T, 3> x) const {
    check(x.sizes());
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t c = 0; c < x.size(1); ++c)
        for (index_t l = 0; l < x.size(2); ++l) x(i, c, l) = x(i, c, l) * deviation(c) + mean(c);
  }

  template <class F>
  void for_each_parameter(F&&) {}  // none are trained
  template <class F>
  void for_each_buffer(F&& f) {
    f("mean", mean);
    f("deviation", deviation);
  }

 private:
  void check(const Extents<3>& sizes) const {
    if (sizes[1] != mean.size(0))
      throw_shape_error("Normalizer: x is " + to_string(sizes, "nCL") + " but the statistics are of " +
                        std::to_string(mean.size(0)) + " channels");
  }
};

}  // namespace longwave
