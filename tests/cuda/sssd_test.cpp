#include "longwave/cuda/readback.hpp"
#include "longwave/models/sssd_categorical.hpp"
#include "longwave/optim/adam.hpp"
#include "place.hpp"
#include "typed_diffusion.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: ends of a residual block in fewer passes", "", float, double) {
  on_device(check_block_ends<TestType, Cuda>);
}
TEST_CASE("on the device: SSSD, with S4 and S4D, and DiffWave", "[large]") {
  on_device(check_sssd_networks<float, Cuda>);
}
TEST_CASE("on the device: held kernels and weights") { on_device(check_holds<float, Cuda>); }

namespace {

// Training as the program does it.
template <device D>
struct Training {
  Generator init{1}, noise{2};
  Sssd<float, D> net;
  Adam<float, D> adam;
  NoiseLevels<float, D> levels;
  Tensor<float, 3, D> x0, mask;
  Tape<float, D> tape;
  TensorView<const float, 0, D> loss;

  explicit Training(double dropout)
      : net({.num_res_layers = 2,
             .res_channels = 5,
             .skip_channels = 3,
             .diffusion_step_embed_dim_in = 8,
             .diffusion_step_embed_dim_mid = 8,
             .diffusion_step_embed_dim_out = 8,
             .s4_lmax = 23,
             .s4_d_state = 6,
             .s4_dropout = dropout},
            init),
        adam(net, {.lr = 1e-2}),
        levels(NoiseSchedule::linear(20, 1e-3, 0.3)),
        x0(placed<D>(float_numbers<float>(Extents<3>{9, 1, 23}, 4))),
        mask(placed<D>(some_known<float>(x0.sizes()))) {}

  void step() {
    tape.rewind();
    tape.train(noise);
    const auto l =
        training_loss(tape, net, TrainingSample<float, D>{.x0 = x0.view(), .mask = mask.view()}, levels, noise);
    tape.backward(l);
    adam.step();
    loss = l.value();
  }
};

}  // namespace

TEST_CASE("on the device: replayed training steps of SSSD leave the bits of as many calls, near those of the host") {
  on_device([] {
    for (const double dropout : {0.0, 0.2}) {
      Training<Cuda> called(dropout), replayed(dropout);
      Training<Host> here(dropout);
      cuda::Readback losses;
      cuda::Graph graph;
      graph.advances(replayed.noise, replayed.adam, losses);
      for (int i = 0; i < 6; ++i) {
        called.step();
        here.step();
        graph.run([&] {
          replayed.step();
          losses.publish(replayed.loss);
        });
        CHECK(losses.value(i) == static_cast<double>(brought(called.loss)()));
        CHECK(losses.value(i) == Approx(static_cast<double>(here.loss())).epsilon(2e-3));
      }
      CHECK(graph.replays() == 5);
      CHECK(same_bits(numbers(state<float, Cuda>(called.net)), numbers(state<float, Cuda>(replayed.net))));
      CHECK(called.noise.state().draw == replayed.noise.state().draw);
    }
  });
}

TEST_CASE("on the device: events hidden, predicted and filled in as on the host") {
  on_device([] {
    const index_t B = 5, L = 17;
    Tensor<float, 3> events(B, 1, L), mask = some_known<float>(Extents<3>{B, 1, L});
    for (index_t i = 0; i < events.count(); ++i) events.data()[i] = static_cast<float>(i % 4);
    const SssdCategoricalOptions options{.network = {.num_res_layers = 2,
                                                     .res_channels = 4,
                                                     .skip_channels = 4,
                                                     .diffusion_step_embed_dim_in = 8,
                                                     .diffusion_step_embed_dim_mid = 8,
                                                     .diffusion_step_embed_dim_out = 8,
                                                     .s4_lmax = L,
                                                     .s4_d_state = 4},
                                         .classes = 4,
                                         .steps = 10};
    const auto run = [&](auto on) {
      using D = typename decltype(on)::Device;
      Generator init(1), gen(2);
      SssdCategorical<float, D> net(options, init);
      init::normal(init, net.final_conv.zero_conv.weight.value.view(), 0, 0.5);
      const auto x = placed<D>(events), m = placed<D>(mask);
      Tape<float, D> tape;
      const auto loss = net.loss(tape, x.view(), m.view(), gen);
      tape.backward(loss);
      Tensor<float, 4> all(2, B, 1, L);
      all(0, 0, 0, 0) = brought(loss.value())();
      CategoricalSampler<float, D> sampler({B, 1, L}, {.rounds = 3});
      copy(all.view()[1], brought(sampler.sample(net, x.view(), m.view(), gen)).view());
      return all;
    };
    const auto there = run(On<float, Cuda>()), here = run(On<float, Host>());
    CHECK(there(0, 0, 0, 0) == Approx(here(0, 0, 0, 0)).epsilon(1e-4));
    index_t other = 0;
    for (index_t b = 0; b < B; ++b)
      for (index_t l = 0; l < L; ++l) other += there(1, b, 0, l) != here(1, b, 0, l) ? 1 : 0;
    CHECK(other == 0);
  });
}
