// gan_on.hpp - training and generating on one device; the model that is saved lives on the host.
#pragma once

#include <functional>
#include <optional>

#include "longwave/autograd/functions/mmd.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/metrics/mmd.hpp"
#include "longwave/models/gan_progress.hpp"
#include "longwave/ops/embedding.hpp"
#include "longwave/optim/ema.hpp"
#include "trace_gan/best.hpp"
#include "trace_gan/runner_host.hpp"

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

// Chunks in a new order every epoch, batch by batch; on a device all of them lie there.
template <device D>
class Batches {
 public:
  Batches(TensorView<const float, 3> chunks, index_t batch, Generator order)
      : chunks_(rows(chunks)),
        batch_(batch),
        gen_(order),
        order_(chunks.size(0)),
        batch_rows_(batch, chunks.size(1), chunks.size(2)) {
    if constexpr (!std::is_same_v<D, Host>) there_ = cuda::to_device(chunks_);
  }

  index_t count() const { return (chunks_.size(0) + batch_ - 1) / batch_; }
  void shuffle() { gen_.permutation(order_.view()); }
  // Valid until the next call. All batches lie in the same memory, a smaller last one in its first part.
  TensorView<const float, 3, D> batch(index_t i) {
    const index_t begin = i * batch_, end = std::min(begin + batch_, chunks_.size(0));
    const TensorView<float, 3, D> to = batch_rows_.view().slice(0, 0, end - begin);
    const TensorView<const index_t, 1, D> places = order_.view().slice(0, begin, end);
    if constexpr (std::is_same_v<D, Host>)
      ops::Embedding::forward(rows(to), chunks_, places);
    else
      ops::Embedding::forward(rows(to), there_.view(), places);
    return to;
  }

 private:
  template <class T, device E>
  static TensorView<T, 2, E> rows(TensorView<T, 3, E> x) {
    return x.reshape(Extents<2>{x.size(0), x.size(1) * x.size(2)});
  }

  TensorView<const float, 2> chunks_;
  index_t batch_;
  Generator gen_;
  Tensor<index_t, 1, D> order_;
  Tensor<float, 3, D> batch_rows_;
  Tensor<float, 2, D> there_;  // on the host: none
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

// Deviation of the instance noise in an epoch, counted from 1.
inline double noise_of_epoch(const TrainOptions& o, index_t epoch) {
  if (o.instance_noise_last == 0 || o.num_epochs < 2) return o.instance_noise;
  const double done = static_cast<double>(epoch - 1) / static_cast<double>(o.num_epochs - 1);
  return o.instance_noise * std::pow(o.instance_noise_last / o.instance_noise, done);
}

// Scaled rows, at most 64 chunks at a time.
template <device D>
Tensor<float, 2> generate_rows(LstmGenerator<float, D>& generator, Tape<float, D>& tape, index_t rows, index_t seq_len,
                               Generator gen) {
  constexpr index_t most = 64;
  Tensor<float, 2> out(rows, features);
  tape.set_recording(false);
  for (index_t done = 0; done < rows;) {
    const index_t chunks = std::min(most, (rows - done) / seq_len + 1);
    tape.rewind();
    const auto z = tape.template keep<float>(Extents<3>{chunks, seq_len, generator.options.latent});
    gen.normal(z);
    const auto fake = generator(tape, tape.input(z)).value();
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

// Keeps the best of the generators that it sees, averaged where averages are made. All from the same noise.
template <device D>
class Selection {
 public:
  Selection(const TrainOptions& o, const RowJudge& judge, LstmGenerator<float, D>& generator, Ema<float, D>* ema)
      : options_(o), judge_(judge), generator_(generator), ema_(ema), kept_(parameters<float, D>(generator)) {
    kept_.keep();
  }

  void look(index_t epoch) {
    if (ema_ != nullptr) ema_->swap_in();
    if (judge_.is_best(epoch, generate_rows<D>(generator_, tape_, judge_.rows, options_.seq_len,
                                               generator_of(options_.seed, noise_of_selection))))
      kept_.keep();
    if (ema_ != nullptr) ema_->swap_out();
  }
  void restore() { kept_.restore(); }

 private:
  const TrainOptions& options_;
  const RowJudge& judge_;
  LstmGenerator<float, D>& generator_;
  Ema<float, D>* ema_;
  KeptWeights<D> kept_;
  Tape<float, D> tape_;
};

template <device D>
void train_on(const TrainOptions& o, LstmGan<float>& host, TensorView<const float, 3> chunks, const EpochEnd& epoch_end,
              const RowJudge& judge) {
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
  UpdateRunner<D> runner(gen, trainer.discriminator_optimizer(), trainer.generator_optimizer());
  const auto noise_of = [&](TensorView<float, 3, D> z) { gen.normal(z); };
  std::optional<Selection<D>> selection;
  if (judge.is_best) selection.emplace(o, judge, model.get().generator, ema ? &*ema : nullptr);
  double factor = 1;
  for (index_t epoch = 1;; ++epoch) {
    if (const double deviation = noise_of_epoch(o, epoch); deviation != trainer.options().instance_noise) {
      trainer.set_instance_noise(deviation);
      runner.reset();
    }
    batches.shuffle();
    for (index_t i = 0; i < batches.count(); ++i) {
      const double wanted = lr_factor(o, static_cast<double>((epoch - 1) * batches.count() + i) /
                                             static_cast<double>(o.num_epochs * batches.count()));
      if (wanted != factor) trainer.set_lr_factor(factor = wanted);
      const auto real = batches.batch(i);
      const auto run = runner.of(real.size(0));
      if (o.mmd_weight > 0 && real.size(0) * real.size(1) > 1)
        trainer.step(real, noise_of, term, run);
      else
        trainer.step(real, noise_of, NoGanTerm(), run);
      if (ema) ema->update();
    }
    const bool last = epoch_end(epoch, trainer.take_losses()) || epoch == o.num_epochs;
    if (selection && (last || epoch % o.keep_every == 0)) selection->look(epoch);
    if (last) break;
  }
  if (selection)
    selection->restore();
  else if (ema)
    ema->swap_in();
  model.to_host();
}

template <device D>
Tensor<float, 2> generate_on(LstmGan<float>& host, index_t rows, index_t seq_len, Generator gen) {
  ModelOn<D> model(host);
  Tape<float, D> tape;
  return generate_rows<D>(model.get().generator, tape, rows, seq_len, gen);
}

}  // namespace longwave::examples::trace_gan
