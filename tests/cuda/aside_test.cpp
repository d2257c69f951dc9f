#include "longwave/cuda/aside.hpp"

#include "files.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/weight_norm.hpp"
#include "longwave/models/diffwave.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/optim/adam.hpp"
#include "place.hpp"
#include "typed_diffusion.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Everything in order for a scope.
struct InOrder {
  InOrder() { cuda::set_aside(false); }
  ~InOrder() { cuda::set_aside(true); }
};

template <class T, int N, device D>
Tensor<T, N> home(const Tensor<T, N, D>& x) {
  return brought(x.view());
}

// v <- v + 1, many times: long enough that what does not wait reads too early.
void count_up(TensorView<float, 1, Cuda> v, const Tensor<float, 1, Cuda>& one, int times) {
  for (int i = 0; i < times; ++i) longwave::detail::add_to(v, TensorView<const float, 1, Cuda>(one.view()));
}

}  // namespace

TEST_CASE("cuda aside: what is waited for is done, a lane keeps its order, working memory is its own") {
  on_device([] {
    const index_t n = index_t(1) << 22;
    Tensor<float, 1, Cuda> a(n), b(n), one(n), sum(n);
    longwave::detail::fill(one.view(), 1.0f);
    cuda::Stream stream;
    const cuda::UseStream use(stream);
    cuda::Aside& aside = stream.aside();
    for (int round = 1; round <= 3; ++round) {
      count_up(a.view(), one, 20);
      const cuda::Ticket first = aside.run(0, [&] {
        CHECK(cuda::current_stream().beside() == &stream);
        CHECK(cuda::current_stream().advance() == stream.advance());
        CHECK(&scratch_arena(Cuda()) != &stream.scratch());
        count_up(a.view(), one, 20);
      });
      const cuda::Ticket second = aside.run(0, [&] { copy(b.view(), a.view()); });
      CHECK(aside.lane_of(second) == 0);
      const cuda::Ticket third = aside.run(1, [&] {
        aside.wait(first);
        aside.wait(second);
        longwave::detail::add_to(a.view(), TensorView<const float, 1, Cuda>(one.view()));
      });
      aside.wait(third);
      copy(sum.view(), a.view());
      aside.join();
      CHECK_FALSE(aside.pending(third));
      CHECK(home(b)(n - 1) == 41.0f * static_cast<float>(round) - 1);
      CHECK(home(sum)(0) == 41.0f * static_cast<float>(round));
    }
  });
}

// A weight that one op's gradient reaches aside and another's on the way, in both orders, and a gradient that is read
// aside while more is added to it.
TEST_CASE("cuda aside: gradients that several ops add to") {
  on_device([] {
    const Extents<3> sizes{4, 32, 200};
    const auto x0 = random<float>(sizes, 1);
    const auto v0 = random<float>(Extents<3>{32, 32, 3}, 2);
    const auto g0 = random<float>(Extents<1>{32}, 3);
    const auto gradients = [&](auto on) {
      using D = typename decltype(on)::Device;
      auto x = placed<D>(x0), v = placed<D>(v0);
      auto g = placed<D>(g0);
      Tensor<float, 3, D> dv(v.sizes());
      Tensor<float, 1, D> dg(g.sizes());
      Tape<float, D> tape;
      const auto in = tape.variable(x.view());
      const auto weight = tape.parameter(v.view(), dv.view(), "v");
      const auto W = weight_norm(weight, tape.parameter(g.view(), dg.view(), "g"));
      const Conv1dOptions same{.padding = 1};
      auto y = conv1d(in, W, {}, same);
      y = conv1d(y * y + in, W, {}, same);            // W twice
      y = conv1d(y + in, weight + weight, {}, same);  // the parameter on a way of its own
      y = conv1d(y + in, W * weight, {}, same);
      const auto seed = placed<D>(random<float>(sizes, 5));
      tape.backward(y, TensorView<const float, 3, D>(seed.view()));
      return std::tuple(brought(in.grad()), home(dv), home(dg));
    };
    const auto here = gradients(On<float, Host>());
    for (int round = 0; round < 20; ++round) {
      const auto there = gradients(On<float, Cuda>());
      const InOrder in_order;
      const auto ordered = gradients(On<float, Cuda>());
      CHECK(same_bits(std::get<0>(there), std::get<0>(ordered)));
      CHECK(same_bits(std::get<1>(there), std::get<1>(ordered)));
      CHECK(same_bits(std::get<2>(there), std::get<2>(ordered)));
      CHECK(relative_error(std::get<0>(there), std::get<0>(here)) < 1e-4);
      CHECK(relative_error(std::get<1>(there), std::get<1>(here)) < 1e-4);
    }
  });
}

namespace {

// Steps of the network of the benchmarks, with fewer blocks.
template <class Net>
std::vector<Tensor<float, 1>> trained(int steps, bool graph) {
  Generator init(1), noise(2);
  Net net({.num_res_layers = 3, .s4_lmax = 200}, init);
  Adam<float, Cuda> adam(net, {.lr = 2e-4});
  const NoiseLevels<float, Cuda> levels(NoiseSchedule::linear(200, 1e-4, 0.02));
  const Tensor<float, 3> x0 = random<float>(Extents<3>{8, 1, 200}, 3);
  const auto x = placed<Cuda>(x0), mask = placed<Cuda>(some_known<float>(x0.sizes()));
  Tape<float, Cuda> tape;
  tape.train(noise);
  cuda::Graph replayed({.eager = !graph});
  replayed.advances(noise, adam);
  for (int i = 0; i < steps; ++i)
    replayed.run([&] {
      tape.rewind();
      tape.backward(
          training_loss(tape, net, TrainingSample<float, Cuda>{.x0 = x.view(), .mask = mask.view()}, levels, noise));
      adam.step();
    });
  return numbers(state<float, Cuda>(net));
}

}  // namespace

TEST_CASE("cuda aside: steps of SSSD and DiffWave leave the bits of steps in order", "[large]") {
  on_device([] {
    const auto check = [](auto network) {
      using Net = typename decltype(network)::type;
      std::vector<Tensor<float, 1>> ordered;
      {
        const InOrder in_order;
        ordered = trained<Net>(12, false);
      }
      for (const bool graph : {false, true})
        for (int round = 0; round < 3; ++round) CHECK(same_bits(trained<Net>(12, graph), ordered));
    };
    check(std::type_identity<Sssd<float, Cuda>>());
    check(std::type_identity<DiffWave<float, Cuda>>());
  });
}

TEST_CASE("cuda aside: drawing with held kernels, their spectra and weights leaves the bits of steps in order",
          "[large]") {
  on_device([] {
    const Extents<3> sizes{5, 1, 200};
    const auto x = placed<Cuda>(random<float>(sizes, 3)), mask = placed<Cuda>(some_known<float>(sizes));
    const auto drawn = [&](bool hold) {
      Generator init(1), noise(2);
      Sssd<float, Cuda> net({.num_res_layers = 4, .s4_lmax = 200}, init);
      init::normal(init, net.final_conv.zero_conv.weight.value.view(), 0, 0.1);
      if (hold) net.hold(200);
      Sampler<float, Cuda> sampler(ddpm(NoiseSchedule::linear(10, 1e-3, 0.1)), sizes);
      return brought(sampler.sample(net, x.view(), mask.view(), noise));
    };
    const auto there = drawn(true);
    CHECK(relative_error(there, drawn(false)) < 1e-5);
    for (int round = 0; round < 3; ++round) CHECK(same_bits(drawn(true), there));
    const InOrder in_order;
    CHECK(same_bits(drawn(true), there));
  });
}
