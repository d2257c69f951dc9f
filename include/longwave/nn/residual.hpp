// residual.hpp - how a block joins its input x and its layer's output y, both (B, H, L); i = 1, 2, .. is the block's
// number.
//
//   R, residual      z = alpha x + beta y
//   F, feedforward   z = y                           (also N, none, ff); the only one whose layer may change the width
//   A, affine        z = alpha x + c y               c (1), or (H) if not scalar; c = beta i^-gamma at first
//   D, decay         z = a x + b y                   b = i^-power, a = sqrt(1 - b^2), or 1 - b if not l2
//   H, highway       z = k (1 - r) x + r v           v = Wy y, r = sigmoid(Wx x + v)
//                    k = 1.732 with scaling_correction; elemwise: v = Wy * y with a vector Wy
//
// Parameters: affine; Wx.{weight, bias}, Wy.{weight, bias} or Wy. All run sample by sample as well.
// Source: the residual functions of the S4 repository; Srivastava et al. 2015 (highway).
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/core/math.hpp"
#include "longwave/core/names.hpp"
#include "longwave/nn/pointwise_linear.hpp"

namespace longwave {

enum class ResidualKind { residual, feedforward, affine, decay, highway };

inline constexpr Named<ResidualKind> residual_names[] = {
    {"R", ResidualKind::residual},        {"F", ResidualKind::feedforward},
    {"N", ResidualKind::feedforward},     {"A", ResidualKind::affine},
    {"D", ResidualKind::decay},           {"H", ResidualKind::highway},
    {"residual", ResidualKind::residual}, {"none", ResidualKind::feedforward},
    {"ff", ResidualKind::feedforward},    {"feedforward", ResidualKind::feedforward},
    {"affine", ResidualKind::affine},     {"decay", ResidualKind::decay},
    {"highway", ResidualKind::highway}};

inline ResidualKind parse_residual(std::string_view name) { return value_of_name("residual", name, residual_names); }

struct ResidualOptions {
  ResidualKind kind = ResidualKind::residual;
  double alpha = 1;                 // R, A
  double beta = 1;                  // R, A
  bool scalar = true;               // A
  double gamma = 0;                 // A
  double power = 0.5;               // D
  bool l2 = true;                   // D
  bool scaling_correction = false;  // H
  bool elemwise = false;            // H
};

template <class T, device D = Host>
struct Residual {
  ResidualOptions options;
  WeightedSumRule weights;                  // R and D; of A the first
  Parameter<T, 1, D> affine;                // A
  std::optional<PointwiseLinear<T, D>> Wx;  // H
  std::optional<PointwiseLinear<T, D>> Wy;  // H
  Parameter<T, 1, D> Wy_elemwise;           // H, elemwise

  // d_input: width of x; d_layer: that of y; i_layer: the block's number, from 1.
  Residual(ResidualOptions o, index_t i_layer, index_t d_input, index_t d_layer, Generator& gen) : options(o) {
    check(i_layer, d_input, d_layer);
    const double i = static_cast<double>(i_layer);
    weights = {o.alpha, o.beta};
    if (o.kind == ResidualKind::decay) {
      const double b = std::pow(i, -o.power);
      weights = {o.l2 ? std::sqrt(1 - b * b) : 1 - b, b};
    } else if (o.kind == ResidualKind::affine) {
      affine = Parameter<T, 1, D>(Extents<1>{o.scalar ? 1 : d_layer});
      init::constant(affine.value.view(), static_cast<T>(o.beta * std::pow(i, -o.gamma)));
    } else if (o.kind == ResidualKind::highway) {
      Wx.emplace(typename Linear<T, D>::Options{.in = d_input, .out = d_input}, gen);
      if (o.elemwise) {
        Wy_elemwise = Parameter<T, 1, D>(Extents<1>{d_input});
        init::normal(gen, Wy_elemwise.value.view(), 0, 1);
      } else {
        Wy.emplace(typename Linear<T, D>::Options{.in = d_input, .out = d_input}, gen);
      }
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (options.kind == ResidualKind::affine) f("affine", affine);
    if (options.kind != ResidualKind::highway) return;
    if (options.elemwise) f("Wy", Wy_elemwise);
    visit("Wx.", *Wx, f);
    if (Wy) visit("Wy.", *Wy, f);
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, Var<T, 3, D> y) {
    switch (options.kind) {
      case ResidualKind::feedforward:
        return y;
      case ResidualKind::affine: {
        const auto c = reshape(affine.on(tape, "affine"), Extents<3>{1, affine.value.size(0), 1});
        return options.alpha == 0 ? c * y : binary(x, c * y, WeightedSumRule{options.alpha, 1});
      }
      case ResidualKind::highway: {
        const auto v =
            Wy ? (*Wy)(tape, y) : reshape(Wy_elemwise.on(tape, "Wy"), Extents<3>{1, Wy_elemwise.value.size(0), 1}) * y;
        const auto r = sigmoid((*Wx)(tape, x) + v);
        return scale(r, -correction(), correction()) * x + r * v;
      }
      default:
        if (weights.a == 0) return weights.b == 1 ? y : scale(y, weights.b);
        return binary(x, y, weights);
    }
  }

  // z = x + y, no more: a norm that follows can take it in.
  bool is_sum() const { return options.kind == ResidualKind::residual && weights.a == 1 && weights.b == 1; }

  // x, y, z (B, H) of unit stride in the features; z may be y except for a highway, and is not x.
  void step(TensorView<const T, 2, D> x, TensorView<const T, 2, D> y, TensorView<T, 2, D> z) const
      noexcept(std::is_same_v<D, Host>) {
    if constexpr (std::is_same_v<D, Cuda>)
      step_all(x, y, z);
    else
      step_each(x, y, z);
  }

 private:
  double correction() const { return options.scaling_correction ? 1.732 : 1.0; }

  void step_all(TensorView<const T, 2, Cuda> x, TensorView<const T, 2, Cuda> y, TensorView<T, 2, Cuda> z) const {
    switch (options.kind) {
      case ResidualKind::feedforward:
        return cuda::residual_step<T>(z, x, y, 0, 1, {});
      case ResidualKind::affine:
        return cuda::residual_step<T>(z, x, y, weights.a, 1, affine.value);
      case ResidualKind::highway: {
        ScratchOn<Cuda> scratch;
        const auto v = scratch.tensor<T>(z.sizes()), gate = scratch.tensor<T>(z.sizes());
        if (Wy)
          Wy->step(y, v);
        else
          cuda::residual_step<T>(v, y, y, 0, 1, Wy_elemwise.value);
        Wx->step(x, gate);
        return cuda::highway_step<T>(z, x, gate, v, correction());
      }
      default:
        return cuda::residual_step<T>(z, x, y, weights.a, weights.b, {});
    }
  }

  void step_each(TensorView<const T, 2> x, TensorView<const T, 2> y, TensorView<T, 2> z) const noexcept {
    const index_t H = z.size(1);
    const T a = static_cast<T>(weights.a), b = static_cast<T>(weights.b);
    switch (options.kind) {
      case ResidualKind::feedforward:
        return impl::copy_step(z, y);
      case ResidualKind::affine:
        for (index_t n = 0; n < z.size(0); ++n)
          for (index_t h = 0; h < H; ++h) {
            const T scaled = affine.value(options.scalar ? 0 : h) * y(n, h);
            z(n, h) = a == T(0) ? scaled : a * x(n, h) + scaled;
          }
        return;
      case ResidualKind::highway:
        for (index_t n = 0; n < z.size(0); ++n)
          for (index_t h = 0; h < H; ++h) {
            const T v = Wy ? at(*Wy, y, n, h) : Wy_elemwise.value(h) * y(n, h);
            const T r = math::sigmoid(at(*Wx, x, n, h) + v);
            z(n, h) = static_cast<T>(correction()) * (1 - r) * x(n, h) + r * v;
          }
        return;
      default:
        return impl::weighted_sum_step(z, x, y, a, b);
    }
  }

  // One output of a linear layer.
  static T at(const PointwiseLinear<T, D>& layer, TensorView<const T, 2> x, index_t n, index_t o) noexcept {
    const index_t I = x.size(1);
    return layer.bias.value(o) +
           impl::dot(layer.weight.value.data() + o * I, x.data() + n * x.stride(0), x.stride(1), I);
  }

  void check(index_t i_layer, index_t d_input, index_t d_layer) const {
    detail::check_at_least("Residual", "i_layer", i_layer, 1);
    const bool weighted = options.kind == ResidualKind::residual || options.kind == ResidualKind::affine;
    const bool drops_input = options.kind == ResidualKind::feedforward || (weighted && options.alpha == 0);
    if (d_input != d_layer && !drops_input)
      throw_value_error("Residual: " + std::string(name_of_value(options.kind, residual_names)) +
                        " joins an input of width " + std::to_string(d_input) + " and a layer of width " +
                        std::to_string(d_layer) + "; only F, or alpha = 0, may change the width");
    if (!(options.power >= 0))
      throw_value_error("Residual: power is " + std::to_string(options.power) + ", expected at least 0");
  }
};

}  // namespace longwave
