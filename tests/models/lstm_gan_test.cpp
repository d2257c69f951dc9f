#include "longwave/models/lstm_gan.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

LstmGanOptions small() { return {.features = 4, .hidden = 8, .latent = 3}; }

Tensor<float, 3> chunks(index_t B, index_t L) {
  Tensor<float, 3> real(B, L, 4);
  Generator(5).uniform(real.view(), -1, 1);
  return real;
}

// All parameters of a module in a row.
template <class Module>
std::vector<float> numbers(Module& module) {
  std::vector<float> all;
  for (const auto& p : parameters<float>(module)) all.insert(all.end(), p.value, p.value + p.count);
  return all;
}

}  // namespace

TEST_CASE("lstm_gan: parameter counts are those of the reference") {
  Generator gen(1);
  LstmGan<float> reference({.features = 4, .hidden = 66, .latent = 16}, gen), wide({}, gen);
  CHECK(count_parameters(reference.generator) == 22444);
  CHECK(count_parameters(reference.discriminator) == 19075);
  CHECK(count_parameters(wide.generator) == 75268);
  CHECK(count_parameters(wide.discriminator) == 68737);
  CHECK(state_shapes<float>(reference) ==
        std::vector<std::string>{"gen.lstm.weight_ih_l0 264 16", "gen.lstm.weight_hh_l0 264 66",
                                 "gen.lstm.bias_ih_l0 264", "gen.lstm.bias_hh_l0 264", "gen.fc_out.weight 4 66",
                                 "gen.fc_out.bias 4", "disc.lstm.weight_ih_l0 264 4", "disc.lstm.weight_hh_l0 264 66",
                                 "disc.lstm.bias_ih_l0 264", "disc.lstm.bias_hh_l0 264", "disc.fc_out.weight 1 66",
                                 "disc.fc_out.bias 1"});
}

TEST_CASE("lstm_gan: networks have the reference's shapes, and gradients that agree with differences") {
  Generator gen(1);
  LstmGan<double> model({.features = 4, .hidden = 3, .latent = 2}, gen);
  const auto z = random<double>(Extents<3>{2, 4, 2}, 2), x = random<double>(Extents<3>{2, 4, 4}, 3);
  Tape<double> tape;
  CHECK(model.generator(tape, tape.input(z)).sizes() == Extents{2, 4, 4});
  CHECK(model.discriminator(tape, tape.input(x)).sizes() == Extents{2, 1});
  CHECK(parameter_error(model.generator, [&](auto& t) { return model.generator(t, t.input(z)); }) < 1e-7);
  CHECK(parameter_error(model.discriminator, [&](auto& t) { return model.discriminator(t, t.input(x)); }) < 1e-7);
  // Through both, as in the generator's step.
  CHECK(parameter_error(model.generator, [&](auto& t) {
          return model.discriminator(t, model.generator(t, t.input(z)), ParameterUse::frozen);
        }) < 1e-6);
}

TEST_CASE("lstm_gan: an untrained pair is undecided: 2 ln 2 and ln 2") {
  Generator gen(1), noise(2);
  LstmGan<float> model({.features = 4, .hidden = 66, .latent = 16}, gen);
  LstmGanTrainer<float> trainer(model, {.lr_generator = 0, .lr_discriminator = 0});
  trainer.step(chunks(64, 12), noise);
  const GanLosses losses = trainer.take_losses();
  CHECK(std::abs(losses.discriminator - 1.386) < 0.02);
  CHECK(std::abs(losses.generator - 0.693) < 0.02);
}

TEST_CASE("lstm_gan: each step moves its own network, and no stale gradient reaches the discriminator") {
  const auto real = chunks(6, 5);
  auto after = [&](bool stale, double lr_generator) {
    Generator gen(1), noise(2);
    LstmGan<float> model(small(), gen);
    LstmGanTrainer<float> trainer(model, {.lr_generator = lr_generator});
    for (int i = 0; i < 2; ++i) {
      if (stale)
        for (const auto& p : parameters<float>(model)) std::fill_n(p.grad, p.count, 7.0f);
      trainer.step(real, noise);
    }
    for (const auto& p : parameters<float>(model))
      for (index_t k = 0; k < p.count; ++k) CHECK(p.grad[k] == 0);
    return std::pair(numbers(model.generator), numbers(model.discriminator));
  };
  const auto clean = after(false, 1e-3);
  CHECK(after(true, 1e-3) == clean);
  Generator gen(1);
  LstmGan<float> start(small(), gen);
  const auto fixed = after(false, 0);
  CHECK(fixed.first == numbers(start.generator));
  CHECK(fixed.second != numbers(start.discriminator));
}

TEST_CASE("lstm_gan: losses are means over updates and batches, a short last batch included") {
  Generator gen(1), noise(2);
  LstmGan<float> model(small(), gen);
  LstmGanTrainer<float> trainer(model, {.d_updates = 3, .g_updates = 2});
  const auto real = chunks(10, 5);
  trainer.step(real.view().slice(0, 0, 7), noise);
  trainer.step(real.view().slice(0, 7, 10), noise);
  const GanLosses losses = trainer.take_losses();
  CHECK(std::abs(losses.discriminator - 1.386) < 0.1);
  CHECK(std::abs(losses.generator - 0.693) < 0.1);
  CHECK(std::isnan(trainer.take_losses().generator));
}

TEST_CASE("lstm_gan: the discriminator learns to tell, the generator to follow") {
  // Sequences with constant features; a generator that finds their means fools a discriminator of means.
  Generator gen(1), noise(2);
  LstmGan<float> model({.features = 4, .hidden = 8, .latent = 4}, gen);
  Tensor<float, 3> real(16, 3, 4);
  for (index_t b = 0; b < 16; ++b)
    for (index_t t = 0; t < 3; ++t)
      for (index_t f = 0; f < 4; ++f) real(b, t, f) = 0.2f * static_cast<float>(f) - 0.5f;
  LstmGanTrainer<float> trainer(model, {.lr_generator = 1e-2, .lr_discriminator = 3e-2, .g_updates = 1});
  double farthest = 0;
  for (int epoch = 0; epoch < 20; ++epoch) {
    for (int i = 0; i < 10; ++i) trainer.step(real, noise);
    farthest = std::max(farthest, equilibrium_distance(trainer.take_losses()));
  }
  CHECK(farthest > 0.1);
  Tape<float> tape;
  Tensor<float, 3> z(16, 3, 4);
  noise.normal(z.view());
  const auto fake = model.generator(tape, tape.input(z)).value();
  for (index_t f = 0; f < 4; ++f) {
    double mean = 0;
    for (index_t b = 0; b < 16; ++b)
      for (index_t t = 0; t < 3; ++t) mean += double(fake(b, t, f)) / 48;
    CHECK(std::abs(mean - double(real(0, 0, f))) < 0.2);
  }
}

TEST_CASE("lstm_gan: a further term joins the generator's loss but not the reported one") {
  const auto real = chunks(6, 5);
  Tensor<float, 3> low(6, 5, 4);
  for (index_t i = 0; i < low.count(); ++i) low.data()[i] = -0.5f;
  auto after = [&](double weight) {
    Generator gen(1), noise(2);
    LstmGan<float> model(small(), gen);
    LstmGanTrainer<float> trainer(model, {.lr_generator = 1e-2, .g_updates = 1});
    for (int i = 0; i < 100; ++i)
      trainer.step(real, noise, [&](Tape<float>& tape, Var<float, 3> fake, Var<float, 3> seen) {
        if (!(seen.sizes() == real.sizes()) || !(fake.sizes() == real.sizes())) throw_shape_error("not the batch");
        return scale(mse(fake, tape.input(low)), weight);  // draws every output to -1/2
      });
    Tape<float> tape;
    const Tensor<float, 3> z(1, 5, 3);
    double mean = 0;
    const auto x = model.generator(tape, tape.input(z)).value();
    for (index_t i = 0; i < x.count(); ++i) mean += double(x.data()[i]) / double(x.count());
    return std::pair(mean, trainer.take_losses().generator);
  };
  const auto [with, loss_with] = after(1000);
  const auto [without, loss_without] = after(0);
  CHECK(std::abs(with + 0.5) < 0.1);
  CHECK(std::abs(without + 0.5) > 0.3);
  CHECK(loss_with < 3);
  CHECK(loss_without < 3);
}

TEST_CASE("lstm_gan: smoothed labels and noisy inputs change the discriminator's step") {
  const auto real = chunks(6, 5);
  auto after = [&](LstmGanTraining options) {
    Generator gen(1), noise(2);
    LstmGan<float> model(small(), gen);
    LstmGanTrainer<float> trainer(model, options);
    for (int i = 0; i < 3; ++i) trainer.step(real, noise);
    return numbers(model.discriminator);
  };
  const auto plain = after({});
  CHECK(after({.label_smoothing = 0.2}) != plain);
  CHECK(after({.instance_noise = 0.1}) != plain);
  CHECK(after({.weight_decay = 0.1}) != plain);
}

TEST_CASE("lstm_gan: the noise on inputs can change between steps") {
  const auto real = chunks(6, 5);
  auto after = [&](double first, double then) {
    Generator gen(1), noise(2);
    LstmGan<float> model(small(), gen);
    LstmGanTrainer<float> trainer(model, {.instance_noise = first});
    trainer.set_instance_noise(then);
    CHECK(trainer.options().instance_noise == then);
    for (int i = 0; i < 3; ++i) trainer.step(real, noise);
    return numbers(model.discriminator);
  };
  CHECK(after(0.3, 0.1) == after(0.1, 0.1));
  CHECK(after(0.3, 0) == after(0, 0));
  Generator gen(1);
  LstmGan<float> model(small(), gen);
  LstmGanTrainer<float> trainer(model, {.instance_noise = 0.1});
  CHECK(error_text<ValueError>([&] { trainer.set_instance_noise(-1); }).find("LstmGanTrainer: instance_noise is -1") ==
        0);
  CHECK(trainer.options().instance_noise == 0.1);
}

TEST_CASE("lstm_gan: one factor scales both learning rates") {
  const auto real = chunks(6, 5);
  auto after = [&](LstmGanTraining options, double factor) {
    Generator gen(1), noise(2);
    LstmGan<double> model(small(), gen);
    Tensor<double, 3> exact(6, 5, 4);
    for (index_t i = 0; i < exact.count(); ++i) exact.data()[i] = double(real.data()[i]);
    LstmGanTrainer<double> trainer(model, options);
    trainer.set_lr_factor(factor);
    trainer.step(exact, noise);
    return std::pair(model.generator.fc_out.bias.value(1), model.discriminator.fc_out.bias.value(0));
  };
  const auto whole = after({.lr_generator = 1e-3, .lr_discriminator = 4e-3}, 0.5);
  const auto half = after({.lr_generator = 5e-4, .lr_discriminator = 2e-3}, 1);
  CHECK(whole.first == Approx(half.first).epsilon(1e-12));
  CHECK(whole.second == Approx(half.second).epsilon(1e-12));
  CHECK(after({.lr_generator = 1e-3}, 0).first == after({.lr_generator = 0}, 1).first);
}

TEST_CASE("lstm_gan: options and shapes outside their range are errors") {
  Generator gen(1);
  LstmGan<float> model(small(), gen);
  auto text = [&](LstmGanTraining options) {
    return error_text<ValueError>([&] { LstmGanTrainer<float>(model, options); });
  };
  CHECK(text({.d_updates = 0}) == "LstmGanTrainer: d_updates is 0, expected at least 1");
  CHECK(text({.g_updates = -1}) == "LstmGanTrainer: g_updates is -1, expected at least 1");
  CHECK(text({.label_smoothing = 1}) == "LstmGanTrainer: label_smoothing is 1.000000, expected [0, 1)");
  CHECK(text({.instance_noise = -1}).find("LstmGanTrainer: instance_noise is -1") == 0);
  CHECK(text({.lr_generator = -1}).find("Adam: lr is -1") == 0);
  LstmGanTrainer<float> trainer(model, {});
  const Tensor<float, 3> narrow(2, 5, 3), none(0, 5, 4);
  CHECK(error_text<ShapeError>([&] { trainer.step(narrow, gen); }) ==
        "LstmGanTrainer: real is (B=2, L=5, F=3), expected F = features = 4");
  CHECK(error_text<ShapeError>([&] { trainer.step(none, gen); }) ==
        "LstmGanTrainer: real is (B=0, L=5, F=4), expected B and L of at least 1");
  CHECK(error_text<ValueError>([&] { LstmGan<float>({.latent = 0}, gen); }) == "Lstm: in is 0, expected at least 1");
}
