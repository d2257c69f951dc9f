// cross_entropy.hpp - the device's overloads of what ops/cross_entropy.hpp calls, which includes this before its front.
// Classes: views of std::int64_t or std::int32_t.
#pragma once

#include <cstdint>

#include "longwave/core/sum.hpp"

namespace longwave {

namespace cuda {

// c, w (B, L); w without data: all 1. A class that is neither `ignore` nor one of 0 .. K-1 makes loss and gradient NaN.
template <class T, class I>
struct Targets {
  TensorView<const I, 2, Cuda> c;
  TensorView<const T, 2, Cuda> w;
  index_t ignore;
  T smoothing;
};

// each, weight (B, L), weight may be left out: v l and v; stats (2, B, L), x (B, K, L).
template <class T, class I>
void cross_entropy_forward(TensorView<T, 2, Cuda> each, TensorView<T, 2, Cuda> weight, TensorView<T, 3, Cuda> stats,
                           TensorView<const T, 3, Cuda> x, const Targets<T, I>& targets);
// dy is divided by `total` unless that is left out; NaN where it is not above 0.
template <class T, class I>
void cross_entropy_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 2, Cuda> dy,
                            TensorView<const T, 0, Cuda> total, TensorView<const T, 3, Cuda> stats,
                            TensorView<const T, 3, Cuda> x, const Targets<T, I>& targets);
template <class T, class I>
void target_weights(TensorView<T, 2, Cuda> weight, const Targets<T, I>& targets);
// y = sum of each / sum of weight; NaN where that is not above 0.
template <class T>
void cross_entropy_mean(TensorView<T, 0, Cuda> y, TensorView<const T, 2, Cuda> each,
                        TensorView<const T, 2, Cuda> weight);

}  // namespace cuda

namespace impl {

template <class I>
void check_classes(TensorView<I, 2, Cuda>, index_t, index_t, bool) {}  // nobody waits for the device

template <class T, class I, class Options>
auto targets_of(TensorView<I, 2, Cuda> c, TensorView<const T, 2, Cuda> w, const Options& options) {
  return cuda::Targets<T, std::remove_const_t<I>>{c, w, options.ignore, static_cast<T>(options.smoothing)};
}

template <class T, class I, class Options>
void cross_entropy_each(TensorView<T, 2, Cuda> y, TensorView<T, 3, Cuda> stats, TensorView<const T, 3, Cuda> x,
                        TensorView<I, 2, Cuda> c, TensorView<const T, 2, Cuda> w, const Options& options) {
  cuda::cross_entropy_forward(y, TensorView<T, 2, Cuda>(), stats, x, targets_of(c, w, options));
}

template <class T, class I, class Options>
void cross_entropy_each_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 2, Cuda> dy,
                                 TensorView<const T, 3, Cuda> stats, TensorView<const T, 3, Cuda> x,
                                 TensorView<I, 2, Cuda> c, TensorView<const T, 2, Cuda> w, const Options& options) {
  cuda::cross_entropy_backward(dx, dy, TensorView<const T, 0, Cuda>(), stats, x, targets_of(c, w, options));
}

template <class T, class I, class Options>
void cross_entropy_reduced(TensorView<T, 0, Cuda> y, TensorView<T, 3, Cuda> stats, TensorView<const T, 3, Cuda> x,
                           TensorView<I, 2, Cuda> c, TensorView<const T, 2, Cuda> w, const Options& options) {
  ScratchOn<Cuda> scratch;
  const bool mean = options.reduction == decltype(options.reduction)::mean;
  const TensorView<T, 2, Cuda> each = scratch.tensor<T>(c.sizes());
  const TensorView<T, 2, Cuda> weight = mean ? scratch.tensor<T>(c.sizes()) : TensorView<T, 2, Cuda>();
  cuda::cross_entropy_forward(each, weight, stats, x, targets_of(c, w, options));
  const TensorView<const T, 2, Cuda> losses = each;
  if (mean)
    cuda::cross_entropy_mean(y, losses, TensorView<const T, 2, Cuda>(weight));
  else
    sum_to(TensorView<T, 2, Cuda>(y.data(), {1, 1}), 1.0, detail::Itself(), losses);
}

template <class T, class I, class Options>
void cross_entropy_reduced_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 0, Cuda> dy,
                                    TensorView<const T, 3, Cuda> stats, TensorView<const T, 3, Cuda> x,
                                    TensorView<I, 2, Cuda> c, TensorView<const T, 2, Cuda> w, const Options& options) {
  const TensorView<const T, 2, Cuda> dy_each(dy.data(), c.sizes(), Extents<2>());
  const auto targets = targets_of(c, w, options);
  ScratchOn<Cuda> scratch;
  TensorView<T, 0, Cuda> total;
  if (options.reduction == decltype(options.reduction)::mean) {
    const TensorView<T, 2, Cuda> weight = scratch.tensor<T>(c.sizes());
    total = scratch.tensor<T>(Extents<0>());
    cuda::target_weights(weight, targets);
    sum_to(TensorView<T, 2, Cuda>(total.data(), {1, 1}), 1.0, detail::Itself(), TensorView<const T, 2, Cuda>(weight));
  }
  cuda::cross_entropy_backward(dx, dy_each, TensorView<const T, 0, Cuda>(total), stats, x, targets);
}

}  // namespace impl
}  // namespace longwave
