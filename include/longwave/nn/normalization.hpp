// normalization.hpp - the normalisation of a residual block, chosen by name: layer, transposed_layer, batch, instance,
// group or none, over (B, H, L). Parameters are those of the chosen layer under "norm.".
//
//   layer              per position over the features, weight and bias (H)             nn/layer_norm.hpp
//   transposed_layer   the same with one scale and one shift                           nn/transposed_layer_norm.hpp
//   batch              per feature over batch and time, weight and bias (H)            nn/batch_norm.hpp
//   instance           per sequence and feature over time, without weights             nn/group_norm.hpp
//   group              per sequence over features and time, weight and bias (H)        nn/group_norm.hpp
//
// Sample by sample run layer, transposed_layer and batch (with its running statistics).
#pragma once

#include <variant>

#include "longwave/core/names.hpp"
#include "longwave/nn/batch_norm.hpp"
#include "longwave/nn/group_norm.hpp"
#include "longwave/nn/layer_norm.hpp"
#include "longwave/nn/step_ops.hpp"
#include "longwave/nn/transposed_layer_norm.hpp"

namespace longwave {

enum class NormKind { none, layer, transposed_layer, batch, instance, group };

inline constexpr Named<NormKind> norm_names[] = {
    {"layer", NormKind::layer}, {"transposed_layer", NormKind::transposed_layer},
    {"batch", NormKind::batch}, {"instance", NormKind::instance},
    {"group", NormKind::group}, {"none", NormKind::none}};

inline NormKind parse_norm(std::string_view name) { return value_of_name("norm", name, norm_names); }

template <class T, device D = Host>
struct Normalization {
  NormKind kind;
  std::variant<std::monostate, LayerNorm<T, D>, TransposedLayerNorm<T, D>, BatchNorm<T, D>, InstanceNorm<T, D>,
               GroupNorm<T, D>>
      norm;

  Normalization(NormKind k, index_t features) : kind(k) {
    switch (k) {
      case NormKind::none:
        break;
      case NormKind::layer:
        norm.template emplace<1>(typename LayerNorm<T, D>::Options{.features = features});
        break;
      case NormKind::transposed_layer:
        norm.template emplace<2>(typename TransposedLayerNorm<T, D>::Options{.features = features});
        break;
      case NormKind::batch:
        norm.template emplace<3>(typename BatchNorm<T, D>::Options{.features = features});
        break;
      case NormKind::instance:
        norm.template emplace<4>(typename InstanceNorm<T, D>::Options{.features = features});
        break;
      case NormKind::group:
        norm.template emplace<5>(typename GroupNorm<T, D>::Options{.features = features});
        break;
    }
  }

  template <class F>
  void for_each_parameter(F&& f) {
    with_norm([&](auto& n) { visit("norm.", n, f); });
  }
  template <class F>
  void for_each_buffer(F&& f) {
    with_norm([&](auto& n) { visit_buffers("norm.", n, f); });
  }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    with_norm([&](auto& n) { x = n(tape, x); });
    return x;
  }

  // Whether a sample's result is known when it arrives.
  bool causal() const { return kind != NormKind::instance && kind != NormKind::group; }

  // x, y (B, H); y may be x. Batch norm takes its running statistics.
  void step(TensorView<const T, 2, D> x, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    if (const auto* layer = std::get_if<1>(&norm))
      impl::layer_norm_step(y, x, layer->weight.value.view(), layer->bias.value.view(), layer->options.eps);
    else if (const auto* transposed = std::get_if<2>(&norm))
      impl::scalar_layer_norm_step(y, x, transposed->s.value.view(), transposed->m.value.view(),
                                   transposed->options.eps);
    else if (const auto* batch = std::get_if<3>(&norm))
      impl::batch_norm_step(y, x, batch->running_mean.view(), batch->running_var.view(), batch->weight.value.view(),
                            batch->bias.value.view(), batch->options.eps);
    else if (x.data() != y.data())
      impl::copy_step(y, x);
  }

  // norm(x + dropout(r)), tied over the last axis, and in a step y = norm(x + v), of the kind `layer`: one kernel each
  // on the device. y may be x or v.
  bool takes_sums() const { return kind == NormKind::layer; }
  Var<T, 3, D> of_sum(Tape<T, D>& tape, Var<T, 3, D> x, Var<T, 3, D> r, double p) {
    return std::get_if<1>(&norm)->of_sum(tape, x, r, p);
  }
  void sum_step(TensorView<const T, 2, D> x, TensorView<const T, 2, D> v, TensorView<T, 2, D> y) const
      noexcept(std::is_same_v<D, Host>) {
    const LayerNorm<T, D>& layer = *std::get_if<1>(&norm);
    impl::add_layer_norm_step(y, x, v, layer.weight.value.view(), layer.bias.value.view(), layer.options.eps);
  }

 private:
  template <class F>
  void with_norm(F&& f) {
    std::visit(
        [&](auto& n) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(n)>, std::monostate>) f(n);
        },
        norm);
  }
};

}  // namespace longwave
