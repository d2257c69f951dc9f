#include "longwave/cuda/graph.hpp"
#include "place.hpp"
#include "typed_held.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: the parts of a batch with a held kernel make the whole one's gradients", "", float,
                   double) {
  on_device([] { check_held_layers<TestType, Cuda>(); });
}

TEST_CASE("on the device: a held kernel in bfloat16 leaves the values of the passes without it") {
  on_device([] {
    Generator gen(2);
    S4DOptions options{.d_model = 16, .d_state = 64};
    S4D<float, Cuda> layer(options, gen);
    const auto u = in_bfloat16(random<float>(Extents(6, 16, 260), 61));
    const auto dy = in_bfloat16(random<float>(Extents(6, 16, 260), 62));
    const auto held = run_parts(layer, u, dy, 3, true), parts = run_parts(layer, u, dy, 3, false);
    CHECK(relative_error(held.y, parts.y) == 0);
    CHECK(relative_error(held.du, parts.du) == 0);
    check_close(held, parts, 1e-4);
  });
}

namespace {

// Three steps of three parts each, in three captured pieces: the gradients of each step, one after the other.
template <class Layer>
std::vector<float> captured_steps(const typename Layer::Options& options, bool eager) {
  Generator gen(3);
  Layer layer(options, gen);
  const index_t H = options.d_model, L = 150;
  Tape<float, Cuda> tape;
  Tensor<float, 3, Cuda> u(4, H, L), dy(4, layer.d_output(), L);
  cuda::Graph hold(cuda::GraphOptions{.eager = eager}), pass(cuda::GraphOptions{.eager = eager}),
      release(cuda::GraphOptions{.eager = eager});
  std::vector<float> all;
  for (std::uint64_t step = 0; step < 4; ++step) {
    hold.run([&] {
      layer.for_each_parameter([](const std::string&, auto& p) { detail::fill(p.grad.view(), 0.0f); });
      layer.hold(4, L);
    });
    for (std::uint64_t part = 0; part < 3; ++part) {
      copy(u.view(), cuda::to_device(random<float>(u.sizes(), 10 * step + part)).view());
      copy(dy.view(), cuda::to_device(random<float>(dy.sizes(), 1000 + 10 * step + part)).view());
      pass.run([&] {
        tape.rewind();
        tape.backward(layer(tape, tape.variable(u.view())), dy.view());
      });
    }
    release.run([&] { layer.release(); });
    layer.for_each_parameter([&](const std::string&, auto& p) {
      const auto here = cuda::to_host(p.grad);
      all.insert(all.end(), here.data(), here.data() + here.count());
      const auto value = cuda::to_host(p.value);  // the next step's parameters
      auto next = value.clone();
      for (index_t i = 0; i < next.count(); ++i) next.data()[i] *= 0.98f;
      copy(p.value.view(), cuda::to_device(next).view());
    });
  }
  for (const cuda::Graph* graph : {&hold, &pass, &release}) CHECK(graph->captured() != eager);
  return all;
}

template <class Layer>
void check_captured_steps(const char* what, const typename Layer::Options& options) {
  INFO(what);
  const auto called = captured_steps<Layer>(options, true), replayed = captured_steps<Layer>(options, false);
  CHECK(called == replayed);
  double sum = 0;
  for (const float g : called) sum += std::abs(static_cast<double>(g));
  CHECK((sum > 0 && sum < INFINITY));
}

}  // namespace

TEST_CASE("on the device: hold, passes and release are captured apart, and replays leave the bits of calls") {
  on_device([] {
    check_captured_steps<S4D<float, Cuda>>("s4d", {.d_model = 8, .d_state = 64});
    check_captured_steps<S4Diag<float, Cuda>>("s4_diag", {.d_model = 8, .d_state = 16, .bidirectional = true});
    check_captured_steps<DSS<float, Cuda>>("dss", {.d_model = 8, .d_state = 12});
    check_captured_steps<S4<float, Cuda>>("s4", {.d_model = 8, .d_state = 16, .l_max = 150});
  });
}
