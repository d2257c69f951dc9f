// sequence_decoder.hpp - from a backbone's output x (B, H, L) to predictions (B, d_output, M).
//
//   last     the last M positions               pool (mean)   means of all up to each of the last M positions
//   first    the first M                        sum           the same as sums
//   ragged   the longest of `lengths` positions
//
// then Linear (d_output, H), named output_transform.*; d_output = 0: none. M = l_output; 1 for l_output = 0, where
// squeezed() leaves the axis out; L for l_output < 0. use_lengths: positions from lengths[b] on do not count.
// On the device lengths are read where they are, and not checked; a ragged decoder copies them to the host, for its M.
// step() is the prediction after every sample of a stream, for M = 1. Source: the decoders of the S4 repository.
#pragma once

#include <algorithm>
#include <optional>

#include "longwave/autograd/functions/readout.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/core/names.hpp"
#include "longwave/nn/pointwise_linear.hpp"

namespace longwave {

enum class DecodeMode { last, first, pool, sum, ragged };

inline constexpr Named<DecodeMode> decode_names[] = {{"last", DecodeMode::last}, {"first", DecodeMode::first},
                                                     {"pool", DecodeMode::pool}, {"mean", DecodeMode::pool},
                                                     {"sum", DecodeMode::sum},   {"ragged", DecodeMode::ragged}};

inline DecodeMode parse_decode_mode(std::string_view name) { return value_of_name("decoder mode", name, decode_names); }

struct SequenceDecoderOptions {
  index_t d_model = 64;  // H
  index_t d_output = 0;  // 0: no output_transform
  index_t l_output = -1;
  DecodeMode mode = DecodeMode::last;
  bool use_lengths = false;
};

template <class T, device D = Host>
struct SequenceDecoder {
  using Options = SequenceDecoderOptions;
  using Lengths = TensorView<const index_t, 1, D>;  // (B); must stay as it is until backward has run

  Options options;
  std::optional<PointwiseLinear<T, D>> output_transform;

  SequenceDecoder(Options o, Generator& gen) : options(o) {
    detail::check_at_least("SequenceDecoder", "d_model", o.d_model, 1);
    detail::check_at_least("SequenceDecoder", "d_output", o.d_output, 0);
    if (o.use_lengths && o.mode != DecodeMode::ragged && o.l_output < 0)
      throw_value_error("SequenceDecoder: with use_lengths every sequence has its own positions; give l_output");
    if (o.d_output > 0)
      output_transform.emplace(typename Linear<T, D>::Options{.in = o.d_model, .out = o.d_output}, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    if (output_transform) visit("output_transform.", *output_transform, f);
  }

  index_t d_output() const { return options.d_output > 0 ? options.d_output : options.d_model; }

  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, Lengths lengths = {}) {
    const bool ragged = options.mode == DecodeMode::ragged;
    if ((options.use_lengths || ragged) && lengths.data() == nullptr)
      throw_value_error("SequenceDecoder: " + std::string(ragged ? "ragged" : "use_lengths") + " needs the lengths");
    if (x.size(1) != options.d_model)
      throw_shape_error("SequenceDecoder: x is " + to_string(x.sizes(), "BHL") +
                        ", expected H = d_model = " + std::to_string(options.d_model));
    const index_t M = positions(x.sizes(), lengths);
    Var<T, 3, D> y = x;
    if (ragged || options.mode == DecodeMode::first)
      y = slice_first(x, M, lengths);
    else if (M < x.size(2) || options.mode != DecodeMode::last)
      y = readout(x, M, readout_mode(), options.use_lengths ? lengths : Lengths());
    return output_transform ? (*output_transform)(tape, y) : y;
  }

  // (B, d_output), of a decoder with one position.
  Var<T, 2, D> squeezed(Tape<T, D>& tape, Var<T, 3, D> x, Lengths lengths = {}) {
    const Var<T, 3, D> y = (*this)(tape, x, lengths);
    if (y.size(2) != 1)
      throw_shape_error("SequenceDecoder: " + std::to_string(y.size(2)) +
                        " positions cannot be squeezed; use l_output = 0");
    return select_last_axis(y, 0);
  }

  // --- sample by sample ---------------------------------------------------------------------------------------

  struct State {
    Tensor<T, 2, D> seen, now;  // (B, H): last, first or sum so far; the same as the output takes it
    impl::SampleCount<D> samples = impl::no_samples(D());

    void reset() {
      seen.zero();
      impl::set_samples(samples, 0);
    }
  };

  State make_state(index_t B) const {
    if (options.l_output > 1 || options.mode == DecodeMode::ragged)
      throw_value_error("SequenceDecoder: step gives one position, so l_output is at most 1 and the mode not ragged");
    return {Tensor<T, 2, D>(B, options.d_model), Tensor<T, 2, D>(B, options.d_model)};
  }

  // The next position x (B, H) and the prediction so far y (B, d_output). No allocation.
  void step(TensorView<const T, 2, D> x, State& state, TensorView<T, 2, D> y) const noexcept(std::is_same_v<D, Host>) {
    impl::pool_step(state.seen.view(), output_transform ? state.now.view() : y, x, state.samples, step_pool());
    if (output_transform) output_transform->step(state.now.view(), y);
  }

 private:
  StepPool step_pool() const {
    return options.mode == DecodeMode::last    ? StepPool::last
           : options.mode == DecodeMode::first ? StepPool::first
           : options.mode == DecodeMode::pool  ? StepPool::mean
                                               : StepPool::sum;
  }

  ReadoutMode readout_mode() const {
    return options.mode == DecodeMode::last   ? ReadoutMode::last
           : options.mode == DecodeMode::pool ? ReadoutMode::mean
                                              : ReadoutMode::sum;
  }

  // The first M positions, each of which must be valid unless the mode is ragged.
  Var<T, 3, D> slice_first(Var<T, 3, D> x, index_t M, Lengths lengths) const {
    if (M > x.size(2))
      throw_shape_error("SequenceDecoder: " + std::to_string(M) + " positions of x " + to_string(x.sizes(), "BHL"));
    if (M == x.size(2)) return x;
    const bool all_valid = options.use_lengths && options.mode == DecodeMode::first;
    return readout(x, M, ReadoutMode::first, all_valid ? lengths : Lengths());
  }

  index_t positions(const Extents<3>& x, Lengths lengths) const {
    if (options.mode != DecodeMode::ragged) return options.l_output < 0 ? x[2] : std::max<index_t>(options.l_output, 1);
    const auto values = init::host_values(lengths);
    const TensorView<const index_t, 1> n = values;
    impl::check_lengths("SequenceDecoder", n, x[0], 0, x[2]);
    index_t longest = 0;
    for (index_t b = 0; b < x[0]; ++b) longest = std::max(longest, n(b));
    return longest;
  }
};

}  // namespace longwave
