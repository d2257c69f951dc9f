// batch_norm.cuh - batch normalisation on the device, for ops/norm.hpp: x (B, H, L), one channel h is one kept element
// of a sum over B and L, whose last thread also turns the sums into what the writing pass needs. Bytes per element:
// forward 3 sizeof(T), backward 5 sizeof(T); without training forward 2, backward 4.
//
// Sums are taken around the channel's first element in double, so that a mean far from zero costs no digits.
#pragma once

#include "kernels/each.cuh"
#include "kernels/sum.cuh"
#include "longwave/ops/norm.hpp"

namespace longwave::cuda {

namespace detail {

template <class T>
struct DeviationTerms {
  __device__ Several<2> operator()(T x, T first) const {
    const double d = static_cast<double>(x) - static_cast<double>(first);
    return {{d, d * d}};
  }
};

// What the writing pass reads per channel: y = (x - center - shift) scale + bias.
template <class T>
struct ChannelForward {
  T *center, *shift, *scale, *bias;
};

template <class T>
struct FinishStatistics {
  static constexpr const char* name = "batch_norm";
  BatchStatistics<T> to;
  ChannelForward<T> channel;
  TensorView<const T, 1, Cuda> weight, bias;
  const T* first;  // of channel h: first[h * step]
  index_t step;
  double count, momentum, eps;

  __device__ void write(index_t h, double mean, double variance) const {
    const T rstd = static_cast<T>(1 / sqrt(variance + eps)), center = static_cast<T>(mean);
    if (to.mean.data() != nullptr) to.mean(h) = center;
    if (to.rstd.data() != nullptr) to.rstd(h) = rstd;
    channel.center[h] = center;
    channel.shift[h] = static_cast<T>(mean - static_cast<double>(center));
    channel.scale[h] = weight.data() != nullptr ? rstd * weight(h) : rstd;
    channel.bias[h] = bias.data() != nullptr ? bias(h) : T(0);
  }
  // From the batch.
  template <int K>
  __device__ void operator()(const SumPlan<T, K>&, index_t h, const double (&sum)[2]) const {
    const double offset = sum[0] / count, variance = fmax(sum[1] / count - offset * offset, 0.0);
    const double mean = static_cast<double>(first[h * step]) + offset;
    if (to.running_mean.data() != nullptr) {
      const double m = momentum;
      to.running_mean(h) = static_cast<T>((1 - m) * static_cast<double>(to.running_mean(h)) + m * mean);
      to.running_var(h) =
          static_cast<T>((1 - m) * static_cast<double>(to.running_var(h)) + m * variance * count / (count - 1));
    }
    write(h, mean, variance);
  }
  // From the running statistics.
  __device__ void operator()(index_t h) const {
    write(h, static_cast<double>(to.running_mean(h)), static_cast<double>(to.running_var(h)));
  }
};

// What map_channels applies: of(h) loads the numbers of channel h.
template <class T>
struct BatchNormValue {
  static constexpr int inputs = 1;
  ChannelForward<T> channel;
  struct OfChannel {
    T center, shift, scale, bias;
    __device__ T operator()(const T (&x)[1]) const { return (x[0] - center - shift) * scale + bias; }
  };
  __device__ OfChannel of(index_t h) const {
    return {channel.center[h], channel.shift[h], channel.scale[h], channel.bias[h]};
  }
};

template <class T>
struct ChannelTerms {
  __device__ Several<2> operator()(T dy, T x, T mean, T rstd) const {
    return {{static_cast<double>(dy), static_cast<double>(dy * ((x - mean) * rstd))}};
  }
};

// dx = scale (dy - mean_dy - (x - mean) slope)
template <class T>
struct FinishGradients {
  T *dweight, *dbias;
  index_t dweight_step, dbias_step;
  T *scale, *mean_dy, *slope;
  TensorView<const T, 1, Cuda> rstd, weight;
  double count;
  bool training;

  template <int K>
  __device__ void operator()(const SumPlan<T, K>&, index_t h, const double (&sum)[2]) const {
    if (dweight != nullptr) dweight[h * dweight_step] += static_cast<T>(sum[1]);
    if (dbias != nullptr) dbias[h * dbias_step] += static_cast<T>(sum[0]);
    const T r = rstd(h);
    scale[h] = weight.data() != nullptr ? r * weight(h) : r;
    mean_dy[h] = training ? static_cast<T>(sum[0] / count) : T(0);
    slope[h] = training ? r * static_cast<T>(sum[1] / count) : T(0);
  }
};

template <class T>
struct BatchNormSlope {
  static constexpr int inputs = 2;  // dy, x
  const T *scale, *mean_dy, *slope;
  TensorView<const T, 1, Cuda> mean;
  struct OfChannel {
    T scale, mean_dy, slope, mean;
    __device__ T operator()(const T (&at)[2]) const { return scale * (at[0] - mean_dy - (at[1] - mean) * slope); }
  };
  __device__ OfChannel of(index_t h) const { return {scale[h], mean_dy[h], slope[h], mean(h)}; }
};

inline constexpr int channel_threads = 256, channel_items = 8;

// y = f of channel h (a, b) for part of one row (b, h) per block, or for neighbours of any channels: short rows.
template <bool rows, class F, class T>
__global__ void __launch_bounds__(channel_threads)
    channel_kernel(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b,
                   index_t pieces, F f) {
  const index_t H = y.size(1), L = y.size(2);
  if constexpr (rows) {
    const index_t row = blockIdx.x / pieces, begin = (blockIdx.x - row * pieces) * (channel_threads * channel_items);
    const index_t batch = row / H, h = row - batch * H;
    const auto value = f.of(h);
    const T* from_a = a.data() + batch * a.stride(0) + h * a.stride(1);
    const T* from_b = b.data() + batch * b.stride(0) + h * b.stride(1);
    T in[channel_items][F::inputs];
#pragma unroll
    for (int i = 0; i < channel_items; ++i) {
      const index_t l = begin + i * channel_threads + threadIdx.x;
      if (l < L) in[i][0] = from_a[l * a.stride(2)];
      if constexpr (F::inputs == 2)
        if (l < L) in[i][1] = from_b[l * b.stride(2)];
    }
#pragma unroll
    for (int i = 0; i < channel_items; ++i) {
      const index_t l = begin + i * channel_threads + threadIdx.x;
      if (l < L) y(batch, h, l) = value(in[i]);
    }
  } else {
    const index_t i = blockIdx.x * index_t(channel_threads) + threadIdx.x;
    if (i >= y.count()) return;
    const index_t row = i / L, l = i - row * L, batch = row / H, h = row - batch * H;
    T in[F::inputs];
    in[0] = a(batch, h, l);
    if constexpr (F::inputs == 2) in[1] = b(batch, h, l);
    y(batch, h, l) = f.of(h)(in);
  }
}

template <class F, class T>
void map_channels(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> a, TensorView<const T, 3, Cuda> b, F f) {
  const index_t rows = y.size(0) * y.size(1), piece = channel_threads * channel_items;
  const index_t pieces = (y.size(2) + piece - 1) / piece;
  if (y.size(2) >= channel_threads)
    channel_kernel<true><<<blocks_for(rows * pieces, 1), channel_threads, 0, stream_handle()>>>(y, a, b, pieces, f);
  else
    channel_kernel<false>
        <<<blocks_for(y.count(), channel_threads), channel_threads, 0, stream_handle()>>>(y, a, b, pieces, f);
  check_launch("batch_norm");
}

template <class T>
struct AddOne {
  TensorView<T, 0, Cuda> count;
  __device__ void operator()(index_t) const { count() += T(1); }
};

// A number per channel over (B, H, L).
template <class T>
TensorView<const T, 3, Cuda> per_channel(const T* data, const Extents<3>& sizes, index_t step = 1) {
  return {data, sizes, {0, step, 0}};
}

}  // namespace detail

template <class T>
void batch_norm_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x, const BatchStatistics<T>& statistics,
                        TensorView<const T, 1, Cuda> weight, TensorView<const T, 1, Cuda> bias, bool training,
                        double momentum, double eps) {
  const index_t H = x.size(1);
  ScratchOn<Cuda> scratch;
  const detail::ChannelForward<T> channel{scratch.take<T>(H), scratch.take<T>(H), scratch.take<T>(H),
                                          scratch.take<T>(H)};
  const detail::FinishStatistics<T> finish{
      statistics, channel, weight, bias, x.data(), x.stride(1), static_cast<double>(x.size(0) * x.size(2)),
      momentum,   eps};
  if (training) {
    const TensorView<T, 3, Cuda> kept(nullptr, {1, H, 1});
    detail::sums<2>("batch_norm", SumPlan<T, 2>(kept, 1, x, detail::per_channel(x.data(), x.sizes(), x.stride(1))),
                    detail::DeviationTerms<T>(), finish);
  } else {
    for_each_index("batch_norm", H, finish);
  }
  detail::map_channels(y, x, x, detail::BatchNormValue<T>{channel});
}

template <class T>
void batch_norm_backward(TensorView<const T, 3, Cuda> dy, TensorView<T, 3, Cuda> dx, TensorView<T, 1, Cuda> dweight,
                         TensorView<T, 1, Cuda> dbias, TensorView<const T, 1, Cuda> mean,
                         TensorView<const T, 1, Cuda> rstd, TensorView<const T, 3, Cuda> x,
                         TensorView<const T, 1, Cuda> weight, bool training) {
  const index_t H = x.size(1);
  ScratchOn<Cuda> scratch;
  T *scale = scratch.take<T>(H), *mean_dy = scratch.take<T>(H), *slope = scratch.take<T>(H);
  const detail::FinishGradients<T> finish{dweight.data(),
                                          dbias.data(),
                                          dweight.stride(0),
                                          dbias.stride(0),
                                          scale,
                                          mean_dy,
                                          slope,
                                          rstd,
                                          weight,
                                          static_cast<double>(x.size(0) * x.size(2)),
                                          training};
  const TensorView<T, 3, Cuda> kept(nullptr, {1, H, 1});
  const auto mean_over = detail::per_channel(mean.data(), x.sizes(), mean.stride(0));
  detail::sums<2>("batch_norm",
                  SumPlan<T, 4>(kept, 1, dy, x, mean_over, detail::per_channel(rstd.data(), x.sizes(), rstd.stride(0))),
                  detail::ChannelTerms<T>(), finish);
  if (!wanted(dx)) return;
  detail::map_channels(dx, dy, x, detail::BatchNormSlope<T>{scale, mean_dy, slope, mean});
}

template <class T>
void add_one(TensorView<T, 0, Cuda> count) {
  for_each_index("add_one", 1, detail::AddOne<T>{count});
}

}  // namespace longwave::cuda
