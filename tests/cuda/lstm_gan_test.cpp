// LSTM layers and the GAN of them on the device against the same on the host.
#include "longwave/models/lstm_gan.hpp"

#include <vector>

#include "longwave/cuda/graph.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The values of a module on the device into one in double on the host.
template <class T, class Reference, class Module>
void take_values(Reference& reference, Module& module) {
  const auto here = state<double>(reference);
  const auto there = state<T, Cuda>(module);
  REQUIRE(here.size() == there.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    const auto values = cuda::to_host(TensorView<T, 1, Cuda>(there[i].value, Extents<1>{there[i].count}));
    for (index_t k = 0; k < here[i].count; ++k) here[i].value[k] = static_cast<double>(values(k));
  }
}

// Values, then gradients of all parameters.
template <class T, class Module>
std::vector<T> numbers(Module& module) {
  std::vector<T> all;
  for (const auto& p : parameters<T, Cuda>(module))
    for (T* from : {p.value, p.grad}) {
      const auto back = cuda::to_host(TensorView<T, 1, Cuda>(from, Extents<1>{p.count}));
      all.insert(all.end(), back.data(), back.data() + back.count());
    }
  return all;
}

template <class T>
Tensor<double, 3> exact(const Tensor<T, 3>& x) {
  Tensor<double, 3> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = static_cast<double>(x.data()[i]);
  return y;
}

// sum(seed * y) + sum of the state, backwards.
template <class T, device D, class Seed>
LstmOutput<T, 3, D> run(Lstm<T, D>& layer, Tape<T, D>& tape, Var<T, 3, D> x, const Seed& seed) {
  const auto out = layer.forward(tape, x);
  longwave::detail::fill(tape.grad_to_add(out.state.h), T(1));
  longwave::detail::fill(tape.grad_to_add(out.state.c), T(0.5));
  tape.backward(out.y, seed.view());
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("cuda lstm layer: two layers, both directions, against the host in double", "", float, double) {
  using T = TestType;
  on_device([] {
    for (const index_t hidden : {7, 66, 140}) {  // one block, a cluster, and in double a product per step
      const LstmOptions options{.in = 5, .hidden = hidden, .layers = 2, .bidirectional = true};
      Generator gen(3), other(4);
      Lstm<T, Cuda> layer(options, gen);
      Lstm<double> reference(options, other);
      take_values<T>(reference, layer);
      const auto x = random<T>(Extents<3>{6, 9, 5}, 1), seed = random<T>(Extents<3>{6, 9, 2 * hidden}, 2);
      const auto x_there = cuda::to_device(x), seed_there = cuda::to_device(seed);
      const auto x_exact = exact(x), seed_exact = exact(seed);
      Tape<T, Cuda> tape;
      Tape<double> tape_exact;
      const auto v = tape.variable(x_there.view());
      const auto v_exact = tape_exact.variable(x_exact.view());
      const auto got = run(layer, tape, v, seed_there);
      const auto want = run(reference, tape_exact, v_exact, seed_exact);
      const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
      const auto back = [](auto view) {
        Tensor<T, 3, Cuda> dense(view.sizes());
        copy(dense.view(), view);
        return cuda::to_host(dense);
      };
      INFO("hidden " << hidden);
      CHECK(relative_error(back(got.y.value()).view(), want.y.value()) < tolerance);
      CHECK(relative_error(back(got.state.h.value()).view(), want.state.h.value()) < tolerance);
      CHECK(relative_error(back(got.state.c.value()).view(), want.state.c.value()) < tolerance);
      CHECK(relative_error(back(v.grad()).view(), v_exact.grad()) < tolerance);
      const auto gradients = parameters<T, Cuda>(layer);
      const auto exact_gradients = parameters<double>(reference);
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        INFO(gradients[i].name);
        const Extents<1> n{gradients[i].count};
        CHECK(relative_error(cuda::to_host(TensorView<T, 1, Cuda>(gradients[i].grad, n)).view(),
                             TensorView<const double, 1>(exact_gradients[i].grad, n)) < tolerance);
      }
    }
  });
}

TEMPLATE_TEST_CASE("cuda lstm layer: a stream's steps are those of a whole sequence", "", float, double) {
  using T = TestType;
  on_device([] {
    Generator gen(3);
    Lstm<T, Cuda> layer({.in = 5, .hidden = 21, .layers = 2}, gen);
    const auto x = cuda::to_device(random<T>(Extents<3>{6, 9, 5}, 1));
    Tape<T, Cuda> tape;
    tape.set_recording(false);
    const auto whole = cuda::to_host(TensorView<const T, 3, Cuda>(layer(tape, tape.input(x.view())).value()));
    auto state = layer.make_state(6);
    Tensor<T, 2, Cuda> y(6, 21);
    for (index_t t = 0; t < 9; ++t) {
      const TensorView<const T, 2, Cuda> sample(x.data() + t * 5, Extents<2>{6, 5}, Extents<2>{9 * 5, 1});
      layer.step(sample, state, y.view());
      const TensorView<const T, 2> want(whole.data() + t * 21, Extents<2>{6, 21}, Extents<2>{9 * 21, 1});
      CHECK(relative_error(cuda::to_host(y).view(), want) < (sizeof(T) == 4 ? 1e-5 : 1e-13));
    }
  });
}

// Losses of a few batches and the weights after them: called, replayed as two graphs, and on the host in double.
TEST_CASE("cuda lstm_gan: replays of the updates leave the bits of as many calls") {
  on_device([] {
    const LstmGanOptions options{.features = 4, .hidden = 66, .latent = 16};
    const LstmGanTraining training{.lr_generator = 1e-3, .d_updates = 1, .g_updates = 2, .instance_noise = 0.01};
    const auto real = cuda::to_device(random<float>(Extents<3>{37, 12, 4}, 5, 0.3f));
    struct Run {
      Generator init, noise;
      LstmGan<float, Cuda> gan;
      LstmGanTrainer<float, Cuda> trainer;
      Run(LstmGanOptions o, LstmGanTraining t) : init(1), noise(2), gan(o, init), trainer(gan, t) {}
    };
    Run called(options, training), replayed(options, training);
    cuda::Graph discriminator, generator;
    discriminator.advances(replayed.noise, replayed.trainer.discriminator_optimizer());
    generator.advances(replayed.noise, replayed.trainer.generator_optimizer());
    const auto run = [&](GanNetwork network, auto&& update) {
      (network == GanNetwork::discriminator ? discriminator : generator).run(update);
    };
    for (int i = 0; i < 6; ++i) {
      const index_t B = i == 3 ? 20 : 37;  // a smaller batch in between runs as written
      const auto batch = real.view().slice(0, 0, B);
      called.trainer.step(batch, called.noise);
      const auto noise = [&](TensorView<float, 3, Cuda> z) { replayed.noise.normal(z); };
      if (i == 3)
        replayed.trainer.step(batch, noise);
      else
        replayed.trainer.step(batch, noise, NoGanTerm(), run);
      const auto want = called.trainer.take_losses(), got = replayed.trainer.take_losses();
      CHECK(got.discriminator == want.discriminator);
      CHECK(got.generator == want.generator);
      CHECK(want.discriminator > 0.5);
    }
    CHECK(generator.replays() > 5);
    CHECK(numbers<float>(replayed.gan) == numbers<float>(called.gan));
  });
}

TEST_CASE("cuda lstm_gan: the losses and weights of a few batches are the host's") {
  on_device([] {
    const LstmGanOptions options{.features = 4, .hidden = 66, .latent = 16};
    const LstmGanTraining training{.lr_generator = 1e-3, .d_updates = 1, .g_updates = 2};
    const auto real = random<float>(Extents<3>{24, 12, 4}, 5, 0.3f);
    const auto there = cuda::to_device(real);
    const auto real_exact = exact(real);
    Generator gen(1), other(1);
    LstmGan<float, Cuda> gan(options, gen);
    LstmGan<double> reference(options, other);
    take_values<float>(reference, gan);
    LstmGanTrainer<float, Cuda> trainer(gan, training);
    LstmGanTrainer<double> trainer_exact(reference, training);
    std::uint64_t draws = 0, exact_draws = 0;
    for (int i = 0; i < 4; ++i) {
      trainer.step(there.view(), [&](TensorView<float, 3, Cuda> z) {
        const auto drawn = cuda::to_device(random<float>(z.sizes(), 100 + draws++));
        copy(z, drawn.view());
        cuda::synchronize();  // before it goes
      });
      trainer_exact.step(real_exact.view(), [&](TensorView<double, 3> z) {
        copy(z, exact(random<float>(z.sizes(), 100 + exact_draws++)).view());
      });
      const auto got = trainer.take_losses(), want = trainer_exact.take_losses();
      CHECK(got.discriminator == Approx(want.discriminator).epsilon(1e-5));
      CHECK(got.generator == Approx(want.generator).epsilon(1e-5));
    }
  });
}
