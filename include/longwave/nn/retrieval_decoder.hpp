// retrieval_decoder.hpp - one prediction for a pair of sequences: rows i and B + i of x (2 B, H, L) -> (B, d_output).
//
//   a, b = the two sequences' features (H), by a sequence decoder with one position
//   nli     Linear [a, b, a - b, a b] (d_hidden, 4 H) -> activation -> Linear (d_output, d_hidden)
//   else    Linear [a, b] (d_hidden, 2 H) -> activation -> Linear (d_hidden / 2) -> activation -> Linear (d_output)
//
// Parameters: retrieval.classifier.{0, 2, 4}.*. Source: the retrieval head of the S4 repository.
#pragma once

#include <optional>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/nn/activation.hpp"
#include "longwave/nn/sequence_decoder.hpp"

namespace longwave {

struct RetrievalDecoderOptions {
  index_t d_model = 64;  // H
  index_t d_output = 2;  // classes
  index_t d_hidden = 0;  // 0: d_model
  bool nli = true;
  Activation activation = Activation::gelu;  // not glu, which would change the width
  DecodeMode mode = DecodeMode::pool;
  bool use_lengths = false;
};

template <class T, device D = Host>
struct RetrievalDecoder {
  using Options = RetrievalDecoderOptions;
  using Lengths = typename SequenceDecoder<T, D>::Lengths;

  Options options;
  SequenceDecoder<T, D> feature;
  Linear<T, D> first, second;
  std::optional<Linear<T, D>> third;

  RetrievalDecoder(Options o, Generator& gen)
      : options(checked(o)),
        feature({.d_model = o.d_model, .l_output = 0, .mode = o.mode, .use_lengths = o.use_lengths}, gen),
        first({.in = (o.nli ? 4 : 2) * o.d_model, .out = hidden(o)}, gen),
        second({.in = hidden(o), .out = o.nli ? o.d_output : hidden(o) / 2}, gen) {
    if (!o.nli) third.emplace(typename Linear<T, D>::Options{.in = hidden(o) / 2, .out = o.d_output}, gen);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    visit("retrieval.classifier.0.", first, f);
    visit("retrieval.classifier.2.", second, f);
    if (third) visit("retrieval.classifier.4.", *third, f);
  }

  // lengths (2 B) if use_lengths.
  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, Lengths lengths = {}) {
    if (x.size(0) % 2 != 0)
      throw_shape_error("RetrievalDecoder: x is " + to_string(x.sizes(), "BHL") +
                        ", expected an even B: rows i and B/2 + i are a pair");
    const index_t B = x.size(0) / 2;
    const Var<T, 2, D> features = feature.squeezed(tape, x, lengths);
    const Var<T, 2, D> a = slice(features, 0, 0, B), b = slice(features, 0, B, 2 * B);
    const Var<T, 2, D> pair = options.nli ? concat(1, a, b, a - b, a * b) : concat(1, a, b);
    const Var<T, 2, D> y = second(tape, activate(first(tape, pair), options.activation, 1));
    return third ? (*third)(tape, activate(y, options.activation, 1)) : y;
  }

 private:
  static index_t hidden(const Options& o) { return o.d_hidden > 0 ? o.d_hidden : o.d_model; }

  static const Options& checked(const Options& o) {
    detail::check_at_least("RetrievalDecoder", "d_model", o.d_model, 1);
    detail::check_at_least("RetrievalDecoder", "d_output", o.d_output, 1);
    detail::check_at_least("RetrievalDecoder", "d_hidden", o.d_hidden, 0);
    if (o.activation == Activation::glu) throw_value_error("RetrievalDecoder: glu would change the hidden width");
    if (!o.nli) detail::check_at_least("RetrievalDecoder", "d_hidden without nli", hidden(o), 2);
    return o;
  }
};

}  // namespace longwave
