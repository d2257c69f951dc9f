// reduce.cuh - logsumexp, softmax, log_softmax along one axis on the device, for ops/reduce.hpp.
// Bytes per element: forward 2 sizeof(T) (logsumexp 1), backward 3 sizeof(T): each line is kept in registers. Lines of
// more than 8192 floats (across: 1024) are read up to three times, the later times from the cache.
#pragma once

#include "kernels/lines.cuh"
#include "kernels/map.cuh"
#include "longwave/ops/reduce.hpp"

namespace longwave::cuda {

namespace detail {

template <int I, class T>
__global__ void __launch_bounds__(line_threads)
    softmax_kernel(const __grid_constant__ Lines<T, 2> s, int width, SoftmaxKind kind) {
  extern __shared__ double room[];  // (2, threads)
  constexpr T lowest = longwave::detail::lowest<T>;
  const LinePlace at(s.across, width);
  const Fold turns = fold_turns(s.across, width);
  const index_t line = blockIdx.x * index_t(width) + at.lane;
  const int end = line < s.count ? static_cast<int>(s.length) : 0;
  index_t offset[2];
  plan_offsets(offset, s.plan, s.plan.rank, line < s.count ? line : 0);
  const LineOf<T> y(s.data[0], offset[0], s.step[0]);
  const LineOf<const T> x(s.data[1], offset[1], s.step[1]);

  T v[I], top = lowest;
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    v[i] = k < end ? x[k] : lowest;
  }
#pragma unroll
  for (int i = 0; i < I; ++i) top = v[i] > top ? v[i] : top;
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) top = x[k] > top ? x[k] : top;
  double largest[1] = {static_cast<double>(top)};
  fold(largest, turns, room, Larger());
  top = static_cast<T>(largest[0]);
  if (!(top - top == T(0))) top = T(0);  // an infinite one is not subtracted

  double sum[1] = {};
#pragma unroll
  for (int i = 0; i < I; ++i) {  // lowest, beyond the end, adds 0
    const T share = math::exp(v[i] - top);
    sum[0] += static_cast<double>(share);
    if (kind == SoftmaxKind::softmax) v[i] = share;
  }
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) sum[0] += static_cast<double>(math::exp(x[k] - top));
  fold(sum, turns, room + blockDim.x, Add());
  const T total = static_cast<T>(sum[0]);

  if (kind == SoftmaxKind::logsumexp) {
    if (line < s.count && at.turn == 0) y[0] = top + math::log(total);
    return;
  }
  const bool log = kind == SoftmaxKind::log_softmax;
  const T log_total = log ? math::log(total) : T(0);
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    if (k < end) y[k] = log ? v[i] - top - log_total : v[i] / total;
  }
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) {
    const T value = x[k] - top;
    y[k] = log ? value - log_total : math::exp(value) / total;
  }
}

// dx = y (dy - sum dy y), or dy - e^y sum dy.
template <int I, class T>
__global__ void __launch_bounds__(line_threads)
    softmax_backward_kernel(const __grid_constant__ Lines<T, 3> s, int width, bool log) {
  extern __shared__ double room[];  // (1, threads)
  const LinePlace at(s.across, width);
  const index_t line = blockIdx.x * index_t(width) + at.lane;
  const int end = line < s.count ? static_cast<int>(s.length) : 0;
  index_t offset[3];
  plan_offsets(offset, s.plan, s.plan.rank, line < s.count ? line : 0);
  const LineOf<T> dx(s.data[0], offset[0], s.step[0]);
  const LineOf<const T> dy(s.data[1], offset[1], s.step[1]), y(s.data[2], offset[2], s.step[2]);
  const auto term = [log](T in, T out) { return static_cast<double>(log ? in : in * out); };
  const auto slope = [log](T in, T out, T total) { return log ? in - math::exp(out) * total : out * (in - total); };

  T in[I], out[I];
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    in[i] = k < end ? dy[k] : T(0);
    out[i] = k < end ? y[k] : T(0);
  }
  double sum[1] = {};
#pragma unroll
  for (int i = 0; i < I; ++i) sum[0] += term(in[i], out[i]);
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) sum[0] += term(dy[k], y[k]);
  fold(sum, fold_turns(s.across, width), room, Add());
  const T total = static_cast<T>(sum[0]);
#pragma unroll
  for (int i = 0; i < I; ++i) {
    const int k = at.turn + i * at.turns;
    if (k < end) dx[k] = slope(in[i], out[i], total);
  }
  for (int k = at.turn + I * at.turns; k < end; k += at.turns) dx[k] = slope(dy[k], y[k], total);
}

}  // namespace detail

template <class T>
void softmax_forward(const Lines<T, 2>& lines, SoftmaxKind kind) {
  if (lines.count == 0) return;
  const detail::LineCut cut = detail::line_cut<T>(lines.length, lines.across);
  const auto kernel =
      cut.few ? detail::softmax_kernel<detail::few_items, T> : detail::softmax_kernel<detail::many_items<T>, T>;
  kernel<<<detail::line_grid("softmax", lines, cut), cut.threads(), detail::line_room(cut, 2), stream_handle()>>>(
      lines, cut.width, kind);
  check_launch("softmax");
}

template <class T>
void softmax_backward(const Lines<T, 3>& lines, bool log) {
  if (lines.count == 0) return;
  const detail::LineCut cut = detail::line_cut<T>(lines.length, lines.across);
  const auto kernel = cut.few ? detail::softmax_backward_kernel<detail::few_items, T>
                              : detail::softmax_backward_kernel<detail::many_items<T>, T>;
  kernel<<<detail::line_grid("softmax", lines, cut), cut.threads(), detail::line_room(cut, 1), stream_handle()>>>(
      lines, cut.width, log);
  check_launch("softmax");
}

}  // namespace longwave::cuda
