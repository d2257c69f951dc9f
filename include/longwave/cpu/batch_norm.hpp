// batch_norm.hpp - batch normalisation on the CPU, behind ops/norm.hpp. One channel is one piece of work.
//
// Sums run in T along rows of at most 4096 and in double over rows; the variance is taken around a first estimate of
// the mean and corrected for its error.
#pragma once

#include <algorithm>
#include <cmath>

#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cpu/lane_sum.hpp"

namespace longwave::impl {

// One channel of (B, H, L): B rows of L. (B, H) counts as one row of B.
template <class T>
struct Channel {
  T* data;
  index_t rows, length, row_step, step;

  T* row(index_t b) const { return data + b * row_step; }
};

template <class T, int N>
Channel<T> channel(TensorView<T, N, Host> x, index_t h) {
  if (x.data() == nullptr) return {};
  T* data = x.data() + h * x.stride(1);
  if constexpr (N == 2)
    return {data, 1, x.size(0), 0, x.stride(0)};
  else
    return {data, x.size(0), x.size(2), x.stride(0), x.stride(2)};
}

// Sum of f(row, i) over the channel; i is the offset from the row's start.
template <class T, class F>
double channel_sum(const Channel<const T>& c, F&& f) {
  constexpr index_t piece = 4096;
  double sum = 0;
  for (index_t b = 0; b < c.rows; ++b)
    for (index_t l = 0; l < c.length; l += piece) {
      const index_t n = std::min(piece, c.length - l);
      sum += static_cast<double>(lane_sum<T>(n, [&](index_t i) { return f(b, l + i); }));
    }
  return sum;
}

// Element i of the rows of two channels that differ in strides only.
template <class T, class F>
void channel_map(const Channel<T>& y, const Channel<const T>& x, F&& f) {
  for (index_t b = 0; b < x.rows; ++b) {
    const T* __restrict in = x.row(b);
    T* __restrict out = y.row(b);
    if (x.step == 1 && y.step == 1)
      for (index_t i = 0; i < x.length; ++i) out[i] = f(in[i], b, i);
    else
      for (index_t i = 0; i < x.length; ++i) out[i * y.step] = f(in[i * x.step], b, i);
  }
}

template <class T>
void add_one(TensorView<T, 0, Host> count) {
  count() += 1;
}

struct BatchNormNumbers {
  bool training;
  double momentum, eps;
};

template <class T, int N>
void batch_norm_forward(TensorView<T, N, Host> y, Out<T, 1> mean, Out<T, 1> rstd, Out<T, 1> running_mean,
                        Out<T, 1> running_var, In<T, N> x, In<T, 1> weight, In<T, 1> bias, BatchNormNumbers numbers) {
  parallel_for(
      x.size(1),
      [&](index_t h) {
        const Channel<const T> in = channel(x, h);
        const double n = static_cast<double>(in.rows * in.length);
        T center, shift = 0;
        double variance;
        if (numbers.training) {
          const T* p = in.data;
          center = static_cast<T>(
              channel_sum(in, [&](index_t b, index_t i) { return p[b * in.row_step + i * in.step]; }) / n);
          auto d = [&](index_t b, index_t i) { return p[b * in.row_step + i * in.step] - center; };
          const double error = channel_sum(in, d) / n;
          const double squares = channel_sum(in, [&](index_t b, index_t i) { return d(b, i) * d(b, i); }) / n;
          shift = static_cast<T>(error);
          variance = std::max(squares - error * error, 0.0);
          if (wanted(running_mean)) {
            const double m = numbers.momentum;
            const double value = static_cast<double>(center) + error;
            running_mean(h) = static_cast<T>((1 - m) * static_cast<double>(running_mean(h)) + m * value);
            running_var(h) = static_cast<T>((1 - m) * static_cast<double>(running_var(h)) + m * variance * n / (n - 1));
          }
        } else {
          center = running_mean(h);
          variance = static_cast<double>(running_var(h));
        }
        const T scale = static_cast<T>(1 / std::sqrt(variance + numbers.eps));
        if (wanted(mean)) mean(h) = center + shift;
        if (wanted(rstd)) rstd(h) = scale;
        const T a = weight.data() != nullptr ? scale * weight(h) : scale, c = bias.data() != nullptr ? bias(h) : T(0);
        channel_map(channel(y, h), in, [=](T v, index_t, index_t) { return (v - center - shift) * a + c; });
      },
      4 * x.count());
}

template <class T, int N>
void batch_norm_backward(TensorView<const T, N, Host> dy, Out<T, N> dx, Out<T, 1> dweight, Out<T, 1> dbias,
                         In<T, 1> mean, In<T, 1> rstd, In<T, N> x, In<T, 1> weight, bool training) {
  parallel_for(
      x.size(1),
      [&](index_t h) {
        const Channel<const T> in = channel(x, h), up = channel(dy, h);
        const T m = mean(h), r = rstd(h);
        const double n = static_cast<double>(in.rows * in.length);
        const T *p = in.data, *q = up.data;
        double s1 = 0, s2 = 0;
        if (training || wanted(dweight) || wanted(dbias)) {
          s1 = channel_sum(up, [&](index_t b, index_t i) { return q[b * up.row_step + i * up.step]; });
          s2 = channel_sum(up, [&](index_t b, index_t i) {
            return q[b * up.row_step + i * up.step] * ((p[b * in.row_step + i * in.step] - m) * r);
          });
        }
        if (wanted(dweight)) dweight(h) += static_cast<T>(s2);
        if (wanted(dbias)) dbias(h) += static_cast<T>(s1);
        if (!wanted(dx)) return;
        const T a = weight.data() != nullptr ? r * weight(h) : r;
        const Channel<T> out = channel(dx, h);
        if (!training) return channel_map(out, up, [=](T g, index_t, index_t) { return g * a; });
        const T mean1 = static_cast<T>(s1 / n), mean2 = static_cast<T>(s2 / n);
        if (in.step == 1)
          channel_map(out, up, [=](T g, index_t b, index_t i) {
            return a * (g - mean1 - (p[b * in.row_step + i] - m) * r * mean2);
          });
        else
          channel_map(out, up, [=](T g, index_t b, index_t i) {
            return a * (g - mean1 - (p[b * in.row_step + i * in.step] - m) * r * mean2);
          });
      },
      4 * x.count());
}

}  // namespace longwave::impl
