// dropout.hpp - zeroes a part p of the numbers while the tape trains and scales the rest by 1 / (1 - p); does nothing
// in evaluation. tied: one draw per (b, h) for all of time. No parameters.
#pragma once

#include <string>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

struct Dropout {
  struct Options {
    double p = 0.5;
    bool tied = false;
  };

  Options options;

  explicit Dropout(Options o) : options(o) {
    if (!(o.p >= 0 && o.p < 1)) throw_value_error("Dropout: p is " + std::to_string(o.p) + ", expected [0, 1)");
  }

  template <class T, int N, device D>
  Var<T, N, D> operator()(Tape<T, D>&, Var<T, N, D> x) const {
    return dropout(x, options.p, options.tied);
  }
};

}  // namespace longwave
