// sequence_encoder.hpp - from data to a backbone's input (B, d_model, L).
//
//   LinearEncoder      x (B, d_input, L) -> W x + b at every position            weight (d_model, d_input), bias
//   EmbeddingEncoder   tokens (B, L) of any integer type -> rows of a table      weight (vocabulary, d_model)
#pragma once

#include "longwave/autograd/functions/shape.hpp"
#include "longwave/nn/embedding.hpp"
#include "longwave/nn/pointwise_linear.hpp"

namespace longwave {

// Options {.in = d_input, .out = d_model}; step(x (B, d_input), y (B, d_model)).
template <class T, device D = Host>
using LinearEncoder = PointwiseLinear<T, D>;

// Options {.vocabulary, .dim = d_model}, as Embedding.
template <class T, device D = Host>
struct EmbeddingEncoder : Embedding<T, D> {
  using Embedding<T, D>::Embedding;
  using Embedding<T, D>::weight;

  // The tokens must stay as they are until backward has run.
  template <class I>
  Var<T, 3, D> operator()(Tape<T, D>& tape, TensorView<I, 2, D> tokens) {
    return transpose(Embedding<T, D>::operator()(tape, tokens), 1, 2);
  }

  // tokens (B), each in [0, vocabulary), -> y (B, d_model).
  template <class I>
  void step(TensorView<I, 1> tokens, TensorView<T, 2> y) const noexcept {
    for (index_t b = 0; b < y.size(0); ++b)
      for (index_t h = 0; h < y.size(1); ++h) y(b, h) = weight.value(static_cast<index_t>(tokens(b)), h);
  }
};

}  // namespace longwave
