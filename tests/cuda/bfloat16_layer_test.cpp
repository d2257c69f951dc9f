// bf16: gelu silu relu leaky_relu tanh sigmoid softplus dropout dropout_after bias_glu linear_glu_after conv1d
#include "longwave/cuda/graph.hpp"
#include "place.hpp"
#include "typed_bfloat16_layer.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("on the device: activations in bfloat16 are the double results rounded once") {
  on_device([] { check_bfloat16_rules<Cuda>(); });
}

TEST_CASE("on the device: dropout in bfloat16 drops what it drops in float") {
  on_device([] { check_bfloat16_dropout<Cuda>(); });
}

TEST_CASE("on the device: bias_glu with z in bfloat16 and a float bias") {
  on_device([] { check_bfloat16_bias_glu<Cuda>(); });
}

TEST_CASE("on the device: conv1d of one tap in bfloat16, its weight's gradient in float") {
  on_device([] { check_bfloat16_one_tap<Cuda>(); });
}

TEST_CASE("on the device: layers with u in bfloat16 are those of floats up to the rounding of what is stored") {
  on_device([] { check_bfloat16_layers<Cuda>(); });
}

TEST_CASE("on the device: a layer in bfloat16 is captured, and its replays leave the bits of as many calls") {
  on_device([] {
    const auto run = [](bool eager) {
      Generator gen(3);
      S4DOptions options{.d_model = 24, .d_state = 64};
      options.dropout = 0.2;
      S4D<float, Cuda> layer(options, gen);
      const auto u = cuda::to_device(in_bfloat16(random<float>(Extents<3>(3, 24, 260), 61)));
      const auto dy = cuda::to_device(in_bfloat16(random<float>(Extents<3>(3, 24, 260), 62)));
      Tape<float, Cuda> tape;
      tape.train(gen);
      cuda::Graph graph(cuda::GraphOptions{.eager = eager});
      graph.advances(gen);
      Tensor<bfloat16, 3, Cuda> y(u.sizes()), du(u.sizes());
      for (int i = 0; i < 5; ++i)
        graph.run([&] {
          tape.rewind();
          const Var<bfloat16, 3, Cuda> in = tape.variable(u.view());
          const Var<bfloat16, 3, Cuda> out = layer(tape, in);
          tape.backward(out, dy.view());
          copy(y.view(), out.value());
          copy(du.view(), in.grad());
        });
      CHECK(graph.captured() != eager);
      return LayerResults{converted<float>(cuda::to_host(y)), converted<float>(cuda::to_host(du)), {}};
    };
    const LayerResults called = run(true), replayed = run(false);
    CHECK(relative_error(called.y, replayed.y) == 0);
    CHECK(relative_error(called.du, replayed.du) == 0);
  });
}
