// step.hpp - one sample of many streams on the device: what state_space/step.hpp, nn/ssm_step.hpp and nn/step_ops.hpp
// call. Rows are streams; every operand has unit stride in its last axis. Nothing here waits for the device or
// allocates after the first call, so a step can be captured into a graph.
#pragma once

#include "longwave/core/view.hpp"

namespace longwave {

enum class Activation;  // ops/activation.hpp

// What a stream's prediction is made of after every sample.
enum class StepPool { last, first, mean, sum };

namespace cuda {

// Above so many streams a wide product is cuBLAS's and what follows it a kernel of its own.
inline constexpr index_t fused_linear_streams = 64;

// s' = a s + b u - sum_r G_r rho_r,  rho_r = w_r . s;   y_c = act(c_c . s' + D_c u), planes and dots as in step.hpp.
// Without b every weight is 1; without G and w the system is diagonal.
template <class T>
struct ModesStep {
  TensorView<T, 3, Cuda> y;        // (B, C, H)
  TensorView<T, 4, Cuda> state;    // (B, 2, N, H), dense
  TensorView<const T, 2, Cuda> u;  // (B, H)
  TensorView<const T, 3, Cuda> a;  // (2, N, H), dense as all tables
  TensorView<const T, 3, Cuda> b;  // (2, N, H)
  TensorView<const T, 4, Cuda> c;  // (C, 2, N, H)
  TensorView<const T, 4, Cuda> G;  // (R, 2, N, H)
  TensorView<const T, 4, Cuda> w;  // (R, 2, N, H)
  TensorView<const T, 2, Cuda> D;  // (C, H)
  Activation activation;           // not glu
};

template <class T>
void modes_step(const ModesStep<T>& step);

// y (B, O) = act(x (B, I) W (I, O') + bias (O')), O' = 2 O for glu, else O. y is neither x nor part of it.
template <class T>
void linear_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                 TensorView<const T, 1, Cuda> bias, Activation activation);

// The part after the product, for those who take it from a library: y = act(x + bias), bias may be empty; y may be x
// unless act is glu.
template <class T>
void bias_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> bias,
               Activation activation);

// z = a x + b c y, c (1), (H) or left out. x is not read where a is 0; z may be y.
template <class T>
void residual_step(TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y, double a,
                   double b, TensorView<const T, 1, Cuda> c);

// z = k (1 - r) x + r v,   r = sigmoid(gate + v)
template <class T>
void highway_step(TensorView<T, 2, Cuda> z, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> gate,
                  TensorView<const T, 2, Cuda> v, double k);

// y (B, n) = a b, or a act(b); y may be either.
template <class T>
void product_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> a, TensorView<const T, 2, Cuda> b,
                  Activation activation);

// y (B, O) = W x + b, W (O, I) dense; b may be empty.
template <class T>
void affine_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> W,
                 TensorView<const T, 1, Cuda> b);

// y = w (v - mean) / deviation + b over the features of v = x, or x + add; w and b (H) or empty. y may be x or add.
template <class T>
void layer_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> add,
                     TensorView<const T, 1, Cuda> w, TensorView<const T, 1, Cuda> b, double eps);

// y = s (x - mean + m) / deviation, s and m (1).
template <class T>
void scalar_layer_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> s,
                            TensorView<const T, 1, Cuda> m, double eps);

// y = w (x - mean) / sqrt(var + eps) + b, all (H); y may be x.
template <class T>
void batch_norm_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, TensorView<const T, 1, Cuda> mean,
                     TensorView<const T, 1, Cuda> var, TensorView<const T, 1, Cuda> w, TensorView<const T, 1, Cuda> b,
                     double eps);

// y (B, H C) from x (B, C H): index c H + h -> h C + c.
template <class T>
void swap_channels_step(TensorView<T, 2, Cuda> y, TensorView<const T, 2, Cuda> x, index_t C);

// samples (1) += 1;   seen += x, or = x for the last sample, or for the first one;   now = seen, for a mean / samples.
template <class T>
void pool_step(TensorView<T, 2, Cuda> seen, TensorView<T, 2, Cuda> now, TensorView<const T, 2, Cuda> x,
               TensorView<index_t, 1, Cuda> samples, StepPool pool);

}  // namespace cuda
}  // namespace longwave
