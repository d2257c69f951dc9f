#include "longwave/models/sequence_model.hpp"

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/optim/adamw.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
using Mixed = SequenceModel<S4D<T>, S4D<T>, FeedForward<T>>;

template <class T>
typename Mixed<T>::Options mixed(bool prenorm, NormKind norm, ResidualKind residual = ResidualKind::residual) {
  return {.d_model = 5,
          .n_layers = 2,
          .prenorm = prenorm,
          .norm = norm,
          .residual = {.kind = residual},
          .layers = {S4DOptions{.d_state = 4}, S4DOptions{.d_state = 6}, FeedForwardOptions{.expand = 2}}};
}

}  // namespace

TEST_CASE("SequenceModel: parameters carry the official names, blocks in turn") {
  Generator gen(1);
  SequenceModel<IdentityLayer<float>, FeedForward<float>> model(
      {.d_model = 2, .n_layers = 2, .norm = NormKind::layer, .layers = {{}, {.expand = 1}}}, gen);
  CHECK(model.count() == 4);
  CHECK(state_shapes<float>(model) ==
        std::vector<std::string>{
            "layers.0.norm.norm.weight 2", "layers.0.norm.norm.bias 2", "layers.1.layer.ff.0.0.weight 2 2",
            "layers.1.layer.ff.0.0.bias 2", "layers.1.layer.ff.2.weight 2 2", "layers.1.layer.ff.2.bias 2",
            "layers.1.norm.norm.weight 2", "layers.1.norm.norm.bias 2", "layers.2.norm.norm.weight 2",
            "layers.2.norm.norm.bias 2", "layers.3.layer.ff.0.0.weight 2 2", "layers.3.layer.ff.0.0.bias 2",
            "layers.3.layer.ff.2.weight 2 2", "layers.3.layer.ff.2.bias 2", "layers.3.norm.norm.weight 2",
            "layers.3.norm.norm.bias 2", "norm.norm.weight 2", "norm.norm.bias 2"});
  SequenceModel<IdentityLayer<float>> post({.d_model = 2, .prenorm = false, .norm = NormKind::batch}, gen);
  CHECK(state_shapes<float>(post) ==
        std::vector<std::string>{"layers.0.norm.norm.weight 2", "layers.0.norm.norm.bias 2",
                                 "layers.0.norm.norm.running_mean 2", "layers.0.norm.norm.running_var 2",
                                 "layers.0.norm.norm.num_batches_tracked"});
}

TEST_CASE("SequenceModel: is its blocks one after the other, then the norm") {
  for (const bool prenorm : {false, true}) {
    Generator gen(1);
    SequenceModel<S4D<double>> model(
        {.d_model = 5, .n_layers = 3, .prenorm = prenorm, .layers = {S4DOptions{.d_state = 4}}}, gen);
    const auto u = random<double>(Extents<3>{2, 5, 9});
    Tape<double> tape;
    auto x = tape.input(u);
    for (auto& block : std::get<0>(model.blocks)) x = block(tape, x);
    if (prenorm) x = layer_norm(x, {}, {});
    CHECK(relative_error(model(tape, tape.input(u)).value(), x.value()) < 1e-15);
  }
}

TEST_CASE("SequenceModel: every n_repeat-th block pools, and the width follows") {
  Generator gen(1);
  SequenceModel<S4D<double>> model({.d_model = 4,
                                    .n_layers = 2,
                                    .n_repeat = 2,
                                    .pool = {.kind = PoolKind::average, .stride = 2, .expand = 2},
                                    .layers = {S4DOptions{.d_state = 4}}},
                                   gen);
  REQUIRE(model.count() == 4);
  const index_t widths[] = {4, 8, 8, 16};
  model.for_each_block([&](index_t i, auto& block) { CHECK(block.d_output() == widths[i]); });
  CHECK(model.d_output() == 16);
  Tape<double> tape;
  CHECK(model(tape, tape.input(random<double>(Extents<3>{2, 4, 13}))).sizes() == Extents<3>{2, 16, 3});
  CHECK(error_text<ValueError>([&] { model.make_state(1); }) ==
        "ResidualBlock 2: no state and no step with a pool of stride 2, which changes the rate; run whole sequences");
}

TEST_CASE("SequenceModel: gradients of input and parameters agree with differences") {
  for (const bool prenorm : {false, true})
    for (const bool bidirectional : {false, true}) {
      Generator gen(1);
      SequenceModel<S4D<double>, FeedForward<double>> model(
          {.d_model = 3,
           .n_layers = 1,
           .n_repeat = 2,
           .prenorm = prenorm,
           .bidirectional = bidirectional,
           .residual = {.kind = ResidualKind::decay},
           .pool = {.kind = PoolKind::linear, .stride = 2, .expand = 1},
           .layers = {S4DOptions{.d_state = 2}, FeedForwardOptions{.expand = 2}}},
          gen);
      auto u = random<double>(Extents<3>{2, 3, 8});
      const auto check = grad_check([&](auto& tape, auto v) { return model(tape, v); }, u);
      INFO(check.text());
      CHECK(check.error < 1e-6);
      CHECK(parameter_error(model, [&](auto& tape) { return model(tape, tape.input(u)); }) < 1e-6);
    }
}

TEMPLATE_TEST_CASE("SequenceModel: steps and pieces equal the whole sequence, whatever the norm and residual", "",
                   float, double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-11;  // six layers, each with its norm
  for (const bool prenorm : {false, true})
    for (const NormKind norm : {NormKind::none, NormKind::layer, NormKind::transposed_layer, NormKind::batch})
      for (const ResidualKind residual : {ResidualKind::residual, ResidualKind::feedforward, ResidualKind::affine,
                                          ResidualKind::decay, ResidualKind::highway}) {
        Generator gen(1);
        Mixed<T> model(mixed<T>(prenorm, norm, residual), gen);
        const auto u = random<T>(Extents<3>{2, 5, 23});
        Tape<T> tape;
        if (norm == NormKind::batch) {  // running statistics that are not those at the start
          tape.train(gen);
          model(tape, tape.input(u));
          tape.evaluate();
        }
        const auto whole = model(tape, tape.input(u)).value();
        auto state = model.make_state(2);
        const auto stepped = run_steps<T>(u, 5, 0, [&](auto in, auto out) { model.step(in, state, out); });
        INFO("prenorm " << prenorm << " norm " << int(norm) << " residual " << int(residual));
        CHECK(relative_error(stepped.view(), whole) < tolerance);
        state.reset();
        CHECK(relative_error(run_steps<T>(u, 5, 0, [&](auto in, auto out) { model.step(in, state, out); }), stepped) ==
              0);

        auto vars = model.make_state_vars();
        const auto first = model.forward(tape, tape.input(u.view().slice(2, 0, 7)), vars).value();
        const auto second = model.forward(tape, tape.input(u.view().slice(2, 7, 23)), vars).value();
        CHECK(relative_error(first, whole.slice(2, 0, 7)) < tolerance);
        CHECK(relative_error(second, whole.slice(2, 7, 23)) < tolerance);

        state.reset();  // a piece at once, then sample by sample
        const auto piece = model.forward_stream(tape, tape.input(u.view().slice(2, 0, 7)), state).value();
        const auto rest = run_steps<T>(u, 5, 7, [&](auto in, auto out) { model.step(in, state, out); });
        CHECK(relative_error(piece, whole.slice(2, 0, 7)) < tolerance);
        CHECK(relative_error(rest.view(), whole.slice(2, 7, 23)) < tolerance);
      }
}

TEST_CASE("SequenceModel: gradients flow through carried states, and stop between the pieces of a stream") {
  Generator gen(1);
  Mixed<double> model(mixed<double>(true, NormKind::layer), gen);
  auto a = random<double>(Extents<3>{2, 5, 6}), b = random<double>(Extents<3>{2, 5, 4}, 2);
  const auto check = grad_check(
      [&](Tape<double>& tape, auto first, auto second) {
        auto states = model.make_state_vars();
        model.forward(tape, first, states);
        return model.forward(tape, second, states);
      },
      a, b);
  INFO(check.text());
  CHECK(check.error < 1e-6);

  auto state = model.make_state(2);
  const auto cut = grad_check(
      [&](Tape<double>& tape, auto second) {
        state.reset();
        model.forward_stream(tape, tape.input(a), state);
        return model.forward_stream(tape, second, state);
      },
      b);
  INFO(cut.text());
  CHECK(cut.error < 1e-6);
}

TEST_CASE("SequenceModel: lengths and rate reach the layers that take them") {
  Generator gen(1);
  SequenceModel<S4D<double>, FeedForward<double>> model(
      {.d_model = 3, .norm = NormKind::none, .layers = {S4DOptions{.d_state = 4}, FeedForwardOptions{}}}, gen);
  const auto u = random<double>(Extents<3>{2, 3, 9});
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 9;
  lengths(1) = 4;
  Tape<double> tape;
  const auto v = tape.input(u);
  auto& s4 = std::get<0>(model.blocks)[0].layer;
  auto& ff = std::get<1>(model.blocks)[0].layer;
  for (const SsmRun& run : {SsmRun{.lengths = lengths}, SsmRun{.rate = 2}}) {
    const auto h = v + s4(tape, v, run);
    CHECK(relative_error(model(tape, v, run).value(), (h + ff(tape, h)).value()) < 1e-15);
    CHECK(relative_error(model(tape, v, run).value(), model(tape, v).value()) > 1e-3);
  }
  SequenceModel<S4D<double>> pooled(
      {.d_model = 3, .pool = {.kind = PoolKind::sample, .stride = 2}, .layers = {S4DOptions{.d_state = 4}}}, gen);
  CHECK(error_text<ValueError>([&] { pooled(tape, v, SsmRun{.lengths = lengths}); }) ==
        "SequenceModel: lengths and a pool of stride 2 do not go together; mask the padding before the model");
  SequenceModel<S4D<double>> both({.d_model = 3, .bidirectional = true, .layers = {S4DOptions{.d_state = 4}}}, gen);
  CHECK(error_text<ValueError>([&] { both(tape, v, SsmRun{.lengths = lengths}); }) ==
        "ResidualBlock 1: bidirectional and lengths do not go together; use a layer that is two-sided itself");
}

TEST_CASE("SequenceModel: dropout reaches layers that ask for none, unless told not to") {
  Generator gen(1);
  const auto inside = [&](double own, bool dropout_inside) {
    SequenceModel<FeedForward<float>> model({.d_model = 4,
                                             .dropout = 0.25,
                                             .dropout_inside = dropout_inside,
                                             .layers = {FeedForwardOptions{.dropout = own}}},
                                            gen);
    return std::get<0>(model.blocks)[0].layer.options.dropout;
  };
  CHECK(inside(0, true) == 0.25);
  CHECK(inside(0.5, true) == 0.5);
  CHECK(inside(0, false) == 0);

  SequenceModel<IdentityLayer<double>> model(
      {.d_model = 16, .prenorm = false, .tie_dropout = true, .dropinp = 0.5, .norm = NormKind::none}, gen);
  const auto u = random<double>(Extents<3>{4, 16, 6});
  Tape<double> tape;
  CHECK(relative_error(model(tape, tape.input(u)).value(), (tape.input(u) * 2).value()) < 1e-15);
  tape.train(gen);
  const auto y = model(tape, tape.input(u)).value();
  int dropped = 0;
  for (index_t b = 0; b < 4; ++b)
    for (index_t h = 0; h < 16; ++h) {
      const bool zero = y(b, h, 0) == 0;
      dropped += zero;
      for (index_t l = 0; l < 6; ++l) CHECK(y(b, h, l) == Approx(zero ? 0 : 4 * u(b, h, l)));
    }
  CHECK(dropped > 16);
  CHECK(dropped < 48);
}

TEST_CASE("SequenceModel: a few steps of AdamW fit a small batch") {
  Generator gen(1);
  SequenceModel<S4D<float>, FeedForward<float>> model(
      {.d_model = 8, .n_layers = 2, .layers = {S4DOptions{.d_state = 8}, FeedForwardOptions{}}}, gen);
  AdamW<float> optimizer(model, {.lr = 5e-3});
  const auto u = random<float>(Extents<3>{4, 8, 20}, 2), target = random<float>(Extents<3>{4, 8, 20}, 3);
  Tape<float> tape;
  tape.train(gen);
  float first = 0, last = 0;
  for (int step = 0; step < 80; ++step) {
    tape.rewind();
    const auto loss = mse(model(tape, tape.input(u)), tape.input(target));
    tape.backward(loss);
    optimizer.step();
    (step == 0 ? first : last) = loss.value()();
  }
  CHECK(first > 1.0f);
  CHECK(last < first / 3);
}

TEST_CASE("SequenceModel: wrong options and inputs are named") {
  Generator gen(1);
  using Model = SequenceModel<S4D<float>>;
  CHECK(error_text<ValueError>([&] { Model({.n_layers = 0}, gen); }) ==
        "SequenceModel: n_layers is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { Model({.dropinp = 1}, gen); }) ==
        "SequenceModel: dropinp is 1.000000, expected [0, 1)");
  Model model({.d_model = 4, .layers = {S4DOptions{.d_state = 4}}}, gen);
  Tape<float> tape;
  CHECK(error_text<ShapeError>([&] {
          model(tape, tape.input(random<float>(Extents<3>{2, 3, 9})));
        }) == "SequenceModel: u is (B=2, H=3, L=9), expected H = d_model = 4");
  auto state = model.make_state(3);
  CHECK(error_text<ShapeError>([&] {
          model.forward_stream(tape, tape.input(random<float>(Extents<3>{2, 4, 9})), state);
        }) == "SequenceModel: u is (B=2, H=4, L=9), the state is for B=3");
  CHECK(error_text<ValueError>([&] { model.make_state(-1); }) == "SequenceModel::make_state: a batch of -1");
}

TEST_CASE("SequenceModel: an empty batch and a single sample") {
  Generator gen(1);
  for (const bool prenorm : {false, true}) {
    Mixed<float> model(mixed<float>(prenorm, NormKind::layer), gen);
    Tape<float> tape;
    const Tensor<float, 3> none(0, 5, 7);
    CHECK(model(tape, tape.input(none)).sizes() == Extents<3>{0, 5, 7});
    const auto one = random<float>(Extents<3>{2, 5, 1});
    auto state = model.make_state(2);
    const auto stepped = run_steps<float>(one, 5, 0, [&](auto in, auto out) { model.step(in, state, out); });
    CHECK(relative_error(stepped.view(), model(tape, tape.input(one)).value()) < 2e-5);
    auto empty = model.make_state(0);
    Tensor<float, 2> in(0, 5), out(0, 5);
    model.step(in, empty, out.view());
  }
}
