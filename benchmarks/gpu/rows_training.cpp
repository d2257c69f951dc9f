// Whole training steps, one captured graph each: forward, loss, backward, optimiser. TF32 products.
#include "bench.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/optim/adamw.hpp"

namespace longwave::bench {
namespace {

// B = 64, L = 1024, d_model = 128, 4 layers, dropout 0.1: the example of the S4 repository.
void classifier(Suite& suite) {
  const index_t B = 64, L = 1024, H = 128, layers = 4;
  const std::string name = "classifier training step B64 L1024 d128";
  if (!suite.wants(name)) return;
  Generator gen(1);
  SequenceClassifier<float, Cuda> model({.d_input = 1, .d_output = 10, .d_model = H, .n_layers = layers}, gen);
  AdamW<float, Cuda> optimizer(model, {.lr = 1e-3});
  const auto x = random<float>(Extents<3>(B, 1, L), 2);
  Tensor<index_t, 1> classes(B);
  for (index_t b = 0; b < B; ++b) classes(b) = b % 10;
  const auto labels = cuda::to_device(classes);
  Tape<float, Cuda> tape;
  tape.train(gen);
  const double samples = static_cast<double>(B * H * L * layers);
  const double flops = samples * (3.0 * 2 * 2 * H + 3.0 * (2 * 64 + 4 * 64));
  suite.time_step({name, 5 * 4 * samples, flops, Products::tf32, 2.0}, [&](cuda::Graph& graph) {
    graph.advances(gen, optimizer);
    return [&] {
      tape.rewind();
      tape.backward(cross_entropy(model(tape, tape.input(x)), labels.view()));
      optimizer.step();
    };
  });
}

// Focusing of SAR lines: 3 channels in, 2 out, four S4D layers of two features with d_state = 8 on 10,000 samples.
struct Lines {
  PointwiseLinear<float, Cuda> in, out;
  std::vector<S4D<float, Cuda>> layers;

  explicit Lines(Generator& gen) : in({.in = 3, .out = 2}, gen), out({.in = 2, .out = 2}, gen) {
    for (int i = 0; i < 4; ++i)
      layers.emplace_back(S4DOptions{.d_model = 2, .d_state = 8, .final_act = Activation::none}, gen);
  }
  template <class F>
  void for_each_parameter(F&& f) {
    visit("fc1.", in, f);
    for (std::size_t i = 0; i < layers.size(); ++i) visit("layers." + std::to_string(i) + ".", layers[i], f);
    visit("fc2.", out, f);
  }
  Var<float, 3, Cuda> operator()(Tape<float, Cuda>& tape, Var<float, 3, Cuda> x) {
    x = in(tape, x);
    for (auto& layer : layers) x = layer(tape, x);
    return out(tape, x);
  }
};

void lines(Suite& suite) {
  const index_t B = 10, L = 10000;
  const std::string name = "SAR-size training step B10 L10000 d2";
  if (!suite.wants(name)) return;
  Generator gen(1);
  Lines model(gen);
  AdamW<float, Cuda> optimizer(parameters<float, Cuda>(model), {.lr = 5e-3});
  const auto x = random<float>(Extents<3>(B, 3, L), 2), target = random<float>(Extents<3>(B, 2, L), 3);
  Tape<float, Cuda> tape;
  const double samples = static_cast<double>(B * 2 * L * 4);
  suite.time_step({name, 5 * 4 * samples, samples * 3 * (2 * 64 + 4 * 8), Products::fp32, 0.8},
                  [&](cuda::Graph& graph) {
                    graph.advances(optimizer);
                    return [&] {
                      tape.rewind();
                      tape.backward(l1(model(tape, tape.input(x)), tape.input(target)));
                      optimizer.step();
                    };
                  });
}

const Family family("training", [](Suite& suite) {
  cuda::set_tf32(true);
  classifier(suite);
  lines(suite);
  cuda::set_tf32(false);
});

}  // namespace
}  // namespace longwave::bench
