// step.cuh - one sample of many streams through the position-wise layers (longwave/cuda/step.hpp).
//
// For few streams: a launch costs more than its arithmetic, so each is one kernel with its activation. Rows of y and x
// have unit stride. Sums in an order of the sizes alone.
#pragma once

#include "kernels/each.cuh"
#include "kernels/step_modes.cuh"

namespace longwave::cuda {

namespace detail {

inline constexpr int row_warps = 8;

__device__ inline index_t quotient(index_t i, index_t n) {
  return i >> 31 == 0 ? index_t(static_cast<unsigned>(i) / static_cast<unsigned>(n)) : i / n;
}

template <class T>
__device__ T warp_sum(T x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

// Lanes over outputs, warps over inputs, `rows` streams per block; for glu each thread has its output's gate as well.
template <class T, int rows, bool glu>
__global__ void __launch_bounds__(step_lanes* step_parts)
    linear_step_kernel(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                       TensorView<const T, 1, Cuda> bias, Activation activation, unsigned output_blocks) {
  constexpr int halves = glu ? 2 : 1;
  __shared__ T part[step_parts][rows][halves][step_lanes];
  const index_t I = W.size(0), O = y.size(1), width = W.size(1);
  const index_t o = blockIdx.x % output_blocks * index_t(step_lanes) + threadIdx.x;
  const index_t first = blockIdx.x / output_blocks * index_t(rows);
  const index_t left = y.size(0) - first;
  T sum[rows][halves] = {};
  if (o < O) {
#pragma unroll 4
    for (index_t i = threadIdx.y; i < I; i += step_parts) {
      T w[halves];
#pragma unroll
      for (int k = 0; k < halves; ++k) w[k] = W.data()[i * width + o + k * O];
#pragma unroll
      for (int r = 0; r < rows; ++r) {
        const T in = r < left ? x.data()[(first + r) * x.stride(0) + i] : T(0);
#pragma unroll
        for (int k = 0; k < halves; ++k) sum[r][k] += w[k] * in;
      }
    }
  }
#pragma unroll
  for (int r = 0; r < rows; ++r)
#pragma unroll
    for (int k = 0; k < halves; ++k) part[threadIdx.y][r][k][threadIdx.x] = sum[r][k];
  __syncthreads();
  const int r = threadIdx.y;
  if (r >= rows || r >= left || o >= O) return;
  T total[halves];
  for (int k = 0; k < halves; ++k) {
    total[k] = bias.data()[o + k * O];
    for (int i = 0; i < step_parts; ++i) total[k] += part[i][r][k][threadIdx.x];
  }
  y.data()[(first + r) * y.stride(0) + o] =
      glu ? total[0] * SigmoidRule().value(total[halves - 1]) : activated(total[0], activation);
}

template <class T, int rows, bool glu>
void launch_linear_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                        TensorView<const T, 1, Cuda> bias, Activation activation) {
  const unsigned output_blocks = blocks_for(y.size(1), step_lanes);
  const unsigned blocks = blocks_for((y.size(0) + rows - 1) / rows * output_blocks, 1);
  linear_step_kernel<T, rows, glu>
      <<<blocks, dim3(step_lanes, step_parts), 0, stream_handle()>>>(y, x, W, bias, activation, output_blocks);
  check_launch("linear_step");
}

template <class T>
struct BiasStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> x;
  const T* bias;
  Activation activation;

  __device__ T at(index_t b, index_t o) const {
    return x.data()[b * x.stride(0) + o] + (bias != nullptr ? bias[o] : T(0));
  }
  __device__ void operator()(index_t i) const {
    const index_t O = y.size(1), b = quotient(i, O), o = i - b * O;
    T& to = y.data()[b * y.stride(0) + o];
    to = activation == Activation::glu ? at(b, o) * SigmoidRule().value(at(b, o + O)) : activated(at(b, o), activation);
  }
};

template <class T>
struct ProductStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> a, b;
  Activation activation;

  __device__ void operator()(index_t i) const {
    const index_t n = y.size(1), row = quotient(i, n), k = i - row * n;
    y.data()[row * y.stride(0) + k] =
        a.data()[row * a.stride(0) + k] * activated(b.data()[row * b.stride(0) + k], activation);
  }
};

template <class T>
struct ResidualStep {
  TensorView<T, 2, Cuda> z;
  TensorView<const T, 2, Cuda> x, y;
  T a, b;
  TensorView<const T, 1, Cuda> c;

  __device__ void operator()(index_t i) const {
    const index_t H = z.size(1), row = quotient(i, H), h = i - row * H;
    T sum = b * y.data()[row * y.stride(0) + h];
    if (c.size(0) > 0) sum *= c.data()[c.size(0) == 1 ? 0 : h];
    if (a != T(0)) sum += a * x.data()[row * x.stride(0) + h];
    z.data()[row * z.stride(0) + h] = sum;
  }
};

template <class T>
struct HighwayStep {
  TensorView<T, 2, Cuda> z;
  TensorView<const T, 2, Cuda> x, gate, v;
  T k;

  __device__ void operator()(index_t i) const {
    const index_t H = z.size(1), row = quotient(i, H), h = i - row * H;
    const T in = v.data()[row * v.stride(0) + h];
    const T r = SigmoidRule().value(gate.data()[row * gate.stride(0) + h] + in);
    z.data()[row * z.stride(0) + h] = k * (T(1) - r) * x.data()[row * x.stride(0) + h] + r * in;
  }
};

template <class T>
struct BatchNormStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> x;
  const T *mean, *var, *w, *b;
  T eps;

  __device__ void operator()(index_t i) const {
    const index_t H = y.size(1), row = quotient(i, H), h = i - row * H;
    y.data()[row * y.stride(0) + h] = (x.data()[row * x.stride(0) + h] - mean[h]) / sqrt(var[h] + eps) * w[h] + b[h];
  }
};

template <class T>
struct SwapChannelsStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> x;
  index_t C, H;

  __device__ void operator()(index_t i) const {
    const index_t row = quotient(i, C * H), k = i - row * C * H, h = quotient(k, C), c = k - h * C;
    y.data()[row * y.stride(0) + k] = x.data()[row * x.stride(0) + c * H + h];
  }
};

template <class T>
struct CountStep {
  index_t* samples;
  __device__ void operator()(index_t) const { ++*samples; }
};

template <class T>
struct PoolStep {
  TensorView<T, 2, Cuda> seen, now;
  TensorView<const T, 2, Cuda> x;
  const index_t* samples;
  StepPool pool;

  __device__ void operator()(index_t i) const {
    const index_t H = seen.size(1), b = quotient(i, H), h = i - b * H;
    const T in = x.data()[b * x.stride(0) + h];
    T& sum = seen.data()[b * seen.stride(0) + h];
    if (pool == StepPool::last || (pool == StepPool::first && *samples == 1))
      sum = in;
    else if (pool != StepPool::first)
      sum += in;
    now.data()[b * now.stride(0) + h] = pool == StepPool::mean ? sum * (T(1) / static_cast<T>(*samples)) : sum;
  }
};

// For short rows: each output is summed by one thread.
template <class T>
struct AffineStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> x, W;
  const T* b;

  __device__ void operator()(index_t i) const {
    const index_t O = y.size(1), I = W.size(1), row = quotient(i, O), o = i - row * O;
    T sum = b != nullptr ? b[o] : T(0);
    for (index_t k = 0; k < I; ++k) sum += W.data()[o * I + k] * x.data()[row * x.stride(0) + k];
    y.data()[row * y.stride(0) + o] = sum;
  }
};

// A warp per output.
template <class T>
__global__ void __launch_bounds__(row_warps * 32)
    affine_step_kernel(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                       const T* b) {
  const index_t O = y.size(1), I = W.size(1), i = blockIdx.x * index_t(row_warps) + threadIdx.y;
  if (i >= y.size(0) * O) return;
  const index_t row = quotient(i, O), o = i - row * O;
  T sum = 0;
  for (index_t k = threadIdx.x; k < I; k += 32) sum += W.data()[o * I + k] * x.data()[row * x.stride(0) + k];
  sum = warp_sum(sum);
  if (threadIdx.x == 0) y.data()[row * y.stride(0) + o] = sum + (b != nullptr ? b[o] : T(0));
}

// A warp per stream. scalar: w and b are s and m, y = s (x - mean + m) / deviation.
template <class T>
struct NormStep {
  TensorView<T, 2, Cuda> y;
  TensorView<const T, 2, Cuda> x, add;
  const T *w, *b;
  T eps;
  bool scalar;
};

template <class T>
__global__ void __launch_bounds__(row_warps * 32) norm_step_kernel(const __grid_constant__ NormStep<T> p) {
  const index_t row = blockIdx.x * index_t(row_warps) + threadIdx.y, H = p.x.size(1);
  if (row >= p.x.size(0)) return;
  const T* x = p.x.data() + row * p.x.stride(0);
  const T* add = p.add.data() != nullptr ? p.add.data() + row * p.add.stride(0) : nullptr;
  const auto at = [=](index_t h) { return add != nullptr ? x[h] + add[h] : x[h]; };
  T sum = 0, square = 0;
  for (index_t h = threadIdx.x; h < H; h += 32) sum += at(h);
  const T mean = warp_sum(sum) / static_cast<T>(H);
  for (index_t h = threadIdx.x; h < H; h += 32) square += (at(h) - mean) * (at(h) - mean);
  const T rstd = T(1) / sqrt(warp_sum(square) / static_cast<T>(H) + p.eps);
  for (index_t h = threadIdx.x; h < H; h += 32) {
    T& to = p.y.data()[row * p.y.stride(0) + h];
    if (p.scalar)
      to = (at(h) - mean + *p.b) * (*p.w * rstd);
    else
      to = (at(h) - mean) * rstd * (p.w != nullptr ? p.w[h] : T(1)) + (p.b != nullptr ? p.b[h] : T(0));
  }
}

template <class T>
void launch_norm_step(const NormStep<T>& p) {
  if (p.y.empty()) return;
  norm_step_kernel<<<blocks_for(p.x.size(0), row_warps), dim3(32, row_warps), 0, stream_handle()>>>(p);
  check_launch("norm_step");
}

}  // namespace detail

template <class T>
void linear_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                 TensorView<const T, 1, Cuda> bias, Activation activation) {
  if (y.empty()) return;
  const bool glu = activation == Activation::glu, many = y.size(0) > 1;
  if (glu)
    many ? detail::launch_linear_step<T, 4, true>(y, x, W, bias, activation)
         : detail::launch_linear_step<T, 1, true>(y, x, W, bias, activation);
  else
    many ? detail::launch_linear_step<T, 4, false>(y, x, W, bias, activation)
         : detail::launch_linear_step<T, 1, false>(y, x, W, bias, activation);
}

template <class T>
void bias_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> bias,
               Activation activation) {
  for_each_index("bias_step", y.count(), detail::BiasStep<T>{y, x, bias.data(), activation});
}

template <class T>
void product_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> a, TensorView<const T, 2, Cuda> b,
                  Activation activation) {
  for_each_index("product_step", y.count(), detail::ProductStep<T>{y, a, b, activation});
}

template <class T>
void affine_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                 TensorView<const T, 1, Cuda> b) {
  if (y.empty()) return;
  if (W.size(1) <= 8) return for_each_index("affine_step", y.count(), detail::AffineStep<T>{y, x, W, b.data()});
  const unsigned blocks = detail::blocks_for(y.count(), detail::row_warps);
  detail::affine_step_kernel<<<blocks, dim3(32, detail::row_warps), 0, stream_handle()>>>(y, x, W, b.data());
  check_launch("affine_step");
}

template <class T>
void layer_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> add,
                     TensorView<const T, 1, Cuda> w, TensorView<const T, 1, Cuda> b, double eps) {
  detail::launch_norm_step(detail::NormStep<T>{y, x, add, w.data(), b.data(), static_cast<T>(eps), false});
}

template <class T>
void scalar_layer_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> s,
                            TensorView<const T, 1, Cuda> m, double eps) {
  detail::launch_norm_step(detail::NormStep<T>{y, x, {}, s.data(), m.data(), static_cast<T>(eps), true});
}

template <class T>
void residual_step(TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y, double a,
                   double b, TensorView<const T, 1, Cuda> c) {
  for_each_index("residual_step", z.count(), detail::ResidualStep<T>{z, x, y, static_cast<T>(a), static_cast<T>(b), c});
}

template <class T>
void highway_step(TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> gate,
                  TensorView<const T, 2, Cuda> v, double k) {
  for_each_index("highway_step", z.count(), detail::HighwayStep<T>{z, x, gate, v, static_cast<T>(k)});
}

template <class T>
void batch_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> mean,
                     TensorView<const T, 1, Cuda> var, TensorView<const T, 1, Cuda> w, TensorView<const T, 1, Cuda> b,
                     double eps) {
  for_each_index("batch_norm_step", y.count(),
                 detail::BatchNormStep<T>{y, x, mean.data(), var.data(), w.data(), b.data(), static_cast<T>(eps)});
}

template <class T>
void swap_channels_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, index_t C) {
  for_each_index("swap_channels_step", y.count(), detail::SwapChannelsStep<T>{y, x, C, y.size(1) / C});
}

template <class T>
void pool_step(TensorView<T, 2, Cuda> seen, TensorView<T, 2, Cuda> now, TensorView<const T, 2, Cuda> x,
               TensorView<index_t, 1, Cuda> samples, StepPool pool) {
  for_each_index("count_step", 1, detail::CountStep<T>{samples.data()});
  for_each_index("pool_step", seen.count(), detail::PoolStep<T>{seen, now, x, samples.data(), pool});
}

}  // namespace longwave::cuda
