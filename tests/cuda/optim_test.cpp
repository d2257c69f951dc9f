#include "longwave/cuda/optim.hpp"

#include "files.hpp"
#include "longwave/cuda/graph.hpp"
#include "longwave/interop/torch_names.hpp"
#include "longwave/io/checkpoint.hpp"
#include "place.hpp"
#include "typed_optim.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: fifty steps of every optimiser are the host's", "", float, double) {
  on_device(check_optimisers<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: clipping", "", float, double) {
  on_device([] {
    check_clipping<TestType, Cuda>();
    check_clipping_edges<TestType, Cuda>();
  });
}
TEMPLATE_TEST_CASE("on the device: the same steps give the same bits, swapping is exact", "", float, double) {
  on_device(check_exact<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: parameters anywhere in memory", "", float, double) {
  on_device(check_unaligned<TestType, Cuda>);
}

// The rate, the step's number and the average's share change from replay to replay.
TEMPLATE_TEST_CASE("on the device: replays of a captured step give the bits of calls", "", float, double) {
  on_device([] {
    using T = TestType;
    const auto run = [](bool eager) {
      OddModule<T, Cuda> module;
      AdamW optimizer(module, {.lr = 0.01});
      Ema ema(module, {.warm_up = true});
      GradClip<T, Cuda> clip(optimizer.parameters(), 1);
      Generator gen(11);
      cuda::Graph graph({.eager = eager});
      graph.advances(gen, optimizer, ema);
      for (int step = 0; step < 12; ++step) {
        optimizer.set_lr_factor(1.0 / (1 + step));
        graph.run([&] {
          module.for_each_parameter([&](const std::string&, auto& p) { gen.normal(p.grad.view()); });
          clip.apply();
          optimizer.step();
          ema.update();
        });
      }
      CHECK(graph.captured() != eager);
      CHECK(optimizer.steps() == 12);
      auto all = numbers(state<T, Cuda>(module));
      for (auto& average : numbers(ema.state())) all.push_back(std::move(average));
      all.push_back(Tensor<T, 1>(1));
      all.back()(0) = static_cast<T>(clip.last_norm());
      return all;
    };
    CHECK(same_bits(run(false), run(true)));
  });
}

namespace {

template <device D>
struct Run {
  OddModule<float, D> model;
  AdamW<float, D> optimizer{model, {.lr = 0.01}};
  Generator gen{10};

  void steps(int n) {
    for (int i = 0; i < n; ++i) {
      model.draw_gradients(gen);
      optimizer.step();
    }
  }
  void save(const std::string& path) {
    CheckpointInfo info;
    info.step = optimizer.steps();
    info.generators["data"] = gen.state();
    save_checkpoint(path, state<float, D>(model), optimizer.state(), info);
  }
  void load(const std::string& path) {
    const Checkpoint saved(path);
    saved.load(state<float, D>(model), optimizer.state());
    optimizer.set_steps(saved.info().step);
    gen.set_state(saved.info().generators.at("data"));
  }
  auto values() { return numbers(state<float, D>(model)); }
};

}  // namespace

TEST_CASE("on the device: a checkpoint belongs to no device") {
  on_device([] {
    const TemporaryFolder folder;
    Run<Cuda> there;
    there.steps(5);
    there.save(folder / "cuda.ckpt");
    Run<Host> here;
    here.load(folder / "cuda.ckpt");
    CHECK(same_bits(here.values(), there.values()));
    CHECK(same_bits(numbers(here.optimizer.state()), numbers(there.optimizer.state())));
    here.save(folder / "host.ckpt");
    CHECK(read_text(folder / "host.ckpt") == read_text(folder / "cuda.ckpt"));

    // On from the file with the bits of the run that was not interrupted.
    there.steps(5);
    Run<Cuda> again;
    again.load(folder / "host.ckpt");
    again.steps(5);
    CHECK(same_bits(again.values(), there.values()));
    CHECK(same_bits(numbers(again.optimizer.state()), numbers(there.optimizer.state())));
    Run<Host> other;
    other.load(folder / "cuda.ckpt");
    other.steps(5);
    CHECK(worst_error(again.values(), other.values()) <= 1e-6);
  });
}

TEST_CASE("on the device: a state dict of PyTorch is the same file") {
  on_device([] {
    const TemporaryFolder folder;
    OddModule<float, Host> here;
    OddModule<float, Cuda> there, loaded;
    save_torch(folder / "host.safetensors", here);
    save_torch(folder / "cuda.safetensors", there);
    CHECK(read_text(folder / "host.safetensors") == read_text(folder / "cuda.safetensors"));
    init::constant(loaded.b.value.view(), 7);
    CHECK(load_torch(folder / "host.safetensors", loaded).loaded.size() == 5);
    CHECK(same_bits(numbers(state<float, Cuda>(loaded)), numbers(state<float>(here))));
    const NamedArray array = named_array("b", there.b.value);
    CHECK(std::memcmp(array.data, here.b.value.data(), here.b.value.bytes()) == 0);
  });
}
