#include "longwave/nn/residual_block.hpp"

#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4d.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Names = std::vector<std::string>;
const S4DOptions small{.d_state = 4};

template <class T, int N>
Tensor<T, N> kept(Var<T, N> x) {
  Tensor<T, N> t(x.sizes());
  copy(t.view(), x.value());
  return t;
}

}  // namespace

TEST_CASE("ResidualBlock: parts carry the official names") {
  Generator gen(1);
  ResidualBlock<FeedForward<float>> block({.d_input = 2,
                                           .bidirectional = true,
                                           .norm = NormKind::batch,
                                           .residual = {.kind = ResidualKind::affine},
                                           .pool = {.kind = PoolKind::linear, .stride = 2, .expand = 2}},
                                          {.expand = 1}, gen);
  CHECK(state_shapes<float>(block) ==
        Names{"layer.ff.0.0.weight 2 2", "layer.ff.0.0.bias 2", "layer.ff.2.weight 2 2", "layer.ff.2.bias 2",
              "reverse_layer.ff.0.0.weight 2 2", "reverse_layer.ff.0.0.bias 2", "reverse_layer.ff.2.weight 2 2",
              "reverse_layer.ff.2.bias 2", "bidirectional_linear.weight 2 4", "bidirectional_linear.bias 2",
              "residual.affine 1", "norm.norm.weight 2", "norm.norm.bias 2", "pool.linear.weight 4 4",
              "pool.linear.bias 4", "norm.norm.running_mean 2", "norm.norm.running_var 2",
              "norm.norm.num_batches_tracked"});
  CHECK(block.d_output() == 4);
}

TEST_CASE("ResidualBlock: norm before the layer or after the sum") {
  const auto x = random<double>(Extents<3>{2, 5, 9});
  for (const bool prenorm : {false, true}) {
    Generator gen(1);
    ResidualBlock<S4D<double>> block({.d_input = 5, .prenorm = prenorm}, small, gen);
    LayerNorm<double> norm({.features = 5});
    Tape<double> tape;
    const auto v = tape.input(x);
    const auto want = prenorm ? v + block.layer(tape, norm(tape, v)) : norm(tape, v + block.layer(tape, v));
    CHECK(relative_error(block(tape, v).value(), want.value()) < 1e-15);
  }
}

TEST_CASE("ResidualBlock: bidirectional is two layers, one of them on reversed time") {
  Generator gen(1);
  ResidualBlock<S4D<double>> block(
      {.d_input = 3, .bidirectional = true, .norm = NormKind::none, .residual = {.kind = ResidualKind::feedforward}},
      small, gen);
  const auto x = random<double>(Extents<3>{2, 3, 9});
  Tensor<double, 3> back(2, 3, 9);
  for (index_t b = 0; b < 2; ++b)
    for (index_t h = 0; h < 3; ++h)
      for (index_t l = 0; l < 9; ++l) back(b, h, l) = x(b, h, 8 - l);
  Tape<double> tape;
  const auto y = block(tape, tape.input(x)).value();
  const auto one = block.layer(tape, tape.input(x)).value(),
             two = (*block.reverse_layer)(tape, tape.input(back)).value();
  const auto& W = block.bidirectional_linear->weight.value;
  for (index_t o = 0; o < 3; ++o)
    for (index_t l = 0; l < 9; ++l) {
      double want = block.bidirectional_linear->bias.value(o);
      for (index_t h = 0; h < 3; ++h) want += W(o, h) * one(1, h, l) + W(o, 3 + h) * two(1, h, 8 - l);
      CHECK(y(1, o, l) == Approx(want).epsilon(1e-12));
    }
}

TEST_CASE("ResidualBlock: a layer of another width needs no residual, and the norm and pool follow it") {
  Generator gen(1);
  ResidualBlock<FeedForward<double>> block({.d_input = 4,
                                            .prenorm = false,
                                            .residual = {.kind = ResidualKind::feedforward},
                                            .pool = {.kind = PoolKind::average, .stride = 2, .expand = 2}},
                                           {.d_output = 3}, gen);
  CHECK(block.d_output() == 6);
  Tape<double> tape;
  CHECK(block(tape, tape.input(random<double>(Extents<3>{2, 4, 6}))).sizes() == Extents<3>{2, 6, 3});
  CHECK(error_text<ValueError>([&] { ResidualBlock<FeedForward<double>>({.d_input = 4}, {.d_output = 3}, gen); }) ==
        "Residual: R joins an input of width 4 and a layer of width 3; only F, or alpha = 0, may change the width");
}

TEST_CASE("ResidualBlock: gradients of input and parameters agree with differences") {
  for (const bool prenorm : {false, true})
    for (const NormKind norm : {NormKind::layer, NormKind::transposed_layer, NormKind::batch, NormKind::group}) {
      Generator gen(1);
      ResidualBlock<S4D<double>> block({.d_input = 3,
                                        .prenorm = prenorm,
                                        .bidirectional = norm == NormKind::group,
                                        .norm = norm,
                                        .residual = {.kind = prenorm ? ResidualKind::highway : ResidualKind::affine},
                                        .pool = {.kind = PoolKind::linear, .stride = 2}},
                                       small, gen);
      auto x = random<double>(Extents<3>{2, 3, 8});
      const auto check = grad_check([&](auto& tape, auto v) { return block(tape, v); }, x);
      INFO("norm " << int(norm) << " prenorm " << prenorm << " " << check.text());
      CHECK(check.error < 1e-6);
      CHECK(parameter_error(block, [&](auto& tape) { return block(tape, tape.input(x)); }) < 1e-6);
    }
}

TEST_CASE("ResidualBlock: dropout falls on the layer's output, not on the residual") {
  Generator gen(1);
  ResidualBlock<IdentityLayer<double>> block(
      {.d_input = 8, .dropout = 0.5, .tie_dropout = true, .norm = NormKind::none}, {}, gen);
  const auto x = random<double>(Extents<3>{4, 8, 5});
  Tape<double> tape;
  tape.train(gen);
  const auto y = block(tape, tape.input(x)).value();
  int dropped = 0;
  for (index_t b = 0; b < 4; ++b)
    for (index_t h = 0; h < 8; ++h) {
      const double factor = y(b, h, 0) / x(b, h, 0);  // 1, or 1 + 2
      dropped += factor < 2;
      for (index_t l = 0; l < 5; ++l) CHECK(y(b, h, l) == Approx((factor < 2 ? 1 : 3) * x(b, h, l)).epsilon(1e-14));
    }
  CHECK(dropped > 5);
  CHECK(dropped < 27);
}

TEST_CASE("ResidualBlock: pieces with a state, and steps, equal the whole sequence") {
  for (const bool prenorm : {false, true})
    for (const ResidualKind kind : {ResidualKind::residual, ResidualKind::feedforward, ResidualKind::affine,
                                    ResidualKind::decay, ResidualKind::highway})
      for (const PoolKind pool : {PoolKind::none, PoolKind::sample, PoolKind::average, PoolKind::linear})
        for (const NormKind norm : {NormKind::none, NormKind::layer, NormKind::transposed_layer, NormKind::batch}) {
          Generator gen(1);
          ResidualBlock<S4D<double>> block({.d_input = 3,
                                            .i_layer = 2,
                                            .prenorm = prenorm,
                                            .norm = norm,
                                            .residual = {.kind = kind},
                                            .pool = {.kind = pool, .expand = 2}},
                                           small, gen);
          const auto x = random<double>(Extents<3>{2, 3, 11});
          Tape<double> tape;
          const auto whole = block(tape, tape.input(x)).value();
          Var<double, 4> state;
          const auto first = block.forward(tape, tape.input(x.view().slice(2, 0, 4)), state).value();
          const auto second = block.forward(tape, tape.input(x.view().slice(2, 4, 11)), state).value();
          INFO("prenorm " << prenorm << " residual " << int(kind) << " pool " << int(pool) << " norm " << int(norm));
          CHECK(relative_error(first, whole.slice(2, 0, 4)) < 1e-12);
          CHECK(relative_error(second, whole.slice(2, 4, 11)) < 1e-12);
          auto stream = block.make_state(2);
          const auto stepped = run_steps<double>(x, block.d_output(), 0, [&](auto in, auto out) {
            block.step(in, stream);
            copy(out, TensorView<const double, 2>(stream.output.view()));
          });
          CHECK(relative_error(stepped.view(), whole) < 1e-12);
        }
}

TEST_CASE("ResidualBlock: gradients flow through the carried state") {
  Generator gen(1);
  ResidualBlock<S4D<double>> block({.d_input = 3}, small, gen);
  auto a = random<double>(Extents<3>{2, 3, 5}), b = random<double>(Extents<3>{2, 3, 4}, 2);
  const auto check = grad_check(
      [&](Tape<double>& tape, auto first, auto second) {
        Var<double, 4> state;
        block.forward(tape, first, state);
        return block.forward(tape, second, state);
      },
      a, b);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("ResidualBlock: what has no state says why") {
  Generator gen(1);
  ResidualBlock<S4D<float>> both({.d_input = 3, .bidirectional = true}, small, gen);
  CHECK(error_text<ValueError>([&] { both.make_state(1); }) ==
        "ResidualBlock 1: no state and no step with bidirectional, which needs the whole sequence");
  ResidualBlock<S4D<float>> group({.d_input = 3, .i_layer = 4, .norm = NormKind::group}, small, gen);
  CHECK(error_text<ValueError>([&] { group.make_state(1); }) ==
        "ResidualBlock 4: no state and no step with the norm group, which looks at all of time; use layer, "
        "transposed_layer, batch or none");
  ResidualBlock<S4D<float>> pool({.d_input = 3, .pool = {.kind = PoolKind::average, .stride = 2}}, small, gen);
  Tape<float> tape;
  CHECK(error_text<ValueError>([&] {
          Var<float, 4> state;
          pool.forward(tape, tape.input(random<float>(Extents<3>{1, 3, 4})), state);
        }) ==
        "ResidualBlock 1: no state and no step with a pool of stride 2, which changes the rate; run whole sequences");
  CHECK(error_text<ValueError>([&] { ResidualBlock<S4D<float>>({.d_input = 0}, small, gen); }).find("d_input is 0") !=
        std::string::npos);
}
