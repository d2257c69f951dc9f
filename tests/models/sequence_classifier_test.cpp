#include "longwave/models/sequence_classifier.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/optim/adamw.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("SequenceClassifier: parameter count of the published example") {
  Generator gen(1);
  // S4D minimal, 4 x 128: 201,482 parameters for three input channels, 201,226 for one (N = 64).
  SequenceClassifier<float> rgb({.d_input = 3, .d_model = 128}, gen);
  SequenceClassifier<float> gray({.d_input = 1, .d_model = 128}, gen);
  CHECK(count_parameters(rgb) == 201482);
  CHECK(count_parameters(gray) == 201226);
}

TEST_CASE("SequenceClassifier: the prediction after every sample is that of the sequence so far") {
  for (const bool prenorm : {false, true})
    for (const Pooling pooling : {Pooling::mean, Pooling::last}) {
      Generator gen(1);
      SequenceClassifier<float> model({.d_input = 2,
                                       .d_output = 3,
                                       .d_model = 17,
                                       .d_state = 8,
                                       .n_layers = 2,
                                       .prenorm = prenorm,
                                       .pooling = pooling},
                                      gen);
      const auto x = random<float>(Extents<3>{4, 2, 33}, 2);
      auto state = model.make_state(4);
      Tensor<float, 2> in(4, 2), logits(4, 3);
      Tape<float> tape;
      for (index_t l = 0; l < 33; ++l) {
        for (index_t b = 0; b < 4; ++b)
          for (index_t i = 0; i < 2; ++i) in(b, i) = x(b, i, l);
        model.step(in, state, logits.view());
        if (l % 8 != 0) continue;
        tape.rewind();
        const auto want = model(tape, tape.input(x.view().slice(2, 0, l + 1)));
        INFO("prenorm " << prenorm << " sample " << l);
        CHECK(relative_error(logits.view(), want.value()) < 1e-5);
      }
      state.reset();
      CHECK(state.samples == 0);
    }
}

TEST_CASE("SequenceClassifier: a few steps of AdamW fit a small batch") {
  Generator gen(1);
  SequenceClassifier<float> model({.d_output = 4, .d_model = 16, .d_state = 8, .n_layers = 2, .dropout = 0}, gen);
  AdamW<float> optimizer(model, {.lr = 1e-2});
  const auto x = random<float>(Extents<3>{8, 1, 25}, 2);
  Tensor<index_t, 1> labels(8);
  for (index_t b = 0; b < 8; ++b) labels(b) = b % 4;
  Tape<float> tape;
  tape.train(gen);
  float first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    tape.rewind();
    const auto loss = cross_entropy(model(tape, tape.input(x)), labels.view());
    tape.backward(loss);
    optimizer.step();
    (step == 0 ? first : last) = loss.value()();
  }
  CHECK(first > 1.0f);
  CHECK(last < 0.1f);
}

TEST_CASE("SequenceClassifier: wrong inputs are named") {
  Generator gen(1);
  SequenceClassifier<float> model({.d_input = 2, .d_model = 8, .d_state = 4, .n_layers = 1}, gen);
  Tape<float> tape;
  CHECK(error_text<ShapeError>([&] {
          model(tape, tape.input(random<float>(Extents<3>{4, 3, 9})));
        }) == "SequenceClassifier: x is (B=4, I=3, L=9), expected I = d_input = 2 and L of at least 1");
  CHECK(error_text<ValueError>([&] { SequenceClassifier<float>({.n_layers = 0}, gen); }) ==
        "SequenceClassifier: n_layers is 0, expected at least 1");
}
