// linear_activation.hpp - a linear map at every position and an activation: y = act(W x + b), x (B, I, L) -> (B, O, L).
//
// Parameters: weight (O', I), or (O', I, 1) for rank 3, and bias (O'); O' is 2 O for glu, else O. With weight_norm the
// rows of the weight are g v / |v| and the parameters weight_g (O', 1), weight_v (O', I). Made without options the
// layer is absent: it has no parameters and converts to false.
#pragma once

#include <algorithm>

#include "longwave/autograd/functions/bias_glu.hpp"
#include "longwave/autograd/functions/cast.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/autograd/functions/weight_norm.hpp"
#include "longwave/cuda/step.hpp"
#include "longwave/nn/activation.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"
#include "longwave/ops/matmul.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

struct LinearActivationOptions {
  index_t in = 0;
  index_t out = 0;
  Activation activation = Activation::none;
  bool weight_norm = false;
};

// The same for one sample, with the weights that the layer had when it was made.
template <class T, device D = Host>
struct LinearStep {
  Tensor<T, 2, D> W;  // (I, O')
  Tensor<T, 1, D> bias;
  Activation activation = Activation::none;

  // y (O) from x (I), `room` (O'); y may be room. All streams on the device: linear_step.
  void operator()(T* y, T* room, const T* x) const noexcept requires(std::same_as<D, Host>) {
    const index_t n = bias.size(0);
    std::copy(bias.data(), bias.data() + n, room);
    impl::gemv_add(room, W.data(), x, W.size(0), n);
    if (activation == Activation::glu) {
      for (index_t i = 0; i < n / 2; ++i) y[i] = room[i] * math::sigmoid(room[n / 2 + i]);
      return;
    }
    if (y != room) std::copy(room, room + n, y);
    impl::activate_step(y, n, activation);
  }
};

namespace impl {

// All streams on the device: y (B, O) = act(x W + bias); room: B O' numbers that are not y's or x's.
template <class T>
void linear_step(TensorView<T, 2, Cuda> y, T* room, In<T, 2, Cuda> x, const LinearStep<T, Cuda>& l) {
  const index_t B = x.size(0), width = l.bias.size(0);
  if (B <= cuda::fused_linear_streams) return cuda::linear_step<T>(y, x, l.W, l.bias, l.activation);
  const TensorView<T, 2, Cuda> product =
      l.activation == Activation::glu ? TensorView<T, 2, Cuda>(room, Extents<2>{B, width}) : y;
  matmul(product, x, l.W.view(), false);
  cuda::bias_step<T>(y, product, l.bias, l.activation);
}

}  // namespace impl

template <class T, device D = Host, int rank = 2>
struct LinearActivation {
  using Options = LinearActivationOptions;

  Options options;
  Parameter<T, rank, D> weight, weight_g;  // weight is weight_v, and weight_g empty, if not weight_norm
  Parameter<T, 1, D> bias;

  LinearActivation() = default;
  LinearActivation(Options o, Generator& gen)
      : options(checked(o)), weight(sizes(width(o), o.in)), bias(Extents<1>{width(o)}) {
    init::linear_default(gen, weight.value.view(), bias.value.view());
    if (!o.weight_norm) return;
    weight_g = Parameter<T, rank, D>(sizes(width(o), 1));
    const auto values = init::host_values(flat(weight.value));
    const TensorView<const T, 2> v = values;
    init::on_host(weight_g.value.view().flat(), [&](TensorView<T, 1> g) {
      for (index_t i = 0; i < width(o); ++i) g(i) = static_cast<T>(std::sqrt(impl::dot_in_double(v[i], v[i])));
    });
  }

  explicit operator bool() const { return options.out > 0; }

  template <class F>
  void for_each_parameter(F&& f) {
    if (!*this) return;
    if (options.weight_norm) f("weight_g", weight_g);
    f(options.weight_norm ? "weight_v" : "weight", weight);
    f("bias", bias);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    if (options.activation == Activation::glu) return bias_glu(conv1d(x, taps(tape), {}), bias.on(tape, "bias"));
    return activate(conv1d(x, taps(tape), bias.on(tape, "bias")), options.activation, 1);
  }

  // (*this)(dropout(activate(x, before))), with less memory where both activations allow it.
  Var<T, 3, D> after(Tape<T, D>& tape, Var<T, 3, D> x, Activation before, double p, bool tied) {
    Var<T, 3, D> y;
    if (options.activation == Activation::glu)
      detail::with_rule(before,
                        [&](auto rule) { y = linear_glu_after(x, rule, taps(tape), bias.on(tape, "bias"), p, tied); });
    return y ? y : (*this)(tape, dropout(activate(x, before, 1), p, tied));
  }

  // The same with x and y in bfloat16, in float between casts where there is no glu.
  Var<bfloat16, 3, D> after(Tape<T, D>& tape, Var<bfloat16, 3, D> x, Activation before, double p,
                            bool tied) requires(std::same_as<T, float>) {
    Var<bfloat16, 3, D> y;
    if (options.activation == Activation::glu)
      detail::with_rule(before,
                        [&](auto rule) { y = linear_glu_after(x, rule, taps(tape), bias.on(tape, "bias"), p, tied); });
    return y ? y : cast<bfloat16>(after(tape, cast<float>(x), before, p, tied));
  }

  LinearStep<T, D> step() {
    if (!*this) return {};
    LinearStep<T, D> step{Tensor<T, 2, D>(options.in, width(options)), bias.value.clone(), options.activation};
    Tape<T, D> tape;
    tape.set_recording(false);
    const TensorView<const T, 2, D> W = options.weight_norm ? normed(tape).value() : flat(weight.value);
    copy(step.W.view(), W.transpose(0, 1));
    return step;
  }

  // Numbers of one sample before the activation.
  static index_t width(const Options& o) { return o.activation == Activation::glu ? 2 * o.out : o.out; }

 private:
  static Options checked(const Options& o) {
    detail::check_at_least("LinearActivation", "in", o.in, 1);
    detail::check_at_least("LinearActivation", "out", o.out, 1);
    return o;
  }

  static Extents<rank> sizes(index_t O, index_t I) {
    Extents<rank> e;
    for (int i = 0; i < rank; ++i) e[i] = i == 0 ? O : (i == 1 ? I : 1);
    return e;
  }

  static TensorView<T, 2, D> flat(Tensor<T, rank, D>& W) {
    return W.view().reshape(Extents<2>{W.sizes()[0], W.sizes()[1]});
  }

  // The weight as a convolution of one tap, (O', I, 1).
  Var<T, 3, D> taps(Tape<T, D>& tape) {
    const Extents<3> sizes{width(options), options.in, 1};
    return options.weight_norm ? reshape(normed(tape), sizes) : weight.on(tape, sizes, "weight");
  }

  Var<T, 2, D> normed(Tape<T, D>& tape) {
    return weight_norm(weight.on(tape, Extents<2>{width(options), options.in}, "weight_v"),
                       weight_g.on(tape, Extents<1>{width(options)}, "weight_g"));
  }
};

}  // namespace longwave
