// cross_entropy.cuh - class scores against classes on the device, for ops/cross_entropy.hpp: one pass over x (B, K, L)
// forward (a line of K in registers), one over x and dx backward.
// Bytes per score: forward sizeof(T), backward 2 sizeof(T).
#pragma once

#include "kernels/each.cuh"
#include "kernels/lines.cuh"
#include "longwave/ops/cross_entropy.hpp"

namespace longwave::cuda {

namespace detail {

// What the target at (b, l) asks for.
template <class T>
struct Target {
  index_t k;
  T weight;    // 0: no part
  bool known;  // k is a class

  template <class I>
  __device__ Target(const Targets<T, I>& targets, index_t b, index_t l, index_t K) {
    k = static_cast<index_t>(targets.c(b, l));
    weight = k == targets.ignore ? T(0) : targets.w.data() != nullptr ? targets.w(b, l) : T(1);
    known = k >= 0 && k < K;
  }
};

template <int I, class T, class C>
__global__ void __launch_bounds__(line_threads)
    cross_entropy_kernel(TensorView<T, 2, Cuda> each, TensorView<T, 2, Cuda> weight, TensorView<T, 3, Cuda> stats,
                         TensorView<const T, 3, Cuda> x, Targets<T, C> targets, bool across, int width) {
  extern __shared__ double room[];  // (3, threads)
  constexpr T lowest = longwave::detail::lowest<T>;
  const LinePlace at(across, width);
  const Fold turns = fold_turns(across, width);
  const index_t line = blockIdx.x * index_t(width) + at.lane, K = x.size(1), L = x.size(2);
  const bool mine = line < x.size(0) * L;
  const index_t b = mine ? line / L : 0, l = mine ? line - b * L : 0;
  const int end = mine ? static_cast<int>(K) : 0;
  const LineOf<const T> in(x.data(), b * x.stride(0) + l * x.stride(2), x.stride(1));

  T v[I], top = lowest;
  double sums[2] = {};  // of e^(x - top), of x
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    v[i] = k < end ? in[k] : lowest;
    if (k < end) sums[1] += static_cast<double>(v[i]);
  }
#pragma unroll
  for (int i = 0; i < I; ++i) top = v[i] > top ? v[i] : top;
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) {
    const T value = in[k];
    top = value > top ? value : top;
    sums[1] += static_cast<double>(value);
  }
  double largest[1] = {static_cast<double>(top)};
  fold(largest, turns, room, Larger());
  top = static_cast<T>(largest[0]);
  if (!(top - top == T(0))) top = T(0);  // an infinite one is not subtracted
#pragma unroll
  for (int i = 0; i < I; ++i) sums[0] += static_cast<double>(math::exp(v[i] - top));
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) sums[0] += static_cast<double>(math::exp(in[k] - top));
  fold(sums, turns, room + blockDim.x, Add());
  if (!mine || at.turn != 0) return;

  const Target<T> target(targets, b, l, K);
  const T s = targets.smoothing, total = static_cast<T>(sums[0]);
  T loss = longwave::detail::not_a_number<T>;
  if (target.known) {
    loss = math::log(total) - (T(1) - s) * (in[static_cast<int>(target.k)] - top);
    if (s > T(0)) loss -= s * (static_cast<T>(sums[1] / static_cast<double>(K)) - top);
  }
  stats(0, b, l) = top;
  stats(1, b, l) = total;
  each(b, l) = longwave::detail::weighted(target.weight, loss);
  if (weight.data() != nullptr) weight(b, l) = target.weight;
}

// dx_k = v dy (p_k - (1 - s) [k = c] - s / K)
template <class T, class C>
__global__ void __launch_bounds__(line_threads)
    cross_entropy_backward_kernel(TensorView<T, 3, Cuda> dx, TensorView<const T, 2, Cuda> dy, const T* total,
                                  TensorView<const T, 3, Cuda> stats, TensorView<const T, 3, Cuda> x,
                                  Targets<T, C> targets, bool across, int width) {
  const LinePlace at(across, width);
  const index_t line = blockIdx.x * index_t(width) + at.lane, K = x.size(1), L = x.size(2);
  if (line >= x.size(0) * L) return;
  const index_t b = line / L, l = line - b * L;
  const Target<T> target(targets, b, l, K);
  T factor = dy(b, l);
  if (total != nullptr) factor = *total > T(0) ? factor / *total : longwave::detail::not_a_number<T>;
  factor = longwave::detail::weighted(target.weight, factor);
  if (!target.known && target.weight != T(0)) factor = longwave::detail::not_a_number<T>;
  const T top = stats(0, b, l), sum = stats(1, b, l);
  const T share = targets.smoothing / static_cast<T>(K), right = T(1) - targets.smoothing;
  const LineOf<const T> in(x.data(), b * x.stride(0) + l * x.stride(2), x.stride(1));
  const LineOf<T> out(dx.data(), b * dx.stride(0) + l * dx.stride(2), dx.stride(1));
#pragma unroll 4
  for (int k = at.turn; k < static_cast<int>(K); k += at.turns) {
    const T slope = math::exp(in[k] - top) / sum - share - (k == target.k ? right : T(0));
    out[k] = longwave::detail::weighted(factor, slope);
  }
}

template <class T, class I>
struct TargetWeights {
  static constexpr const char* name = "cross_entropy";
  TensorView<T, 2, Cuda> weight;
  Targets<T, I> targets;
  __device__ void operator()(index_t i) const {
    const index_t b = i / weight.size(1), l = i - b * weight.size(1);
    weight(b, l) = Target<T>(targets, b, l, 0).weight;
  }
};

template <class T>
struct LossAndWeight {
  __device__ Several<2> operator()(T loss, T weight) const {
    return {{static_cast<double>(loss), static_cast<double>(weight)}};
  }
};

template <class T>
struct StoreMean {
  template <int K>
  __device__ void operator()(const SumPlan<T, K>& s, index_t, const double (&sum)[2]) const {
    *s.out = sum[1] > 0 ? static_cast<T>(sum[0] / sum[1]) : longwave::detail::not_a_number<T>;
  }
};

template <class T>
unsigned score_grid(TensorView<T, 3, Cuda> x, const LineCut& cut) {
  const index_t blocks = (x.size(0) * x.size(2) + cut.width - 1) / cut.width;
  if (blocks > 0x7fffffff || x.size(1) > 0x3fffffff || x.stride(1) > 0x7fffffff || x.stride(1) < -0x7fffffff)
    throw_shape_error("cross_entropy: scores " + to_string(x.sizes(), "BKL") + " are more than one launch takes");
  return static_cast<unsigned>(blocks);
}

template <class T>
bool scores_across(TensorView<T, 3, Cuda> x) {
  return x.size(2) > 1 && x.stride(2) < x.stride(1);
}

}  // namespace detail

template <class T, class I>
void cross_entropy_forward(TensorView<T, 2, Cuda> each, TensorView<T, 2, Cuda> weight, TensorView<T, 3, Cuda> stats,
                           TensorView<const T, 3, Cuda> x, const Targets<T, I>& targets) {
  if (each.count() == 0) return;
  const bool across = detail::scores_across(x);
  const detail::LineCut cut = detail::line_cut<T>(x.size(1), across);
  const auto kernel = cut.few ? detail::cross_entropy_kernel<detail::few_items, T, I>
                              : detail::cross_entropy_kernel<detail::many_items<T>, T, I>;
  kernel<<<detail::score_grid(x, cut), cut.threads(), detail::line_room(cut, 3), stream_handle()>>>(
      each, weight, stats, x, targets, across, cut.width);
  check_launch("cross_entropy");
}

template <class T, class I>
void cross_entropy_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 2, Cuda> dy,
                            TensorView<const T, 0, Cuda> total, TensorView<const T, 3, Cuda> stats,
                            TensorView<const T, 3, Cuda> x, const Targets<T, I>& targets) {
  if (x.count() == 0) return;
  const bool across = detail::scores_across(x);
  const detail::LineCut cut = detail::line_cut<T>(x.size(1), across);
  detail::cross_entropy_backward_kernel<<<detail::score_grid(x, cut), cut.threads(), 0, stream_handle()>>>(
      dx, dy, total.data(), stats, x, targets, across, cut.width);
  check_launch("cross_entropy");
}

template <class T, class I>
void target_weights(TensorView<T, 2, Cuda> weight, const Targets<T, I>& targets) {
  for_each_index("cross_entropy", weight.count(), detail::TargetWeights<T, I>{weight, targets});
}

template <class T>
void cross_entropy_mean(TensorView<T, 0, Cuda> y, TensorView<const T, 2, Cuda> each,
                        TensorView<const T, 2, Cuda> weight) {
  detail::sums<2>("cross_entropy", SumPlan<T, 2>(TensorView<T, 2, Cuda>(y.data(), {1, 1}), 1, each, weight),
                  detail::LossAndWeight<T>(), detail::StoreMean<T>());
}

}  // namespace longwave::cuda
