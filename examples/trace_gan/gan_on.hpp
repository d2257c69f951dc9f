// gan_on.hpp - training and generating on one device; the model that is saved lives on the host.
#pragma once

#include <functional>
#include <optional>

#include "longwave/autograd/functions/mmd.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/metrics/mmd.hpp"
#include "longwave/models/gan_progress.hpp"
#include "longwave/optim/ema.hpp"
#include "trace_gan/rows.hpp"

namespace longwave::examples::trace_gan {

// After each epoch, counted from 1; true: that was the last one.
using EpochEnd = std::function<bool(index_t epoch, const GanLosses& losses)>;

// The host's model itself, or a copy on the device.
template <device D>
class ModelOn {
 public:
  explicit ModelOn(LstmGan<float>& host) : host_(host) {
    if constexpr (!std::is_same_v<D, Host>) {
      Generator unused(0);
      copy_.emplace(host.options, unused);
      each([](auto here, auto there) { cuda::copy(there, here); });
    }
  }
  LstmGan<float, D>& get() {
    if constexpr (std::is_same_v<D, Host>)
      return host_;
    else
      return *copy_;
  }
  void to_host() {
    if constexpr (!std::is_same_v<D, Host>) each([](auto here, auto there) { cuda::copy(here, there); });
  }

 private:
  template <class F>
  void each(F&& f) {
    const auto here = state<float>(host_);
    const auto there = state<float, D>(*copy_);
    for (std::size_t i = 0; i < here.size(); ++i)
      f(TensorView<float, 1>(here[i].value, Extents<1>{here[i].count}),
        TensorView<float, 1, D>(there[i].value, Extents<1>{there[i].count}));
  }

  LstmGan<float>& host_;
  std::optional<LstmGan<float, D>> copy_;
};

// Chunks in a new order every epoch, batch by batch.
template <device D>
class Batches {
 public:
  Batches(TensorView<const float, 3> chunks, index_t batch, Generator order)
      : chunks_(chunks),
        batch_(batch),
        gen_(order),
        order_(chunks.size(0)),
        host_(batch, chunks.size(1), chunks.size(2)) {
    if constexpr (!std::is_same_v<D, Host>) there_ = Tensor<float, 3, D>(host_.sizes());
  }

  index_t count() const { return (chunks_.size(0) + batch_ - 1) / batch_; }
  void shuffle() { gen_.permutation(order_.view()); }
  // Valid until the next call.
  TensorView<const float, 3, D> batch(index_t i) {
    const index_t begin = i * batch_, end = std::min(begin + batch_, chunks_.size(0));
    const index_t size = chunks_.size(1) * chunks_.size(2);
    for (index_t b = begin; b < end; ++b)
      std::copy_n(chunks_.data() + order_(b) * size, size, host_.data() + (b - begin) * size);
    if constexpr (std::is_same_v<D, Host>) {
      return host_.view().slice(0, 0, end - begin);
    } else {
      const auto to = there_.view().slice(0, 0, end - begin);
      cuda::copy(to, host_.view().slice(0, 0, end - begin));
      return to;
    }
  }

 private:
  TensorView<const float, 3> chunks_;
  index_t batch_;
  Generator gen_;
  Tensor<index_t, 1> order_;
  Tensor<float, 3> host_;
  Tensor<float, 3, D> there_;
};

// MMD^2 between the rows of generated and real chunks, as a term of the generator's loss: three kernels around the
// median distance of real rows.
class RowTerm {
 public:
  RowTerm(double weight, index_t chunks, TensorView<const float, 3> real)
      : weight_(weight), chunks_(chunks), kernel_(sigmas(real)) {}

  template <device D>
  Var<float, 0, D> operator()(Tape<float, D>& tape, Var<float, 3, D> fake, Var<float, 3, D> real) const {
    const index_t B = std::min(chunks_, fake.size(0)), L = fake.size(1), F = fake.size(2);
    const auto rows = [&](Var<float, 3, D> x) { return reshape<2>(slice(x, 0, 0, B), Extents<2>{B * L, F}); };
    static_cast<void>(tape);
    return scale(mmd(rows(fake), rows(real), kernel_), static_cast<float>(weight_));
  }

 private:
  static RbfMixture sigmas(TensorView<const float, 3> real) {
    const index_t rows = std::min<index_t>(1000, real.size(0) * real.size(1));
    Tensor<double, 2> sample(rows, real.size(2));
    const index_t step = real.size(0) * real.size(1) / rows;
    for (index_t i = 0; i < rows; ++i)
      for (index_t k = 0; k < real.size(2); ++k)
        sample(i, k) = static_cast<double>(real.data()[i * step * real.size(2) + k]);
    double median = rows > 1 ? median_distance(sample) : 0;
    if (!(median > 0)) median = 1;
    return RbfMixture({0.25 * median, 0.5 * median, median});
  }

  double weight_;
  index_t chunks_;
  RbfMixture kernel_;
};

// At `done`, 0 to 1, of the run.
inline double lr_factor(const TrainOptions& o, double done) {
  if (o.lr_schedule == "linear") return 1 - done;
  return o.lr_schedule == "half" ? std::min(1.0, 2 - 2 * done) : 1;
}

template <device D>
void train_on(const TrainOptions& o, LstmGan<float>& host, TensorView<const float, 3> chunks,
              const EpochEnd& epoch_end) {
  ModelOn<D> model(host);
  LstmGanTrainer<float, D> trainer(model.get(), {.lr_generator = o.lrG,
                                                 .lr_discriminator = o.lrD,
                                                 .d_updates = o.d_updates,
                                                 .g_updates = o.g_updates,
                                                 .label_smoothing = o.label_smoothing,
                                                 .instance_noise = o.instance_noise,
                                                 .weight_decay = o.weight_decay});
  std::optional<Ema<float, D>> ema;
  if (o.generator_ema > 0)
    ema.emplace(parameters<float, D>(model.get().generator), EmaOptions{.decay = o.generator_ema, .warm_up = true});
  Batches<D> batches(chunks, std::min<index_t>(o.batch_size, chunks.size(0)), generator_of(o.seed, order_of_chunks));
  Generator gen = generator_of(o.seed, noise);
  const RowTerm term(o.mmd_weight, o.mmd_chunks, chunks);
  for (index_t epoch = 1; epoch <= o.num_epochs; ++epoch) {
    batches.shuffle();
    for (index_t i = 0; i < batches.count(); ++i) {
      trainer.set_lr_factor(lr_factor(o, static_cast<double>((epoch - 1) * batches.count() + i) /
                                             static_cast<double>(o.num_epochs * batches.count())));
      const auto real = batches.batch(i);
      if (o.mmd_weight > 0 && real.size(0) * real.size(1) > 1)
        trainer.step(real, gen, term);
      else
        trainer.step(real, gen);
      if (ema) ema->update();
    }
    if (epoch_end(epoch, trainer.take_losses())) break;
  }
  if (ema) ema->swap_in();
  model.to_host();
}

// Scaled rows, at most 64 chunks at a time.
template <device D>
Tensor<float, 2> generate_on(LstmGan<float>& host, index_t rows, index_t seq_len, Generator gen) {
  constexpr index_t most = 64;
  ModelOn<D> model(host);
  Tensor<float, 2> out(rows, features);
  Tape<float, D> tape;
  tape.set_recording(false);
  for (index_t done = 0; done < rows;) {
    const index_t chunks = std::min(most, (rows - done) / seq_len + 1);
    tape.rewind();
    const auto z = tape.template keep<float>(Extents<3>{chunks, seq_len, host.options.latent});
    gen.normal(z);
    const auto fake = model.get().generator(tape, tape.input(z)).value();
    const index_t n = std::min(chunks * seq_len, rows - done);
    const auto flat = fake.reshape(Extents<2>{chunks * seq_len, features}).slice(0, 0, n);
    if constexpr (std::is_same_v<D, Host>)
      copy(out.view().slice(0, done, done + n), flat);
    else
      cuda::copy(out.view().slice(0, done, done + n), flat);
    done += n;
  }
  return out;
}

}  // namespace longwave::examples::trace_gan
