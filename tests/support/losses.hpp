// losses.hpp - what long_sequence's trainer says of its steps.
#pragma once

#include <vector>

#include "long_sequence/trainer.hpp"

namespace longwave::test {

// The losses of so many steps.
inline std::vector<double> losses(examples::Trainer& trainer, int steps) {
  std::vector<double> out;
  for (int i = 0; i < steps; ++i) {
    trainer.step();
    for (examples::StepResult result; trainer.next(result, true);) out.push_back(result.loss);
  }
  return out;
}

}  // namespace longwave::test
