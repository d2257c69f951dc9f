// bodies_lstm.hpp - the reference cases of LSTMs and of the GAN made of them, over type and device.
#pragma once

#include "case.hpp"
#include "longwave/models/lstm_gan.hpp"

namespace longwave::golden {

template <class T, device D>
void lstm_layer(CaseOn<T, D>& c) {
  Generator gen(1);
  auto& layer = c.template make<Lstm<T, D>>(LstmOptions{.in = c.size_option("I", "in/x", 2),
                                                        .hidden = c.size_option("hidden", "out/h_n", 2),
                                                        .layers = c.config.integer("layers"),
                                                        .bidirectional = c.config.flag("bidirectional")},
                                            gen);
  c.load(layer);
  LstmStateVars<T, 3, D> start;
  if (c.config.flag("state")) start = {c.template in<3>("h0"), c.template in<3>("c0")};
  const auto out = layer.forward(c.tape, c.template in<3>("x"), start);
  c.out("y", out.y);
  c.out("h_n", out.state.h);
  c.out("c_n", out.state.c);
}

template <class T, device D>
void gan_generator(CaseOn<T, D>& c) {
  Generator gen(1);
  auto& net = c.template make<LstmGenerator<T, D>>(
      LstmGanOptions{.features = c.axis("out/y", 2),
                     .hidden = c.size_option("hidden", "param/lstm.weight_hh_l0", 1),
                     .latent = c.size_option("latent", "in/noise", 2)},
      gen);
  c.load(net);
  c.out("y", net(c.tape, c.template in<3>("noise")));
}

template <class T, device D>
void gan_discriminator(CaseOn<T, D>& c) {
  Generator gen(1);
  auto& net = c.template make<LstmDiscriminator<T, D>>(
      LstmGanOptions{.features = c.size_option("D", "in/x", 2),
                     .hidden = c.size_option("hidden", "param/lstm.weight_hh_l0", 1)},
      gen);
  c.load(net);
  c.out("logit", net(c.tape, c.template in<3>("x")));
}

template <class T, device D>
void gan_train_step(CaseOn<T, D>& c) {
  Generator gen(1);
  LstmGan<T, D> model({.features = c.axis("in/real", 3),
                       .hidden = c.size_option("hidden", "param/gen.lstm.weight_hh_l0", 1),
                       .latent = c.size_option("latent", "in/noise", 3)},
                      gen);
  c.load(model);
  const index_t epochs = c.config.integer("epochs"), batches = c.size_option("batches", "in/real", 0);
  const LstmGanTraining options{.lr_generator = c.config.number("lrG"),
                                .lr_discriminator = c.config.number("lrD"),
                                .d_updates = c.config.integer("d_updates"),
                                .g_updates = c.config.integer("g_updates")};
  const auto real = c.template values<4>("in/real"), noise = c.template values<4>("in/noise");
  c.expect_size("the number of draws", epochs * batches * (options.d_updates + options.g_updates), noise.size(0));
  LstmGanTrainer<T, D> trainer(model, options);
  index_t draw = 0;
  GanLosses losses{};
  for (index_t epoch = 0; epoch < epochs; ++epoch) {
    for (index_t b = 0; b < batches; ++b) trainer.step(real[b], [&](auto z) { copy(z, noise[draw++]); });
    losses = trainer.take_losses();
  }
  c.out("d_loss", {losses.discriminator});
  c.out("g_loss", {losses.generator});
  model.for_each_parameter(
      [&](const std::string& name, auto& p) { c.out("after." + name, to_doubles(std::as_const(p.value).view())); });
}

}  // namespace longwave::golden
