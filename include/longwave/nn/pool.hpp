// pool.hpp - pools of a residual block, by name: fewer positions and more features, and the way back.
//
//   down, (B, H, L) -> (B, expand H, L / stride)
//     sample     every stride-th position; each feature repeated expand times         no parameters
//     average    mean of stride positions (a rest is dropped); with expand: Linear    linear.*   (also pool, avg)
//     linear     Linear of stride positions side by side, (expand H, H stride)        linear.*   (L a multiple)
//     spectral   the lowest frequencies; each feature repeated expand times           no parameters (L a multiple)
//   up, (B, H, L) -> (B, H / expand, L stride)
//     sample     mean of expand features, each position repeated                      no parameters
//     average    Linear (H / expand, H), each position repeated                       linear.*   (also pool, avg)
//     linear     Linear (H stride / expand, H) laid out over time                     linear.*
//     causal (average, linear): groups are shifted by one, so that none sees its own future
//
// expand = 0 leaves the width; for average, expand = 1 is a square Linear. Names and layouts as in the S4 repository.
#pragma once

#include <optional>
#include <string>

#include "longwave/autograd/functions/pool.hpp"
#include "longwave/core/names.hpp"
#include "longwave/nn/pointwise_linear.hpp"

namespace longwave {

enum class PoolKind { none, sample, average, linear, spectral };

inline constexpr Named<PoolKind> pool_names[] = {{"sample", PoolKind::sample}, {"pool", PoolKind::average},
                                                 {"avg", PoolKind::average},   {"average", PoolKind::average},
                                                 {"linear", PoolKind::linear}, {"spectral", PoolKind::spectral},
                                                 {"none", PoolKind::none}};

inline PoolKind parse_pool(std::string_view name) { return value_of_name("pool", name, pool_names); }

struct PoolOptions {
  PoolKind kind = PoolKind::none;
  index_t stride = 1;
  index_t expand = 0;
  bool causal = false;  // up-sampling
};

namespace detail {

inline void check_pool(const char* name, const PoolOptions& o, index_t d_input) {
  check_at_least(name, "stride", o.stride, 1);
  check_at_least(name, "expand", o.expand, 0);
  check_at_least(name, "d_input", d_input, 1);
}

}  // namespace detail

template <class T, device D = Host>
struct Pool {
  PoolOptions options;
  index_t d_input;
  std::optional<PointwiseLinear<T, D>> linear;

  Pool(PoolOptions o, index_t d_input_, Generator& gen) : options(o), d_input(d_input_) {
    detail::check_pool("Pool", o, d_input_);
    if (o.kind == PoolKind::linear || (o.kind == PoolKind::average && o.expand > 0))
      linear.emplace(typename Linear<T, D>::Options{.in = d_input * (o.kind == PoolKind::linear ? o.stride : 1),
                                                    .out = d_output()},
                     gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (linear) visit("linear.", *linear, f);
  }

  index_t expand() const { return options.expand > 0 ? options.expand : 1; }
  index_t d_output() const { return options.kind == PoolKind::none ? d_input : d_input * expand(); }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    switch (options.kind) {
      case PoolKind::none:
        return x;
      case PoolKind::sample:
        return repeat_channels(subsample(x, options.stride), expand());
      case PoolKind::spectral:
        return repeat_channels(spectral_pool(x, options.stride), expand());
      case PoolKind::average: {
        const auto y = avg_pool(x, options.stride);
        return linear ? (*linear)(tape, y) : y;
      }
      case PoolKind::linear:
        break;
    }
    if (x.size(2) % options.stride != 0)
      throw_shape_error("Pool: x is " + to_string(x.sizes(), "BHL") +
                        ", L must be a multiple of stride=" + std::to_string(options.stride));
    return (*linear)(tape, x, options.stride);
  }

  // Whether every sample gives one. Where it does not, there is no step.
  bool keeps_rate() const { return options.kind == PoolKind::none || options.stride == 1; }

  // x (B, H), y (B, d_output), of a pool that keeps the rate.
  void step(TensorView<const T, 2, D> x, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    if (linear) return linear->step(x, y);
    impl::repeat_step(y, x);
  }
};

template <class T, device D = Host>
struct UpPool {
  PoolOptions options;
  index_t d_input;
  std::optional<PointwiseLinear<T, D>> linear;

  UpPool(PoolOptions o, index_t d_input_, Generator& gen) : options(o), d_input(d_input_) {
    detail::check_pool("UpPool", o, d_input_);
    if (d_input % expand() != 0)
      throw_value_error("UpPool: expand is " + std::to_string(o.expand) +
                        ", expected a divisor of d_input = " + std::to_string(d_input));
    if (o.kind == PoolKind::spectral)
      throw_value_error("UpPool: there is no spectral up-sampling, expected one of sample, average, linear, none");
    if (o.causal && o.kind == PoolKind::sample)
      throw_value_error("UpPool: sample cannot be causal, expected average or linear");
    if (o.kind == PoolKind::average || o.kind == PoolKind::linear)
      linear.emplace(typename Linear<T, D>::Options{.in = d_input,
                                                    .out = d_output() * (o.kind == PoolKind::linear ? o.stride : 1)},
                     gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (linear) visit("linear.", *linear, f);
  }

  index_t expand() const { return options.expand > 0 ? options.expand : 1; }
  index_t d_output() const { return options.kind == PoolKind::none ? d_input : d_input / expand(); }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x) {
    if (options.kind == PoolKind::none) return x;
    if (options.kind == PoolKind::sample) return repeat_time(mean_channels(x, expand()), options.stride);
    x = (*linear)(tape, x);
    if (options.causal && (options.stride > 1 || options.kind == PoolKind::linear)) x = delay(x);
    return options.kind == PoolKind::average ? repeat_time(x, options.stride) : unfold_time(x, options.stride);
  }
};

}  // namespace longwave
