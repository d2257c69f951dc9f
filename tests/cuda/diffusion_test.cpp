#include "place.hpp"
#include "typed_diffusion.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: step embedding, forward process and losses", "", float, double) {
  on_device([] {
    check_step_embedding<TestType, Cuda>();
    check_forward_process<TestType, Cuda>();
    check_predicted_start<TestType, Cuda>();
    check_drawn_steps<TestType, Cuda>();
  });
}

TEMPLATE_TEST_CASE("on the device: samplers", "", float, double) { on_device(check_sampler<TestType, Cuda>); }

TEST_CASE("on the device: a sampler's step as a graph leaves the bits of as many calls") {
  on_device([] {
    const Extents<3> sizes{3, 2, 29};
    const auto cond = cuda::to_device(float_numbers<float>(sizes, 4)), mask = cuda::to_device(some_known<float>(sizes));
    for (const int plan : {0, 1, 2}) {
      Sampler<float, Cuda> called(plan_number(plan), sizes), replayed(plan_number(plan), sizes);
      Generator a(9), b(9);
      cuda::Graph graph;
      graph.advances(b);
      for (int round = 0; round < 3; ++round) {  // the graph outlives a sample
        const Tensor<float, 3> want = brought(called.sample(small_net, cond.view(), mask.view(), a));
        replayed.start(cond.view(), mask.view(), b);
        for (index_t i = 0; i < replayed.steps(); ++i) graph.run([&] { replayed.step(small_net, b); });
        const Tensor<float, 3> got = brought(replayed.x());
        INFO("plan " << plan << ", sample " << round);
        CHECK(std::equal(want.data(), want.data() + want.count(), got.data()));
        CHECK(a.state().draw == b.state().draw);
      }
      CHECK(graph.replays() == 3 * replayed.steps() - 1);
    }
  });
}
