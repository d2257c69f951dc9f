// A training step of the specified SAR model, B = 10, L = 10000, with its loss, clipping and AdamW. The first step is
// not counted: it takes working memory.
#include "launches.hpp"
#include "longwave/cuda.hpp"
#include "longwave/models/sar_focus.hpp"
#include "longwave/models/sar_loss.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"

int main() {
  using namespace longwave;
  Generator gen(1);
  SarFocus<float, Cuda> model(SarFocusOptions(), gen);
  AdamW<float, Cuda> optimizer(parameters<float, Cuda>(model), {.lr = 5e-3});
  GradClip<float, Cuda> clip(optimizer.parameters(), 1.0);
  const Tensor<float, 3, Cuda> x(10, 10000, 3), target(10, 10000, 2);
  Tape<float, Cuda> tape;
  count_second([&](auto part) {
    tape.rewind();
    part("forward");
    const auto y = model(tape, tape.input(x));
    part("loss");
    const auto loss = sar_loss(y, tape.input(target)).total;
    part("backward");
    tape.backward(loss);
    part("update");
    clip.apply();
    optimizer.step();
  });
}
