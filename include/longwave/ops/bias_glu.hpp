// bias_glu.hpp - a bias and a gated linear unit in one pass:
//
//   y = a s,   a = z_a + bias_a,   s = sigmoid(z_b + bias_b)
//   dz_a = dy s,   dz_b = dy a s (1 - s),   dbias += sum_{b, l} dz
//
// z (B, 2 K, L), its first half along K is z_a; bias (2 K), y (B, K, L). Saves z and bias. What follows a linear map to
// twice the width; the device reads z and writes y forward, and reads dy and z and writes dz backward, once each.
// z, y and their gradients may be bfloat16, with a float bias: sums stay in float.
#pragma once

#include "longwave/core/fill.hpp"
#include "longwave/core/sum.hpp"
#include "longwave/cuda/bias_glu.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/cast.hpp"

namespace longwave {

namespace impl {

// Half of the bias, repeated over the positions of `z`.
template <class T>
TensorView<const T, 3> repeated_bias(TensorView<const T, 1> bias, index_t first, TensorView<const T, 3> z) {
  return {bias.data() + first * bias.stride(0), z.sizes(), Extents<3>{0, bias.stride(0), 0}};
}

template <class T>
void bias_glu_forward(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> z, TensorView<const T, 1, Host> bias) {
  const index_t K = y.size(1);
  const TensorView<const T, 3> a = z.slice(1, 0, K), b = z.slice(1, K, 2 * K);
  map_elements<1>([](T& out, T left, T gate, T p, T q) { out = (left + p) * math::sigmoid(gate + q); }, y, a, b,
                  repeated_bias(bias, 0, a), repeated_bias(bias, K, b));
}

template <class T>
void bias_glu_backward(TensorView<T, 3, Host> dz, TensorView<T, 1, Host> dbias, TensorView<const T, 3, Host> dy,
                       TensorView<const T, 3, Host> z, TensorView<const T, 1, Host> bias) {
  Scratch scratch;
  if (!wanted(dz)) dz = scratch.tensor<T>(z.sizes());
  const index_t K = dy.size(1);
  const TensorView<const T, 3> a = z.slice(1, 0, K), b = z.slice(1, K, 2 * K);
  map_elements<2>(
      [](T& dleft, T& dgate, T incoming, T left, T gate, T p, T q) {
        const T s = math::sigmoid(gate + q);
        dleft = incoming * s;
        dgate = incoming * (left + p) * s * (T(1) - s);
      },
      dz.slice(1, 0, K), dz.slice(1, K, 2 * K), dy, a, b, repeated_bias(bias, 0, a), repeated_bias(bias, K, b));
  if (!wanted(dbias)) return;
  const TensorView<T, 1> sums = scratch.tensor<T>(dbias.sizes());
  sum_to(TensorView<T, 3>(sums.data(), Extents<3>{1, 2 * K, 1}), 1.0, longwave::detail::Itself(),
         TensorView<const T, 3>(dz));
  longwave::detail::add_to(dbias, sums);
}

// z and y in bfloat16: through floats, results are rounded once.
inline void bias_glu_forward(TensorView<bfloat16, 3, Host> y, TensorView<const bfloat16, 3, Host> z,
                             TensorView<const float, 1, Host> bias) {
  Scratch scratch;
  const TensorView<float, 3> wide = scratch.tensor<float>(y.sizes());
  bias_glu_forward<float>(wide, cast_to<float>(scratch, z), bias);
  cast(y, TensorView<const float, 3>(wide));
}

inline void bias_glu_backward(TensorView<bfloat16, 3, Host> dz, TensorView<float, 1, Host> dbias,
                              TensorView<const bfloat16, 3, Host> dy, TensorView<const bfloat16, 3, Host> z,
                              TensorView<const float, 1, Host> bias) {
  Scratch scratch;
  const TensorView<float, 3> wide = scratch.tensor<float>(z.sizes());
  bias_glu_backward<float>(wide, dbias, cast_to<float>(scratch, dy), cast_to<float>(scratch, z), bias);
  if (wanted(dz)) cast(dz, TensorView<const float, 3>(wide));
}

}  // namespace impl

namespace ops {

struct BiasGlu {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> z, In<Arithmetic<T>, 1, D> bias) {
    check("y", y.sizes(), z.sizes(), bias.sizes());
    impl::bias_glu_forward(y, z, bias);
  }

  // dz is assigned and may be z's storage, dbias is added to; either may be left out.
  template <class T, device D>
  static void backward(Out<T, 3, D> dz, Out<Arithmetic<T>, 1, D> dbias, TensorView<const T, 3, D> dy, In<T, 3, D> z,
                       In<Arithmetic<T>, 1, D> bias) {
    check("dy", dy.sizes(), z.sizes(), bias.sizes());
    check_gradient("bias_glu", "dz", dz, z.sizes());
    check_gradient("bias_glu", "dbias", dbias, bias.sizes());
    if (wanted(dz) || wanted(dbias)) impl::bias_glu_backward(dz, dbias, dy, z, bias);
  }

 private:
  static void check(const char* name, const Extents<3>& y, const Extents<3>& z, const Extents<1>& bias) {
    const Extents<3> expected = Glu::output_sizes(z, 1);
    if (!(y == expected))
      throw_shape_error(std::string("bias_glu: ") + name + " is " + to_string(y) + ", expected " + to_string(expected) +
                        " for z " + to_string(z));
    if (bias[0] != z[1])
      throw_shape_error("bias_glu: bias is " + to_string(bias) + ", expected " + to_string(Extents<1>{z[1]}) +
                        " for z " + to_string(z));
  }
};

}  // namespace ops
}  // namespace longwave
