// embedding.hpp - one trained vector per symbol (ops/embedding.hpp). Parameter: weight (V, E), standard normal at
// first.
#pragma once

#include "longwave/autograd/functions/embedding.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

template <class T, device D = Host>
struct Embedding {
  struct Options {
    index_t vocabulary = 0;  // V
    index_t dim = 0;         // E
  };

  Options options;
  Parameter<T, 2, D> weight;

  Embedding(Options o, Generator& gen) : options(checked(o)), weight(Extents<2>{o.vocabulary, o.dim}) {
    init::normal(gen, weight.value.view(), 0, 1);
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
  }

  // index (...) of any integer type -> (..., E). It must stay as it is until backward has run.
  template <class I, int M>
  Var<T, M + 1, D> operator()(Tape<T, D>& tape, TensorView<I, M, D> index) {
    return embedding(weight.on(tape, "weight"), index);
  }

 private:
  static Options checked(Options o) {
    detail::check_at_least("Embedding", "vocabulary", o.vocabulary, 1);
    detail::check_at_least("Embedding", "dim", o.dim, 1);
    return o;
  }
};

}  // namespace longwave
