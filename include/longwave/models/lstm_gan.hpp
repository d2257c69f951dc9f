// lstm_gan.hpp - a generative adversarial network of two LSTMs for sequences of few features, here rows of a block-I/O
// trace (time, length, address, latency) scaled to [-1, 1], and its training step.
//
//   generator       z (B, L, latent) ~ N(0, 1) -> LSTM -> Linear at every step -> tanh          x (B, L, F)
//   discriminator   x (B, L, F) -> LSTM -> Linear of the last hidden state                      logit (B, 1)
//
//   L_D = BCE(D(real), 1) + BCE(D(G(z)), 0)     L_G = BCE(D(G(z)), 1) [+ further terms]         BCE with logits, mean
//
// At the equilibrium D is undecided: L_D = 2 ln 2, L_G = ln 2. Names: lstm.*, fc_out.*. Parameters: the generator has
// 4 h (latent + h) + 8 h + F h + F, the discriminator 4 h (F + h) + 8 h + h + 1. Source: Goodfellow et al. 2014; the
// networks and the update ratios of gan-io. When to stop and what the losses say: models/gan_progress.hpp.
#pragma once

#include <string>

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/models/gan_progress.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/nn/lstm.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave {

struct LstmGanOptions {
  index_t features = 4;
  index_t hidden = 128;
  index_t latent = 16;
};

template <class T, device D = Host>
struct LstmGenerator {
  LstmGanOptions options;
  Lstm<T, D> lstm;
  Linear<T, D> fc_out;

  LstmGenerator(LstmGanOptions o, Generator& gen)
      : options(o), lstm({.in = o.latent, .hidden = o.hidden}, gen), fc_out({.in = o.hidden, .out = o.features}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("lstm.", lstm, f);
    visit("fc_out.", fc_out, f);
  }

  // z (B, L, latent) -> (B, L, F) in (-1, 1)
  Var<T, 3, D> operator()(Tape<T, D>& tape, Var<T, 3, D> z) { return tanh(fc_out(tape, lstm(tape, z))); }
};

template <class T, device D = Host>
struct LstmDiscriminator {
  LstmGanOptions options;
  Lstm<T, D> lstm;
  Linear<T, D> fc_out;

  LstmDiscriminator(LstmGanOptions o, Generator& gen)
      : options(o), lstm({.in = o.features, .hidden = o.hidden}, gen), fc_out({.in = o.hidden, .out = 1}, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("lstm.", lstm, f);
    visit("fc_out.", fc_out, f);
  }

  // x (B, L, F) -> logit (B, 1). frozen: for the generator's step, which wants the gradient of x alone.
  Var<T, 2, D> operator()(Tape<T, D>& tape, Var<T, 3, D> x, ParameterUse use = ParameterUse::trained) {
    const Var<T, 2, D> last = lstm.last(tape, x, use);
    if (use == ParameterUse::trained) return fc_out(tape, last);
    return linear(last, tape.input(fc_out.weight.value), tape.input(fc_out.bias.value));
  }
};

template <class T, device D = Host>
struct LstmGan {
  LstmGanOptions options;
  LstmGenerator<T, D> generator;
  LstmDiscriminator<T, D> discriminator;

  LstmGan(LstmGanOptions o, Generator& gen) : options(o), generator(o, gen), discriminator(o, gen) {}

  template <class F>
  void for_each_parameter(F&& f) {
    visit("gen.", generator, f);
    visit("disc.", discriminator, f);
  }
};

struct LstmGanTraining {
  double lr_generator = 3e-4;
  double lr_discriminator = 3e-4;
  double beta1 = 0.5;
  double beta2 = 0.999;
  index_t d_updates = 1;
  index_t g_updates = 2;
  double label_smoothing = 0;  // the discriminator's target for real sequences is 1 - label_smoothing
  double instance_noise = 0;   // deviation of the noise on all that the discriminator sees
  double weight_decay = 0;     // of both optimisers
};

// No further term in the generator's loss.
struct NoGanTerm {};

enum class GanNetwork { discriminator, generator };

// Both optimisers and everything that a step needs; the model must outlive it. A step reads nothing back from the
// device and after the first one allocates nothing.
template <class T, device D = Host>
class LstmGanTrainer {
 public:
  LstmGanTrainer(LstmGan<T, D>& model, LstmGanTraining options)
      : model_(model),
        options_(checked(options)),
        d_optimizer_(model.discriminator, adam(options.lr_discriminator)),
        g_optimizer_(model.generator, adam(options.lr_generator)),
        sums_(2),
        one_and_two_(2) {
    init::on_host(one_and_two_.view(), [](TensorView<T, 1> to) { to(0) = T(1), to(1) = T(2); });
  }

  // One batch real (B, L, F): d_updates of the discriminator, then g_updates of the generator. noise(view) fills z with
  // N(0, 1), fresh for each update. term(tape, fake, real), if given, is a further Var<T, 0, D> in the generator's
  // loss; fake (B, L, F) is on the tape, real is its input. run(network, update) calls update(), or repeats what it did
  // at first (cuda/graph.hpp): one step of that network's optimiser, draws of noise, nothing else that counts.
  template <class Noise, class Term, class Run>
    requires(!std::is_same_v<std::remove_cvref_t<Noise>, Generator>)
  void step(In<T, 3, D> real, Noise&& noise, Term&& term, Run&& run) {
    check(real);
    for (index_t i = 0; i < options_.d_updates; ++i)
      run(GanNetwork::discriminator, [&] { update_discriminator(real, noise); });
    for (index_t i = 0; i < options_.g_updates; ++i)
      run(GanNetwork::generator, [&] { update_generator(real, noise, term); });
    ++batches_;
  }
  template <class Noise, class Term = NoGanTerm>
    requires(!std::is_same_v<std::remove_cvref_t<Noise>, Generator>)
  void step(In<T, 3, D> real, Noise&& noise, Term&& term = {}) {
    step(real, noise, term, [](GanNetwork, auto&& update) { update(); });
  }
  template <class Term = NoGanTerm>
  void step(In<T, 3, D> real, Generator& noise, Term&& term = {}) {
    step(
        real, [&](auto view) { noise.normal(view); }, term);
  }

  // Means since the last call over batches of the mean over a batch's updates; NaN without a batch. The generator's is
  // that of BCE alone, whatever else was added to it. Waits for the device.
  GanLosses take_losses() {
    const auto sums = init::host_values(sums_.view());
    const double batches = static_cast<double>(batches_);
    const GanLosses losses{2 * static_cast<double>(sums(0)) / (batches * static_cast<double>(options_.d_updates)),
                           static_cast<double>(sums(1)) / (batches * static_cast<double>(options_.g_updates))};
    sums_.zero();
    batches_ = 0;
    return losses;
  }

  // Both learning rates as a factor of those of the start: falling to 0 over a run lets a pair that circles settle.
  void set_lr_factor(double factor) {
    d_optimizer_.set_lr_factor(factor);
    g_optimizer_.set_lr_factor(factor);
  }

  // Less noise as the pair settles shows the discriminator finer things. A captured step keeps what it was captured
  // with.
  void set_instance_noise(double deviation) {
    detail::check_rate("LstmGanTrainer", "instance_noise", deviation);
    options_.instance_noise = deviation;
  }

  const LstmGanTraining& options() const { return options_; }
  Adam<T, D>& discriminator_optimizer() { return d_optimizer_; }
  Adam<T, D>& generator_optimizer() { return g_optimizer_; }

 private:
  // Real and generated sequences go through the discriminator as one batch.
  template <class Noise>
  void update_discriminator(In<T, 3, D> real, Noise& noise) {
    const index_t B = real.size(0);
    tape_.rewind();
    const TensorView<T, 3, D> both = tape_.template keep<T>(Extents<3>{2 * B, real.size(1), real.size(2)});
    const TensorView<T, 2, D> targets = tape_.template keep<T>(Extents<2>{2 * B, 1});
    copy(both.slice(0, 0, B), real);
    detail::fill(targets.slice(0, 0, B), static_cast<T>(1 - options_.label_smoothing));
    detail::fill(targets.slice(0, B, 2 * B), T(0));
    tape_.set_recording(false);
    copy(both.slice(0, B, 2 * B), generate(real, noise).value());
    tape_.set_recording(true);
    d_optimizer_.zero_grad();
    const Var<T, 2, D> logits = model_.discriminator(tape_, noisy(tape_.input(both), noise));
    const Var<T, 0, D> loss = bce_with_logits(logits, tape_.input(targets));  // half the sum of two means
    tape_.backward(loss, constant(1));
    d_optimizer_.step();
    add(0, loss);
  }

  template <class Noise, class Term>
  void update_generator(In<T, 3, D> real, Noise& noise, Term& term) {
    tape_.rewind();
    const TensorView<T, 2, D> ones(one_and_two_.data(), Extents<2>{real.size(0), 1}, Extents<2>{0, 0});
    g_optimizer_.zero_grad();
    const Var<T, 3, D> fake = generate(real, noise);
    const Var<T, 2, D> logits = model_.discriminator(tape_, noisy(fake, noise), ParameterUse::frozen);
    const Var<T, 0, D> loss = bce_with_logits(logits, tape_.input(ones));
    if constexpr (std::is_same_v<std::remove_cvref_t<Term>, NoGanTerm>)
      tape_.backward(loss, constant(0));
    else
      tape_.backward(loss + term(tape_, fake, tape_.input(real)), constant(0));
    g_optimizer_.step();
    add(1, loss);
  }

  // As many sequences as there are real ones, of their length.
  template <class Noise>
  Var<T, 3, D> generate(In<T, 3, D> real, Noise& noise) {
    const TensorView<T, 3, D> z = tape_.template keep<T>(Extents<3>{real.size(0), real.size(1), model_.options.latent});
    noise(z);
    return model_.generator(tape_, tape_.input(z));
  }

  template <class Noise>
  Var<T, 3, D> noisy(Var<T, 3, D> x, Noise& noise) {
    if (options_.instance_noise == 0) return x;
    const TensorView<T, 3, D> z = tape_.template keep<T>(x.sizes());
    noise(z);
    return x + scale(tape_.input(z), options_.instance_noise);
  }

  // 1 or 2, what gradients start from.
  TensorView<const T, 0, D> constant(index_t which) const { return one_and_two_.view()[which]; }

  void add(index_t which, Var<T, 0, D> loss) {
    const TensorView<T, 0, D> to = sums_.view()[which];
    detail::add_to(to, loss.value());
  }

  AdamOptions adam(double lr) const {
    return {.lr = lr, .beta1 = options_.beta1, .beta2 = options_.beta2, .weight_decay = options_.weight_decay};
  }

  void check(In<T, 3, D> real) const {
    if (real.size(2) != model_.options.features)
      throw_shape_error("LstmGanTrainer: real is " + to_string(real.sizes(), "BLF") +
                        ", expected F = features = " + std::to_string(model_.options.features));
    if (real.size(0) < 1 || real.size(1) < 1)
      throw_shape_error("LstmGanTrainer: real is " + to_string(real.sizes(), "BLF") +
                        ", expected B and L of at least 1");
  }

  static const LstmGanTraining& checked(const LstmGanTraining& o) {
    detail::check_at_least("LstmGanTrainer", "d_updates", o.d_updates, 1);
    detail::check_at_least("LstmGanTrainer", "g_updates", o.g_updates, 1);
    detail::check_option("LstmGanTrainer", "label_smoothing", o.label_smoothing,
                         o.label_smoothing >= 0 && o.label_smoothing < 1, "[0, 1)");
    detail::check_rate("LstmGanTrainer", "instance_noise", o.instance_noise);
    return o;
  }

  LstmGan<T, D>& model_;
  LstmGanTraining options_;
  Adam<T, D> d_optimizer_, g_optimizer_;
  Tape<T, D> tape_;
  Tensor<T, 1, D> sums_;  // of the losses since the last take_losses, half the discriminator's
  Tensor<T, 1, D> one_and_two_;
  index_t batches_ = 0;
};

}  // namespace longwave
