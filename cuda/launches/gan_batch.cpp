// A batch of the GAN of two LSTMs as benchmarks/gpu has it: B = 128, L = 12, 66 units, one update of the discriminator,
// two of the generator.
#include "launches.hpp"
#include "longwave/cuda.hpp"
#include "longwave/models/lstm_gan.hpp"

int main() {
  using namespace longwave;
  Generator init(1), noise(2);
  LstmGan<float, Cuda> model({.features = 4, .hidden = 66, .latent = 16}, init);
  LstmGanTrainer<float, Cuda> trainer(model, {.d_updates = 1, .g_updates = 2});
  const Tensor<float, 3, Cuda> real(128, 12, 4);
  const auto draw = [&](auto view) { noise.normal(view); };
  count_second([&](auto part) {
    int updates = 0;
    trainer.step(real.view(), draw, NoGanTerm(), [&](GanNetwork network, auto&& update) {
      part((network == GanNetwork::discriminator ? "D" : "G") + std::to_string(++updates));
      update();
    });
  });
}
