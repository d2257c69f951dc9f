// The snippets of docs/course/18_lstm_gan.md and of lstm on the page about ops.
#include "longwave/models/lstm_gan.hpp"

#include <algorithm>
#include <cstdio>

#include "check.hpp"
#include "longwave/autograd/functions/mmd.hpp"

namespace lw = longwave;
using namespace longwave;
using namespace longwave::test;

TEST_CASE("ops: lstm: a signal with features first goes in as a view") {
  // [snippet: op_lstm]
  const auto signal = random<float>(Extents<3>{2, 3, 50});  // (B, I, L)
  const auto W_ih = random<float>(Extents<2>{16, 3}, 2), W_hh = random<float>(Extents<2>{16, 4}, 3);
  Tensor<float, 3> y(2, 4, 50);  // (B, H, L)
  Tensor<float, 2> h(2, 4), c(2, 4);
  ops::Lstm::forward(y.view().transpose(1, 2), {h.view(), c.view()}, {}, signal.view().transpose(1, 2),
                     {W_ih.view(), W_hh.view(), {}, {}});
  CHECK(y(1, 2, 49) == h(1, 2));
  // [/snippet]
}

TEST_CASE("lstm page: sequences, pieces and steps share one state") {
  const auto x = random<float>(Extents<3>{2, 30, 5});
  const TensorView<const float, 2> row(x.data() + 29 * 5, Extents<2>{2, 5}, Extents<2>{30 * 5, 1});
  Tensor<float, 2> out(2, 8);
  // [snippet: lstm_forms]
  lw::Generator gen(1);
  lw::Lstm<float> layer({.in = 5, .hidden = 8, .layers = 2}, gen);
  lw::Tape<float> tape;
  const auto whole = layer.forward(tape, tape.input(x));  // x (B, L, 5); whole.y (B, L, 8), whole.state.h, .c

  auto state = layer.make_state(2);
  layer.forward_stream(tape, tape.input(x.view().slice(1, 0, 29)), state);
  layer.step(row, state, out.view());  // the last row by itself: noexcept, no allocation
  CHECK(std::abs(out(1, 3) - whole.y.value()(1, 29, 3)) < 1e-6f);
  // [/snippet]
}

TEST_CASE("gan page: training, stopping and diagnosis") {
  Tensor<float, 3> chunks(70, 6, 4);
  lw::Generator(3).uniform(chunks.view(), -1, 1);
  // [snippet: gan_training]
  lw::Generator gen(77);
  lw::LstmGan<float> gan({.features = 4, .hidden = 16, .latent = 8}, gen);
  lw::LstmGanTrainer<float> trainer(gan, {.lr_generator = 2e-5, .lr_discriminator = 3e-5, .g_updates = 2});
  lw::GanStopping stopping(lw::GanStopRule::eq);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    for (index_t at = 0; at < chunks.size(0); at += 32)  // the last batch is short
      trainer.step(chunks.view().slice(0, at, std::min(at + 32, chunks.size(0))), gen);
    const lw::GanLosses losses = trainer.take_losses();
    std::printf("[Epoch %d/%d] D Loss: %.4f | G Loss: %.4f\n", epoch, 3, losses.discriminator, losses.generator);
    if (stopping.stop(losses)) break;
  }
  const lw::GanDiagnosis now = lw::diagnose_gan(stopping.epochs());
  std::printf("%s: %s\n", now.name, now.advice);
  // [/snippet]
  CHECK(now.pattern == lw::GanPattern::too_few);
}

TEST_CASE("gan page: a further term in the generator's loss") {
  lw::Generator gen(77);
  Tensor<float, 3> batch(16, 6, 4);
  gen.uniform(batch.view(), -1, 1);
  lw::LstmGan<float> gan({.features = 4, .hidden = 8, .latent = 4}, gen);
  lw::LstmGanTrainer<float> trainer(gan, {});
  // [snippet: gan_term]
  const lw::RbfMixture kernel({0.1, 0.3, 1.0});
  const auto rows = [](auto x) { return lw::reshape(x, lw::Extents<2>{x.size(0) * x.size(1), x.size(2)}); };
  trainer.step(batch, gen, [&](auto&, auto fake, auto real) { return 10.0 * lw::mmd(rows(fake), rows(real), kernel); });
  // [/snippet]
  CHECK(std::isfinite(trainer.take_losses().generator));
}

TEST_CASE("gan page: rows are generated without a gradient") {
  lw::Generator gen(77);
  lw::LstmGan<float> gan({.features = 4, .hidden = 8, .latent = 4}, gen);
  // [snippet: gan_generate]
  lw::Tape<float> tape;
  tape.set_recording(false);
  lw::Tensor<float, 3> z(64, 12, 4);
  gen.normal(z.view());
  const auto rows = gan.generator(tape, tape.input(z)).value();  // (64, 12, 4) in (-1, 1): scale them back
  // [/snippet]
  CHECK(rows.sizes() == Extents{64, 12, 4});
}
