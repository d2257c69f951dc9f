#include "longwave/cuda/graph.hpp"

#include <atomic>
#include <memory>
#include <thread>

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/cuda/readback.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// A parameter that learns from a gradient made of itself: everything of a training step but the model.
struct SmallStep {
  static constexpr index_t n = 1237;
  Parameter<float, 1, Cuda> p{Extents<1>{n}};
  Tensor<float, 1, Cuda> x;
  std::vector<ParameterRef<float, Cuda>> refs;
  AdamW<float, Cuda> optimizer;
  GradClip<float, Cuda> clip;
  Ema<float, Cuda> ema;
  cuda::Readback numbers;

  SmallStep()
      : x(cuda::to_device(random<float>(Extents(n), 3))),
        refs{longwave::detail::parameter_ref("p", p.value, p.grad.data(), {})},
        optimizer((cuda::copy(p.value.view(), random<float>(Extents(n), 4)), refs), {.lr = 1e-2}),
        clip(refs, 0.5),
        ema(refs, {.decay = 0.99, .warm_up = true}) {}

  void step() {
    ScratchOn<Cuda> scratch;
    const auto y = scratch.tensor<float>(Extents<1>(n));
    ops::Gelu::forward(y, p.value);
    ops::Gelu::backward(p.grad.view(), y, x);
    clip.apply();
    optimizer.step();
    ema.update();
    numbers.publish(TensorView<const float, 0, Cuda>(p.value.data(), Extents<0>()));
  }

  // Every number that a checkpoint would hold.
  std::vector<float> bits() {
    std::vector<float> all;
    auto state = optimizer.state();
    for (auto& ref : ema.state()) state.push_back(ref);
    state.push_back(refs[0]);
    for (const auto& ref : state) {
      const auto back = cuda::to_host(TensorView<float, 1, Cuda>(ref.value, Extents<1>(ref.count)));
      all.insert(all.end(), back.data(), back.data() + back.count());
    }
    return all;
  }
};

}  // namespace

TEST_CASE("cuda graph: replays of a step leave the bits of as many calls") {
  on_device([] {
    SmallStep called, replayed;
    cuda::Graph graph;
    graph.advances(replayed.optimizer, replayed.ema, replayed.numbers);
    for (int i = 0; i < 20; ++i) {
      const double factor = 1 / (1.0 + i);  // a schedule
      called.optimizer.set_lr_factor(factor);
      called.step();
      replayed.optimizer.set_lr_factor(factor);
      graph.run([&] { replayed.step(); });
      CHECK(graph.captured() == (i > 0));
      if (i % 7 == 5) CHECK(called.bits() == replayed.bits());  // as a checkpoint between steps
    }
    CHECK(graph.replays() == 19);
    CHECK(replayed.optimizer.steps() == 20);
    CHECK(replayed.ema.updates() == 20);
    CHECK(called.bits() == replayed.bits());
    for (int i = 0; i < 20; ++i) CHECK(called.numbers.value(i) == replayed.numbers.value(i));
  });
}

// A model on a tape: dropout whose masks differ from step to step, a loss, an optimiser.
struct TapeStep {
  static constexpr index_t n = 1237;
  Parameter<float, 2, Cuda> w{Extents<2>{3, n}};
  Tensor<float, 2, Cuda> target;
  Generator generator{7, 2};
  Tape<float, Cuda> tape;
  std::vector<ParameterRef<float, Cuda>> refs;
  AdamW<float, Cuda> optimizer;
  cuda::Readback losses;

  TapeStep()
      : target(cuda::to_device(random<float>(Extents(3, n), 5))),
        refs{longwave::detail::parameter_ref("w", w.value, w.grad.data(), {})},
        optimizer((cuda::copy(w.value.view(), random<float>(Extents(3, n), 6)), refs), {.lr = 1e-2}) {}

  void step() {
    tape.rewind();
    tape.train(generator);
    const auto y = dropout(gelu(dropout(w.on(tape), 0.3)), 0.2, /*tied=*/true);
    const auto loss = mse(y, tape.input(target));
    tape.backward(loss);
    optimizer.step();
    losses.publish(TensorView<const float, 0, Cuda>(loss.value()));
  }
};

TEST_CASE("cuda graph: dropout draws new masks in each replay, those of as many calls") {
  on_device([] {
    TapeStep called, replayed;
    cuda::Graph graph;
    graph.advances(replayed.optimizer, replayed.generator, replayed.losses);
    for (int i = 0; i < 15; ++i) {
      called.step();
      if (i == 9)
        replayed.step();
      else
        graph.run([&] { replayed.step(); });
    }
    CHECK(graph.replays() == 13);
    CHECK(replayed.generator.state().draw == called.generator.state().draw);
    CHECK(replayed.generator.state().draw == 30);
    for (int i = 0; i < 15; ++i) {
      CHECK(called.losses.value(i) == replayed.losses.value(i));
      if (i > 0) CHECK(called.losses.value(i) != called.losses.value(i - 1));
    }
    const auto a = cuda::to_host(called.w.value), b = cuda::to_host(replayed.w.value);
    CHECK(std::equal(a.data(), a.data() + a.count(), b.data()));
  });
}

TEST_CASE("cuda graph: steps go on from a checkpoint that was loaded between replays, and from calls without it") {
  on_device([] {
    SmallStep called, replayed;
    cuda::Graph graph;
    graph.advances(replayed.optimizer, replayed.ema, replayed.numbers);
    for (int i = 0; i < 12; ++i) {
      if (i == 4)
        for (SmallStep* s : {&called, &replayed}) {
          s->optimizer.set_steps(1000);
          s->ema.set_updates(1000);
        }
      called.step();
      if (i % 5 == 4)
        replayed.step();  // a last batch of another size
      else
        graph.run([&] { replayed.step(); });
      if (i == 8) graph.reset();
    }
    CHECK(replayed.optimizer.steps() == 1008);
    CHECK(called.bits() == replayed.bits());
  });
}

TEST_CASE("cuda graph: without capturing, every call runs as written") {
  on_device([] {
    SmallStep called, eager;
    cuda::Graph graph({.eager = true});
    graph.advances(eager.optimizer, eager.ema, eager.numbers);
    for (int i = 0; i < 5; ++i) {
      called.step();
      graph.run([&] { eager.step(); });
    }
    CHECK_FALSE(graph.captured());
    CHECK(called.bits() == eager.bits());
  });
}

TEST_CASE("cuda graph: what the function changes on the host is put back if it cannot be captured",
          "[large]") {  // calls fail on purpose, which compute-sanitizer reports
  on_device([] {
    SmallStep s;
    Generator generator(1), other(2);
    cuda::Graph graph;
    graph.advances(s.optimizer, generator);
    const auto reads = [&] {
      generator.next();
      s.step();
      cuda::synchronize();
    };
    graph.run(reads);
    CHECK(s.optimizer.steps() == 1);
    const std::string text = error_text<DeviceError>([&] { graph.run(reads); });
    INFO(text);
    CHECK(text.find("cuda::Graph: the step cannot be captured: cudaStreamSynchronize") == 0);
    CHECK(text.find("GraphOptions::eager") != std::string::npos);
    CHECK(s.optimizer.steps() == 1);
    CHECK(generator.state().draw == 1);

    const std::string memory = error_text<DeviceError>([&] { graph.run([&] { Tensor<float, 1, Cuda>(1 << 20); }); });
    INFO(memory);
    CHECK(memory.find("of device memory asked while a step is captured") != std::string::npos);

    // The device is as good as before, and so is the graph.
    graph.run([&] { s.step(); });
    CHECK(graph.captured());
    cuda::synchronize();
    CHECK(s.optimizer.steps() == 2);

    cuda::Graph two;
    two.advances(generator, other);
    const auto uneven = [&] {
      generator.next();
      other.next();
      other.next();
      s.step();
    };
    two.run(uneven);
    CHECK(error_text<ValueError>([&] { two.run(uneven); }).find("move at different rates") != std::string::npos);
  });
}

TEST_CASE("cuda graph: a tensor may be released while a step is captured, and other threads go on") {
  on_device([] {
    SmallStep s;
    cuda::Graph graph({.warm_up = 1});
    auto extra = std::make_unique<Tensor<float, 1, Cuda>>(1000);
    std::atomic<bool> stop = false;
    std::thread other([&] {
      while (!stop) Tensor<float, 1, Cuda>(1000);
    });
    for (int i = 0; i < 50; ++i) {
      graph.run([&] { s.step(); });
      graph.run([&] {
        s.step();
        extra.reset();
      });
      graph.reset();
    }
    stop = true;
    other.join();
    cuda::synchronize();
    CHECK(s.optimizer.steps() == 50 + 50);  // the optimiser is not the graph's: the captured call counts once
  });
}

TEST_CASE("cuda readback: newest and exact values, and what the ring no longer holds") {
  on_device([] {
    cuda::Readback numbers(8);
    CHECK(numbers.newest() == -1);
    const auto host = random<double>(Extents(40), 9);
    const auto there = cuda::to_device(host);
    Tensor<index_t, 0> seven{Extents<0>()};
    seven() = 7;
    const auto seven_there = cuda::to_device(seven);
    for (index_t i = 0; i < 40; ++i) {
      numbers.publish(there.view().slice(0, i, i + 1)[0], seven_there.view());
      if (i % 3 == 0) CHECK(numbers.value(i) == host(i));
    }
    CHECK(numbers.value(39, 1) == 7);
    CHECK(numbers.newest() == 39);
    CHECK(numbers.value(32) == host(32));
    CHECK(error_text<ValueError>([&] { numbers.value(31); }) ==
          "Readback: publication 31 of 40; the last 8 can be read");
    CHECK(error_text<ValueError>([&] { numbers.value(40); }).find("publication 40 of 40") != std::string::npos);
  });
}
