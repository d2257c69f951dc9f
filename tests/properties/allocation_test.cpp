// After the first step, training and streaming allocate nothing on the heap: every malloc of the process is counted.
#include <stdlib.h>

#include <atomic>

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/data/loader.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/mask.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/metrics/histogram_kl.hpp"
#include "longwave/models/lstm_gan.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/optim/adam.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"
#include "longwave/optim/lr_schedule.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS false
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS true
#endif

namespace {
std::atomic<long> allocations{0};
}

#if COUNTS_ALLOCATIONS
// Every way to the heap of the C library, counted and passed on.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t n) {
  ++allocations;
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  ++allocations;
  return __libc_calloc(n, size);
}
void* realloc(void* p, size_t n) {
  ++allocations;
  return __libc_realloc(p, n);
}
void* aligned_alloc(size_t alignment, size_t n) {
  ++allocations;
  return __libc_memalign(alignment, n);
}
void* memalign(size_t alignment, size_t n) {
  ++allocations;
  return __libc_memalign(alignment, n);
}
int posix_memalign(void** p, size_t alignment, size_t n) {
  ++allocations;
  *p = __libc_memalign(alignment, n);
  return *p == nullptr ? 12 : 0;
}
}
#endif

using namespace longwave;
using namespace longwave::test;

TEST_CASE("allocations: the counter sees the heap") {
  if (!COUNTS_ALLOCATIONS) return;
  const long before = allocations;
  const Tensor<float, 1> t(1000);
  std::vector<int> v(1000);
  CHECK(v.data() != nullptr);  // else clang leaves the vector out
  CHECK(allocations - before >= 2);
}

TEST_CASE("allocations: none in a training step after the first, whatever the form of the layer") {
  if (!COUNTS_ALLOCATIONS) {
    WARN("skipped: the address sanitizer owns the heap");
    return;
  }
#if defined(__clang__)
  set_num_threads(1);  // LLVM's OpenMP allocates in every parallel loop
#endif
  for (const Algorithm form : {Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    Generator gen(1);
    SequenceClassifier<float> model({.d_model = 24, .d_state = 8, .n_layers = 2, .dropout = 0.1, .algorithm = form},
                                    gen);
    AdamW<float> optimizer(model, {.lr = 1e-3});
    Ema<float> ema(optimizer.parameters(), {.decay = 0.99});
    CosineSchedule schedule({.lr = 1e-3, .steps = 100});
    Dataset<float> data;
    data.x = random<float>(Extents<3>{64, 1, 150}, 2);
    data.y = Tensor<index_t, 1>(64);
    data.classes = 10;
    Loader<float> loader(data, {.batch = 16}, gen.split(1));
    Tape<float> tape;
    tape.train(gen);
    long before = 0;
    for (int epoch = 0; epoch < 3; ++epoch) {
      if (epoch == 1) before = allocations;
      for (auto [x, y] : loader.epoch(epoch)) {
        tape.rewind();
        const auto loss = cross_entropy(model(tape, tape.input(x)), y);
        tape.backward(loss);
        clip_grad_norm(optimizer.parameters(), 1.0);
        optimizer.set_lr(schedule.lr());
        optimizer.step();
        ema.update();
        schedule.step();
      }
    }
    const long counted = allocations - before;
    INFO("form " << static_cast<int>(form));
    CHECK(counted == 0);
  }
  set_num_threads(0);
}

TEST_CASE("allocations: none in a streaming step") {
  if (!COUNTS_ALLOCATIONS) return;
  Generator gen(1);
  SequenceClassifier<float> model({.d_model = 24, .d_state = 8, .n_layers = 2}, gen);
  auto state = model.make_state(2);
  Tensor<float, 2> x(2, 1), logits(2, 10);
  const long before = allocations;
  for (int i = 0; i < 10; ++i) model.step(x, state, logits.view());
  CHECK(allocations - before == 0);
}

TEST_CASE("allocations: none in a training or streaming step of a backbone") {
  if (!COUNTS_ALLOCATIONS) return;
#if defined(__clang__)
  set_num_threads(1);
#endif
  Generator gen(1);
  for (const bool bidirectional : {false, true}) {
    SequenceModel<S4D<float>, FeedForward<float>> model(
        {.d_model = 12,
         .n_layers = 2,
         .bidirectional = bidirectional,
         .dropout = 0.1,
         .norm = bidirectional ? NormKind::group : NormKind::batch,
         .residual = {.kind = ResidualKind::highway},
         .pool = {.kind = bidirectional ? PoolKind::spectral : PoolKind::none, .stride = bidirectional ? 2 : 1},
         .layers = {S4DOptions{.d_state = 8}, FeedForwardOptions{}}},
        gen);
    AdamW<float> optimizer(model, {.lr = 1e-3});
    const auto u = random<float>(Extents<3>{4, 12, 64}, 2);
    Tape<float> tape;
    tape.train(gen);
    long before = 0;
    for (int step = 0; step < 3; ++step) {
      if (step == 1) before = allocations;
      tape.rewind();
      tape.backward(mean(square(model(tape, tape.input(u)))));
      optimizer.step();
    }
    const long trained = allocations - before;
    CHECK(trained == 0);
    if (bidirectional) continue;
    auto state = model.make_state(4);
    Tensor<float, 2> in(4, 12), out(4, 12);
    before = allocations;
    for (int i = 0; i < 10; ++i) model.step(in, state, out.view());
    const long stepped = allocations - before;
    CHECK(stepped == 0);
  }
  set_num_threads(0);
}

TEMPLATE_TEST_CASE("allocations: none in a training or streaming step of any kernel, states and gates included", "",
                   (S4<float>), (S4Diag<float>), (DSS<float>)) {
  if (!COUNTS_ALLOCATIONS) return;
#if defined(__clang__)
  set_num_threads(1);
#endif
  using Layer = TestType;
  Generator gen(1);
  typename Layer::Options options{.d_model = 6, .d_state = 8, .dropout = 0.1, .channels = 2, .gate = 2};
  if constexpr (std::is_same_v<Layer, DSS<float>>) options.kernel.version = DssVersion::exp;
  Layer layer(options, gen);
  AdamW<float> optimizer(layer, {.lr = 1e-3});
  const auto u = random<float>(Extents<3>{3, 6, 90}, 2);
  auto state = layer.make_state(3);
  const Tensor<float, 4> start(state.x.sizes());
  Tensor<float, 2> x(3, 6), y(3, 6);
  Tape<float> tape;
  tape.train(gen);
  long before = 0;
  for (int step = 0; step < 4; ++step) {
    if (step == 2) before = allocations;
    tape.rewind();
    const auto out = layer.forward(tape, tape.input(u), tape.input(start));
    tape.backward(mse(out.y, tape.input(u)));
    optimizer.step();
    layer.step(x, state, y.view());
  }
  const long counted = allocations - before;
  CHECK(counted == 0);
  set_num_threads(0);
}

TEMPLATE_TEST_CASE("allocations: none in a training step of diffusion, masks included, or in a sample", "",
                   (Sssd<float>), (SssdS4d<float>)) {
  if (!COUNTS_ALLOCATIONS) return;
#if defined(__clang__)
  set_num_threads(1);
#endif
  Generator gen(1);
  TestType net({.num_res_layers = 2, .res_channels = 4, .skip_channels = 4, .s4_lmax = 24, .s4_d_state = 8}, gen);
  Adam<float> optimizer(net, {.lr = 1e-3});
  const auto schedule = NoiseSchedule::linear(20, 1e-4, 0.02);
  const NoiseLevels<float> levels(schedule);
  const auto x0 = random<float>(Extents<3>{3, 1, 24}, 2);
  Tensor<float, 3> mask(x0.sizes());
  Tape<float> tape;
  tape.train(gen);
  long before = 0;
  for (int step = 0; step < 4; ++step) {
    if (step == 2) before = allocations;
    tape.rewind();
    draw_mask(MaskKind::rm, 5, gen, mask.view());
    tape.backward(training_loss(tape, net, TrainingSample<float>{x0, mask}, levels, gen));
    optimizer.step();
  }
  const long trained = allocations - before;
  CHECK(trained == 0);
  for (const SamplingPlan& plan : {ddpm(schedule), ddim(schedule, even_steps(20, 3))}) {
    Sampler<float> sampler(plan, x0.sizes());
    sampler.start(x0, mask, gen);
    for (int step = 0; step < 2; ++step) sampler.step(net, gen);
    before = allocations;
    sampler.step(net, gen);
    sampler.sample(net, x0, mask, gen);
    const long sampled = allocations - before;
    CHECK(sampled == 0);
  }
  set_num_threads(0);
}

TEST_CASE("allocations: none when two LSTMs play against each other, nor in an LSTM's pieces and steps") {
  if (!COUNTS_ALLOCATIONS) {
    WARN("skipped: the address sanitizer owns the heap");
    return;
  }
#if defined(__clang__)
  set_num_threads(1);
#endif
  Generator gen(1);
  LstmGan<float> gan({.features = 4, .hidden = 24, .latent = 6}, gen);
  LstmGanTrainer<float> trainer(gan, {.instance_noise = 0.1});
  const auto real = random<float>(Extents<3>{40, 12, 4}, 2);
  Lstm<float> layer({.in = 4, .hidden = 9, .layers = 2}, gen);
  auto state = layer.make_state(40);
  Tensor<float, 2> y(40, 9);
  const TensorView<const float, 2> x(real.data(), Extents<2>{40, 4}, Extents<2>{48, 1});
  Tape<float> tape;
  tape.set_recording(false);
  auto round = [&] {
    trainer.step(real, gen);
    trainer.step(real.view().slice(0, 0, 17), gen);  // a short last batch
    trainer.take_losses();
    tape.rewind();
    layer.forward_stream(tape, tape.input(real), state);
    layer.step(x, state, y.view());
  };
  for (int i = 0; i < 2; ++i) round();
  const long before = allocations;
  for (int i = 0; i < 3; ++i) round();
  const long counted = allocations - before;
  CHECK(counted == 0);
#if defined(__clang__)
  set_num_threads(0);
#endif
}

TEST_CASE("allocations: none when points are diffused, learned and sampled") {
  if (!COUNTS_ALLOCATIONS) {
    WARN("skipped: the address sanitizer owns the heap");
    return;
  }
#if defined(__clang__)
  set_num_threads(1);
#endif
  Generator gen(1);
  Mnist1dDenoiser<float> net({.points = 9, .hidden = 8}, gen);
  Adam<float> optimizer(net, {.lr = 1e-3});
  const auto schedule = NoiseSchedule::linear(20, 1e-4, 0.02);
  const NoiseLevels<float> levels(schedule);
  const ConvexNoise noise{ConvexTarget::effective};
  PointSampler<float, ConvexNoise> sampler(ddpm(schedule, DdpmOptions{.clamp = 5}), noise, 40);
  const auto c = random<float>(Extents<2>{40, 9}, 2), x0 = random<float>(Extents<2>{40, 9}, 3);
  Tape<float> tape;
  auto round = [&] {
    tape.rewind();
    const auto t = tape.keep<index_t>(Extents<1>{40});
    const auto x_t = tape.keep<float>(x0.sizes());
    draw_steps(gen, t, 20);
    const auto drawn = noise.draw(tape, gen, x0.view());
    diffuse(x_t, x0, drawn.added, levels, t);
    tape.backward(mse(net(tape, tape.input(x_t), tape.input(c), t), tape.input(drawn.target)));
    optimizer.step();
    histogram_kl(sampler.sample(net, c.view(), gen), x0);
  };
  for (int i = 0; i < 2; ++i) round();
  const long before = allocations;
  for (int i = 0; i < 3; ++i) round();
  const long counted = allocations - before;
  CHECK(counted == 0);
#if defined(__clang__)
  set_num_threads(0);
#endif
}
