// Trains one S4D layer to clean noisy oscillations, then runs the same weights sample by sample.
#include <cmath>
#include <cstdio>

// [snippet: readme_program]
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/optim/adamw.hpp"
namespace lw = longwave;
// [/snippet]

// Eight oscillations of other frequencies and phases in every batch entry, and the same under noise.
void make_batch(lw::Tensor<float, 3>& clean, lw::Tensor<float, 3>& noisy, lw::Generator& gen) {
  lw::Tensor<float, 3> draw(clean.size(0), clean.size(1), 2);
  gen.uniform(draw.view());
  gen.normal(noisy.view(), 0, 0.5f);
  for (lw::index_t b = 0; b < clean.size(0); ++b)
    for (lw::index_t h = 0; h < clean.size(1); ++h)
      for (lw::index_t l = 0; l < clean.size(2); ++l) {
        const float frequency = 0.1f + 0.2f * draw(b, h, 0), phase = 6.28f * draw(b, h, 1);
        clean(b, h, l) = std::sin(frequency * static_cast<float>(l) + phase);
        noisy(b, h, l) += clean(b, h, l);
      }
}

int main() {
  lw::Generator gen(42);
  lw::Tensor<float, 3> clean(8, 8, 128), noisy(8, 8, 128);  // (B, H, L): batch, channel, time
  float error = 1;
  // [snippet: readme_program]
  lw::S4D<float> layer({.d_model = 8, .d_state = 16}, gen);
  lw::AdamW<float> optimizer(layer, {.lr = 2e-2});
  lw::Tape<float> tape;
  for (int step = 0; step < 200; ++step) {
    make_batch(clean, noisy, gen);
    tape.rewind();
    const auto loss = lw::mse(layer(tape, tape.input(noisy)), tape.input(clean));
    tape.backward(loss);
    optimizer.step();
    error = loss.value()();
  }
  auto state = layer.make_state(/*B=*/1);  // the same layer, live: a sample of 8 channels in, one out
  lw::Tensor<float, 2> in(1, 8), out(1, 8);
  layer.step(in, state, out.view());  // no allocation, lock or exception
  // [/snippet]
  std::printf("error %.3f, noise 0.25\n", static_cast<double>(error));
  return error < 0.2f ? 0 : 1;
}
