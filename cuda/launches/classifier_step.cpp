// A training step of the classifier of benchmarks/gpu: B = 64, L = 1024, 4 layers of 128 features, TF32. The first step
// is not counted: it takes working memory.
#include "launches.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/cuda.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/optim/adamw.hpp"

int main() {
  using namespace longwave;
  Generator gen(1);
  SequenceClassifier<float, Cuda> model({.d_input = 1, .d_output = 10, .d_model = 128, .n_layers = 4}, gen);
  AdamW<float, Cuda> optimizer(model, {.lr = 1e-3});
  const Tensor<float, 3, Cuda> x(64, 1, 1024);
  const Tensor<index_t, 1, Cuda> labels(64);
  cuda::set_tf32(true);
  Tape<float, Cuda> tape;
  tape.train(gen);
  count_second([&](auto part) {
    tape.rewind();
    part("forward");
    const auto y = model(tape, tape.input(x));
    part("loss");
    const auto loss = cross_entropy(y, labels.view());
    part("backward");
    tape.backward(loss);
    part("update");
    optimizer.step();
  });
}
