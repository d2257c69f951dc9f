#include "longwave/models/sssd_categorical.hpp"

#include "longwave/models/categorical_sampler.hpp"
#include "longwave/optim/adam.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

SssdCategoricalOptions small(index_t V, index_t L) {
  return {.network = {.num_res_layers = 1,
                      .res_channels = 8,
                      .skip_channels = 8,
                      .diffusion_step_embed_dim_in = 4,
                      .diffusion_step_embed_dim_mid = 8,
                      .diffusion_step_embed_dim_out = 8,
                      .s4_lmax = L,
                      .s4_d_state = 4},
          .classes = V,
          .steps = 20};
}

// Sequences that count up modulo V from a random event.
Tensor<float, 3> counting(index_t B, index_t L, index_t V, std::uint64_t seed) {
  Tensor<float, 3> x(B, 1, L);
  Tensor<float, 1> start(B);
  Generator(seed).uniform(start.view(), 0, static_cast<float>(V));
  for (index_t b = 0; b < B; ++b)
    for (index_t l = 0; l < L; ++l) x(b, 0, l) = static_cast<float>((static_cast<index_t>(start(b)) + l) % V);
  return x;
}

// A network that gives fixed scores (V) everywhere and keeps what it was shown.
struct Fixed {
  using value_type = double;
  using device_type = Host;
  struct {
    index_t classes, steps;
  } options;
  Tensor<double, 1> scores;
  std::vector<index_t> hidden = {}, told = {};

  Var<double, 3> operator()(Tape<double>& tape, TensorView<const index_t, 2> tokens,
                            TensorView<const index_t, 1> steps) {
    const auto y = tape.make(Extents<3>{tokens.size(0), options.classes, tokens.size(1)}, false);
    index_t count = 0;
    for (index_t b = 0; b < tokens.size(0); ++b)
      for (index_t l = 0; l < tokens.size(1); ++l) {
        if (b == 0 && tokens(b, l) == options.classes) ++count;
        for (index_t k = 0; k < options.classes; ++k) y.output()(b, k, l) = scores(k);
      }
    hidden.push_back(count);
    told.push_back(steps(0));
    return y;
  }
};

Fixed fixed(std::initializer_list<double> probabilities) {
  Fixed net{{static_cast<index_t>(probabilities.size()), 10},
            Tensor<double, 1>(Extents<1>{static_cast<index_t>(probabilities.size())})};
  index_t k = 0;
  for (const double p : probabilities) net.scores(k++) = std::log(p) + 3;
  return net;
}

}  // namespace

TEST_CASE("SssdCategorical: an untrained network finds all events equally likely") {
  Generator gen(1), draws(2);
  SssdCategorical<float> net(small(5, 6), gen);
  const Tensor<float, 3> x = counting(3, 6, 5, 1), mask(3, 1, 6);
  Tape<float> tape;
  CHECK(net.loss(tape, x.view(), mask.view(), draws).value()() == Approx(std::log(5.0)));
}

TEST_CASE("SssdCategorical: training hides missing events only, at least one of each sample, more at later steps") {
  const index_t B = 64, L = 10, V = 3;
  const Tensor<double, 3> x(B, 1, L);
  Tensor<double, 3> mask(B, 1, L);
  for (index_t b = 0; b < B; ++b)
    for (index_t l = 0; l < L; ++l) mask(b, 0, l) = b == 0 || l < 2 ? 1 : 0;
  Tensor<double, 2> u(B, L);
  Tensor<index_t, 2> tokens(B, L), targets(B, L);
  Tensor<index_t, 1> steps(B);
  Generator(3).uniform(u.view());
  for (const index_t step : {0, 9, 19}) {
    for (index_t b = 0; b < B; ++b) steps(b) = step;
    const detail::HideEvents<double, Host> hide{tokens.view(),
                                                targets.view(),
                                                x.view(),
                                                mask.view(),
                                                std::as_const(u).view(),
                                                std::as_const(steps).view(),
                                                20,
                                                V};
    for (index_t i = 0; i < B * L; ++i) hide(i);
    index_t all = 0;
    for (index_t b = 0; b < B; ++b) {
      index_t hidden = 0;
      for (index_t l = 0; l < L; ++l) {
        CHECK((tokens(b, l) == V) == (targets(b, l) == 0));
        if (tokens(b, l) == V) ++hidden;
        if (mask(b, 0, l) == 1) CHECK(tokens(b, l) == 0);
      }
      CHECK(hidden >= (b == 0 ? 0 : 1));
      all += hidden;
    }
    const double share = static_cast<double>(all) / static_cast<double>((B - 1) * 8);
    if (step == 0) CHECK(share < 0.2);  // 1 of 8 at least, 1/20 in expectation
    if (step == 9) CHECK(std::abs(share - 0.5) < 0.1);
    if (step == 19) CHECK(share == 1);
  }
}

TEST_CASE("SssdCategorical: gradients agree with finite differences") {
  Generator gen(1);
  SssdCategoricalOptions o = small(3, 5);
  o.network.res_channels = o.network.skip_channels = 3;
  SssdCategorical<double> net(o, gen);
  init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 1);
  Tensor<index_t, 2> tokens(2, 5);
  Tensor<index_t, 1> steps(2);
  for (index_t i = 0; i < 10; ++i) tokens.data()[i] = i % 4;  // 3: hidden
  steps(1) = 7;
  CHECK(parameter_error(net, [&](Tape<double>& tape) {
          return net(tape, std::as_const(tokens).view(), std::as_const(steps).view());
        }) < 1e-6);
}

TEST_CASE("SssdCategorical: learns to count; imputes and generates sequences that do") {
  const index_t B = 16, L = 8, V = 3;
  Generator gen(1), draws(2);
  SssdCategorical<float> net(small(V, L), gen);
  Adam<float> optimizer(net, {.lr = 2e-2});
  Tensor<float, 3> mask(B, 1, L);
  Tape<float> tape;
  tape.train(draws);
  double loss = 0;
  for (int i = 0; i < 150; ++i) {
    const Tensor<float, 3> x = counting(B, L, V, static_cast<std::uint64_t>(100 + i));
    tape.rewind();
    const auto value = net.loss(tape, x.view(), mask.view(), draws);
    tape.backward(value);
    optimizer.step();
    loss = static_cast<double>(value.value()());
  }
  CHECK(loss < 0.7);
  const Tensor<float, 3> x = counting(B, L, V, 9);
  Tensor<float, 3> some(B, 1, L);
  for (index_t i = 0; i < some.count(); ++i) some.data()[i] = i % 3 == 0 ? 1 : 0;
  for (const index_t rounds : {1, 3, 8}) {
    const Tensor<float, 3> y = impute(net, x.view(), some.view(), draws, {.rounds = rounds});
    index_t right = 0;
    for (index_t i = 0; i < y.count(); ++i) right += y.data()[i] == x.data()[i] ? 1 : 0;
    CHECK(right > y.count() * 95 / 100);
  }
  const Tensor<float, 3> made = generate(net, B, L, draws);
  index_t follows = 0;
  for (index_t b = 0; b < B; ++b)
    for (index_t l = 1; l < L; ++l)
      follows += static_cast<index_t>(made(b, 0, l)) == (static_cast<index_t>(made(b, 0, l - 1)) + 1) % V ? 1 : 0;
  CHECK(follows > B * (L - 1) * 8 / 10);
}

TEST_CASE("CategoricalSampler: every round shows its share of the hidden events, the last one all") {
  Fixed net = fixed({0.2, 0.5, 0.3});
  Tensor<double, 3> x(2, 1, 10), mask(2, 1, 10);
  for (index_t l = 0; l < 3; ++l) x(0, 0, l) = 2, mask(0, 0, l) = 1;
  Generator gen(1);
  const Tensor<double, 3> y = impute(net, x.view(), mask.view(), gen, {.rounds = 4});
  CHECK(net.hidden == std::vector<index_t>{7, 5, 3, 1});  // floor(7 * 3/4), ..
  CHECK(net.told == std::vector<index_t>{9, 7, 4, 2});    // of 10 steps: ceil(10 * share) - 1
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 10; ++l) CHECK(y(b, 0, l) == (mask(b, 0, l) == 1 ? 2 : 1));
}

TEST_CASE("CategoricalSampler: at temperature 1 events come with their probabilities, colder ones sharper") {
  Fixed net = fixed({0.1, 0.6, 0.3});
  Generator gen(5);
  double sharp = 0;
  for (const double temperature : {1.0, 0.5}) {
    const Tensor<double, 3> y =
        generate(net, 100, 100, gen, {.rounds = 2, .temperature = temperature, .random_order = true});
    double count[3] = {};
    for (index_t i = 0; i < y.count(); ++i) count[static_cast<index_t>(y.data()[i])] += 1.0 / 10000;
    if (temperature == 1) {
      CHECK(count[0] == Approx(0.1).margin(0.015));  // five standard deviations
      CHECK(count[1] == Approx(0.6).margin(0.025));
    }
    sharp = count[1];
  }
  CHECK(sharp == Approx(0.36 / 0.46).margin(0.025));  // p^2, normalised
}

TEST_CASE("CategoricalSampler: the same generator gives the same events; everything known stays") {
  Fixed net = fixed({0.4, 0.6});
  Generator a(7), b(7);
  const auto one = generate(net, 2, 9, a), same = generate(net, 2, 9, b);
  CHECK(relative_error(one, same) == 0);
  Tensor<double, 3> x(1, 1, 4), known(1, 1, 4);
  for (index_t l = 0; l < 4; ++l) x(0, 0, l) = static_cast<double>(l % 2), known(0, 0, l) = 1;
  CHECK(relative_error(impute(net, x.view(), known.view(), a), x) == 0);
}

TEST_CASE("SssdCategorical: errors name what is wrong") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { SssdCategorical<float>(small(0, 4), gen); }) ==
        "SssdCategorical: classes is 0, expected at least 1");
  CHECK(error_text<ShapeError>([&] {
          CategoricalSampler<float>({1, 2, 3});
        }) == "CategoricalSampler: sizes are (B=1, C=2, L=3), expected one channel");
  CHECK(error_text<ValueError>([&] {
          CategoricalSampler<float>({1, 1, 3}, {.rounds = 0});
        }) == "CategoricalSampler: rounds is 0, expected at least 1");
  CHECK(
      error_text<ValueError>([&] {
        CategoricalSampler<float>({1, 1, 3}, {.temperature = -1});
      }) ==
      "CategoricalSampler: temperature is -1.000000 and choice_noise 0.000000, expected finite numbers of at least 0");
  SssdCategorical<float> net(small(3, 4), gen);
  Tape<float> tape;
  Tensor<float, 3> x(1, 1, 4), two(1, 2, 4), mask(1, 1, 4);
  CHECK(error_text<ShapeError>([&] { net.loss(tape, two.view(), two.view(), gen); }) ==
        "SssdCategorical: x is (B=1, C=2, L=4), expected (B=1, C=1, L=4)");
  x(0, 0, 1) = 3;  // no event
  mask(0, 0, 1) = 1;
  CHECK(error_text<ValueError>([&] { net.loss(tape, x.view(), mask.view(), gen); }).find("4") != std::string::npos);
  x(0, 0, 1) = NAN;
  CHECK_THROWS_AS(net.loss(tape, x.view(), mask.view(), gen), ValueError);
}
