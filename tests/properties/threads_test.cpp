// A whole training run, its gradients and its predictions: the same bits for 1, 2 and 8 threads.
#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Every parameter after four steps, then the logits, as one row of numbers.
std::vector<float> train(int threads, Algorithm form, bool prenorm) {
  set_num_threads(threads);
  Generator gen(1);
  SequenceClassifier<float> model({.d_input = 2,
                                   .d_output = 5,
                                   .d_model = 40,
                                   .d_state = 16,
                                   .n_layers = 2,
                                   .dropout = 0.1,
                                   .prenorm = prenorm,
                                   .algorithm = form},
                                  gen);
  AdamW<float> optimizer(model, {.lr = 1e-2});
  const auto x = random<float>(Extents<3>{24, 2, 300}, 2);
  Tensor<index_t, 1> labels(24);
  for (index_t b = 0; b < 24; ++b) labels(b) = b % 5;
  Tape<float> tape;
  tape.train(gen);
  for (int step = 0; step < 4; ++step) {
    tape.rewind();
    tape.backward(cross_entropy(model(tape, tape.input(x)), labels.view()));
    clip_grad_norm(optimizer.parameters(), 0.5);
    optimizer.step();
  }
  std::vector<float> numbers;
  for (const auto& p : parameters<float>(model)) numbers.insert(numbers.end(), p.value, p.value + p.count);
  tape.rewind();
  tape.evaluate();
  const auto logits = model(tape, tape.input(x)).value();
  numbers.insert(numbers.end(), logits.data(), logits.data() + logits.count());
  set_num_threads(0);
  return numbers;
}

}  // namespace

TEST_CASE("threads: training gives the same bits for 1, 2 and 8") {
  for (const Algorithm form : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    const auto want = train(1, form, form == Algorithm::fft);
    for (const float v : want) REQUIRE(std::isfinite(v));
    INFO("form " << static_cast<int>(form));
    CHECK(train(2, form, form == Algorithm::fft) == want);
    CHECK(train(8, form, form == Algorithm::fft) == want);
  }
}

TEMPLATE_TEST_CASE("threads: a step of training any kernel gives the same bits for 1, 2 and 8", "", (S4<float>),
                   (S4Diag<float>), (DSS<float>)) {
  const auto train_layer = [](int threads) {
    set_num_threads(threads);
    Generator gen(1);
    TestType layer({.d_model = 24, .d_state = 16, .channels = 2, .bidirectional = true}, gen);
    AdamW<float> optimizer(layer, {.lr = 1e-2});
    const auto u = random<float>(Extents<3>{4, 24, 300}, 2);
    Tape<float> tape;
    for (int step = 0; step < 2; ++step) {
      tape.rewind();
      tape.backward(mse(layer(tape, tape.input(u)), tape.input(u)));
      optimizer.step();
    }
    std::vector<float> numbers;
    for (const auto& p : parameters<float>(layer)) numbers.insert(numbers.end(), p.value, p.value + p.count);
    set_num_threads(0);
    return numbers;
  };
  const auto want = train_layer(1);
  for (const float v : want) REQUIRE(std::isfinite(v));
  CHECK(train_layer(2) == want);
  CHECK(train_layer(8) == want);
}
