// Options of the model: what reaches the layers, what is refused.
#include "check.hpp"
#include "long_sequence/layer_options.hpp"
#include "long_sequence/learner.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/sequence_decoder.hpp"
#include "longwave/nn/sequence_encoder.hpp"

using namespace longwave::examples;
using namespace longwave;
using longwave::test::error_text;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// One layer and nothing around it, unless asked for.
RunOptions options_of(const Pairs& pairs) {
  RunOptions options;
  Settings settings = make_settings(options);
  Pairs all = {{"model.d_model", "6"},  {"model.n_layers", "1"}, {"model.norm", "none"},
               {"model.residual", "F"}, {"model.dropout", "0"},  {"model.d_state", "8"}};
  all.insert(all.end(), pairs.begin(), pairs.end());
  read_options(settings, "", all);
  return options;
}

const NetworkShape numbers{.channels = 1, .length = 12, .outputs = 3, .output_length = -1};

Tensor<float, 3> input(index_t B, index_t L) {
  Tensor<float, 3> x(B, 1, L);
  Generator(5).normal(x.view(), 0, 1);
  return x;
}

Tensor<float, 3> scores_of(Network<Host>& network, const Tensor<float, 3>& x) {
  Tape<float> tape;
  tape.set_recording(false);
  NetworkInput<Host> in;
  in.x = x.view();
  const Var<float, 3> scores = network(tape, in, 1);
  Tensor<float, 3> out(scores.sizes());
  copy(out.view(), scores.value());
  return out;
}

// The network of the options makes the numbers of the library's layer between an encoder and a decoder.
template <class Layer>
void check_layer(const Pairs& pairs, typename Layer::Options layer_options) {
  const RunOptions options = options_of(pairs);
  Generator one(3), two(3);
  const auto network = make_network<Host>(options, numbers, one);
  LinearEncoder<float> encoder({.in = 1, .out = 6}, two);
  layer_options.d_model = 6;
  layer_options.d_state = 8;
  Layer layer(layer_options, two);
  SequenceDecoder<float> decoder({.d_model = 6, .d_output = 3, .l_output = 0, .mode = DecodeMode::pool}, two);
  const Tensor<float, 3> x = input(2, 12), got = scores_of(*network, x);
  Tape<float> tape;
  tape.set_recording(false);
  const auto wanted = decoder(tape, layer(tape, encoder(tape, tape.input(x.view()))));
  for (index_t i = 0; i < got.count(); ++i) CHECK(got.data()[i] == wanted.value().data()[i]);
}

S4DiagOptions trained_s4() {
  S4DiagOptions o;
  o.tie_dropout = true;
  return o;
}

std::string refusal(const Pairs& pairs) {
  return error_text<ValueError>([&] { check(options_of(pairs)); });
}
std::string refused_network(const Pairs& pairs, NetworkShape shape = numbers) {
  const RunOptions options = options_of(pairs);
  Generator gen(1);
  return error_text<ValueError>([&] { make_network<Host>(options, shape, gen); });
}

bool has_parameter(Network<Host>& network, const std::string& name) {
  for (const auto& p : network.state())
    if (p.name == name) return true;
  return false;
}

}  // namespace

TEST_CASE("long_sequence options: discretisations of s4_diag") {
  check_layer<S4Diag<float>>({{"model.layer", "s4_diag"}}, trained_s4());
  check_layer<S4Diag<float, Host, Bilinear>>({{"model.layer", "s4_diag"}, {"model.disc", "bilinear"}}, trained_s4());
  check_layer<S4Diag<float, Host, Dss>>({{"model.layer", "s4_diag"}, {"model.disc", "dss"}}, trained_s4());
}

TEST_CASE("long_sequence options: gates, bottlenecks, activations, channels and kernels") {
  S4DiagOptions o = trained_s4();
  o.gate = 2;
  o.gate_act = Activation::silu;
  o.mult_act = Activation::tanh;
  o.hyper_act = Activation::sigmoid;
  o.bottleneck = 3;
  o.channels = 2;
  o.swap_channels = true;
  o.weight_norm = true;
  o.l_max = 5;
  check_layer<S4Diag<float>>({{"model.layer", "s4_diag"},
                              {"model.gate", "2"},
                              {"model.gate_act", "silu"},
                              {"model.mult_act", "tanh"},
                              {"model.hyper_act", "sigmoid"},
                              {"model.bottleneck", "3"},
                              {"model.channels", "2"},
                              {"model.swap_channels", "true"},
                              {"model.weight_norm", "true"},
                              {"model.l_max", "5"}},
                             o);
  DssOptions dss;
  dss.hyper_act = Activation::none;
  dss.kernel.sep_dt_re_im = false;
  dss.kernel.Lambda_init = "randn";
  dss.kernel.version = DssVersion::clip;
  dss.l_max = 5;
  dss.kernel.softmax_length = 5;
  check_layer<DSS<float>>({{"model.layer", "dss"},
                           {"model.hyper_act", "none"},
                           {"model.separate_dt", "false"},
                           {"model.Lambda_init", "randn"},
                           {"model.version", "clip"},
                           {"model.l_max", "5"}},
                          dss);
}

TEST_CASE("long_sequence options: where A, B and P start, and how they are stored") {
  S4DiagOptions o = trained_s4();
  o.kernel.init = "diag-inv";
  o.kernel.B_init = "unit-cw";
  o.kernel.B_scale = 2;
  o.kernel.real_random = o.kernel.imag_random = o.kernel.normalize = o.kernel.dt_fast = true;
  o.kernel.real_scale = 0.5;
  o.kernel.imag_scale = 3;
  o.kernel.dt_tie = false;
  o.kernel.bandlimit = 0.25;
  check_layer<S4Diag<float>>({{"model.layer", "s4_diag"},
                              {"model.init", "diag-inv"},
                              {"model.B_init", "unit-cw"},
                              {"model.B_scale", "2"},
                              {"model.real_random", "true"},
                              {"model.imag_random", "true"},
                              {"model.normalize", "true"},
                              {"model.dt_fast", "true"},
                              {"model.real_scale", "0.5"},
                              {"model.imag_scale", "3"},
                              {"model.dt_tie", "false"},
                              {"model.bandlimit", "0.25"}},
                             o);
  S4DiagOptions real = trained_s4();
  real.kernel.init = "diag-real";
  real.kernel.is_real = true;
  check_layer<S4Diag<float>>({{"model.layer", "s4_diag"}, {"model.init", "diag-real"}, {"model.is_real", "true"}},
                             real);

  S4<float>::Options exact;
  exact.tie_dropout = true;
  exact.l_max = 12;
  exact.kernel.B_clip = std::nullopt;
  check_layer<S4<float>>({{"model.layer", "s4"}, {"model.B_clip", "none"}}, exact);
  exact.kernel.B_clip = 0.5;
  exact.kernel.init = "dplr-lin";
  exact.kernel.P_scale = 0.1;
  check_layer<S4<float>>(
      {{"model.layer", "s4"}, {"model.B_clip", "0.5"}, {"model.init", "dplr-lin"}, {"model.P_scale", "0.1"}}, exact);
}

TEST_CASE("long_sequence options: pools make sequences shorter and wider, repeated layers come before them") {
  for (const char* pool : {"sample", "average", "linear", "spectral"}) {
    INFO(pool);
    const RunOptions options = options_of({{"model.pool", pool},
                                           {"model.pool_stride", "2"},
                                           {"model.pool_expand", "3"},
                                           {"model.n_layers", "2"},
                                           {"model.n_repeat", "2"},
                                           {"model.residual", "R"},
                                           {"model.prenorm", "true"},
                                           {"model.norm", "layer"}});
    Generator gen(1);
    const auto network = make_network<Host>(options, numbers, gen);
    const Tensor<float, 3> scores = scores_of(*network, input(2, 12));
    CHECK(scores.sizes() == Extents<3>{2, 3, 1});
    for (index_t i = 0; i < scores.count(); ++i) CHECK(std::isfinite(scores.data()[i]));
    for (const auto& p : network->state())
      if (p.name == "model.norm.norm.weight" || p.name == "decoder.output_transform.weight")
        CHECK(p.shape.back() == 54);  // 6 times 3 twice
    const bool linear = std::string(pool) == "average" || std::string(pool) == "linear";
    CHECK(has_parameter(*network, "model.layers.1.pool.linear.weight") == linear);
    CHECK_FALSE(has_parameter(*network, "model.layers.2.pool.linear.weight"));
    CHECK(has_parameter(*network, "model.layers.3.pool.linear.weight") == linear);
    CHECK(error_text<ValueError>([&] { network->make_stream(1, {}); }).find("changes the rate") != std::string::npos);
  }
  CHECK(refused_network({{"model.pool", "linear"}, {"model.pool_stride", "5"}}) ==
        "model.pool = linear: pool 1 of 1 gets 12 positions, expected a multiple of model.pool_stride = 5");
  CHECK(refused_network({{"model.pool", "average"}, {"model.pool_stride", "4"}, {"model.n_layers", "2"}}) ==
        "model.pool = average: pool 2 of 2 gets 3 positions, expected at least model.pool_stride = 4");
  CHECK(refused_network({{"model.pool", "sample"}, {"model.pool_expand", "64"}, {"model.n_layers", "3"}})
            .find("at most 65536") != std::string::npos);
  NetworkShape shape = numbers;
  shape.variable = true;
  CHECK(refused_network({{"model.pool", "sample"}}, shape).find("lengths of their own") != std::string::npos);
  shape = {.vocabulary = 5, .length = 12, .outputs = 5, .output_length = -1, .one_each = false};
  CHECK(refused_network({{"model.pool", "sample"}}, shape).find("at every position") != std::string::npos);
  CHECK(refusal({{"model.pool_expand", "2"}}) == "model.pool_expand says nothing without model.pool");
}

TEST_CASE("long_sequence options: feed-forward blocks between the layers, also sample by sample") {
  const RunOptions options = options_of(
      {{"model.feed_forward", "2"}, {"model.n_layers", "2"}, {"model.residual", "R"}, {"model.norm", "layer"}});
  Generator gen(1);
  const auto network = make_network<Host>(options, numbers, gen);
  index_t hidden = 0;
  for (const auto& p : network->state())
    if (p.name == "model.layers.3.layer.ff.0.0.weight") hidden = p.shape[0];
  CHECK(hidden == 12);
  CHECK(has_parameter(*network, "model.layers.2.layer.D"));
  const Tensor<float, 3> x = input(2, 12), scores = scores_of(*network, x);
  const auto stream = network->make_stream(2, {});
  Tensor<float, 2> now(2, 3), sample(2, 1);
  for (index_t l = 0; l < 12; ++l) {
    for (index_t b = 0; b < 2; ++b) sample(b, 0) = x(b, 0, l);
    stream->step(sample.view(), now.view());
  }
  for (index_t b = 0; b < 2; ++b)
    for (index_t k = 0; k < 3; ++k) CHECK(now(b, k) == Approx(scores(b, k, 0)).margin(1e-4));
}

TEST_CASE("long_sequence options: a prefix in one pass is the prefix step by step") {
  constexpr NetworkShape words{.vocabulary = 7, .length = 12, .outputs = 7, .output_length = -1, .one_each = false};
  for (const char* disc : {"zoh", "bilinear", "dss"}) {
    INFO(disc);
    Generator gen(1);
    const auto network = make_network<Host>(options_of({{"model.layer", "s4_diag"}, {"model.disc", disc}}), words, gen);
    Tensor<index_t, 2> tokens(2, 5);
    for (index_t i = 0; i < 10; ++i) tokens.data()[i] = i * i % 7;
    const auto at_once = network->make_stream(2, {}), by_step = network->make_stream(2, {});
    Tensor<float, 2> scores(2, 7), wanted(2, 7);
    NetworkInput<Host> prefix;
    prefix.tokens = std::as_const(tokens).view();
    at_once->prefill(prefix, scores.view());
    Tensor<index_t, 1> column(2);
    for (index_t l = 0; l < 5; ++l) {
      for (index_t b = 0; b < 2; ++b) column(b) = tokens(b, l);
      by_step->step_tokens(std::as_const(column).view(), wanted.view());
    }
    for (index_t i = 0; i < scores.count(); ++i) CHECK(scores.data()[i] == Approx(wanted.data()[i]).margin(1e-4));
  }
}

TEST_CASE("long_sequence options: all ways of a step of s4") {
  const RunOptions options = options_of({{"model.layer", "s4"}, {"model.d_state", "4"}});
  Generator gen(1);
  const auto network = make_network<Host>(options, numbers, gen);
  const Tensor<float, 3> x = input(2, 12), scores = scores_of(*network, x);
  for (const StepMode mode : {StepMode::linear, StepMode::dense, StepMode::diagonal}) {
    const auto stream = network->make_stream(2, {.mode = mode});
    Tensor<float, 2> now(2, 3), sample(2, 1);
    for (index_t l = 0; l < 12; ++l) {
      for (index_t b = 0; b < 2; ++b) sample(b, 0) = x(b, 0, l);
      stream->step(sample.view(), now.view());
    }
    for (index_t b = 0; b < 2; ++b)
      for (index_t k = 0; k < 3; ++k) CHECK(now(b, k) == Approx(scores(b, k, 0)).margin(1e-3));
  }
}

TEST_CASE("long_sequence options: what cannot be is named") {
  CHECK(refusal({{"model.gate_act", "silu"}}) == "model.gate_act says nothing without model.gate");
  CHECK(refusal({{"model.layer", "s4"}, {"model.swap_channels", "true"}}) ==
        "model.swap_channels says nothing without model.channels");
  CHECK(refusal({{"model.bottleneck", "4"}}) == "model.bottleneck is 4, expected a divisor of model.d_model = 6");
  CHECK(refusal({{"model.layer", "dss"}, {"model.version", "exp"}, {"model.Lambda_init", "randn"}})
            .find("take softmax or clip") != std::string::npos);
  CHECK(refusal({{"scheduler.name", "linear"}, {"scheduler.periodic", "true"}})
            .find("an option of scheduler.name = cosine") != std::string::npos);
  CHECK(refusal({{"dataset.reverse", "true"}}).find("an option of copying") != std::string::npos);
  CHECK(refusal({{"model.disc", "bilinear"}}) ==
        "model.disc is an option of model.layer = s4_diag, not of s4d; leave it out");
  CHECK(refusal({{"model.hyper_act", "none"}}).find("model.layer = s4_diag, s4 and dss, not of s4d") !=
        std::string::npos);
  CHECK(refusal({{"model.layer", "s4_diag"}, {"trainer.precision", "bf16"}, {"model.bottleneck", "2"}})
            .find("a layer with model.bottleneck has no form for it") != std::string::npos);
  RunOptions options;
  Settings settings = make_settings(options);
  CHECK_THROWS_AS(settings.set("model.disc", "euler"), UsageError);
  CHECK_THROWS_AS(settings.set("model.mult_act", "glu"), UsageError);
  CHECK_THROWS_AS(settings.set("model.B_clip", "-1"), UsageError);
}

TEST_CASE("long_sequence options: time steps, A, B and C may each have a rate of their own") {
  Generator gen(1);
  const auto network = make_network<Host>(options_of({{"model.layer", "s4_diag"},
                                                      {"optimizer.ssm_lr", "0.5"},
                                                      {"optimizer.dt_lr", "0.25"},
                                                      {"optimizer.B_lr", "0"},
                                                      {"optimizer.C_lr", "0.125"}}),
                                          numbers, gen);
  std::map<std::string, ParameterGroup> groups;
  for (const auto& p : network->state()) groups[p.name.substr(p.name.rfind('.') + 1)] = p.group;
  CHECK(groups["A_real"].lr == 0.5);
  CHECK(groups["A_imag"].lr == 0.5);
  CHECK(groups["inv_dt"].lr == 0.25);
  CHECK(groups["C"].lr == 0.125);
  CHECK_FALSE(groups["B"].trainable);
}

TEST_CASE("long_sequence options: biases, norms and embeddings may be left without decay") {
  CHECK(is_bias_norm_or_embedding("encoder.weight", true));
  CHECK_FALSE(is_bias_norm_or_embedding("encoder.weight", false));
  RunOptions options = options_of({{"model.norm", "layer"}, {"optimizer.weight_decay", "0.5"}});
  for (const bool all : {true, false}) {
    options.optimizer.decay_all = all;
    Learner<Host> learner(options, numbers);
    for (const auto& p : learner.optimizer.parameters()) {
      INFO(p.name);
      const bool kernel = p.name.find("kernel.") != std::string::npos && !p.name.ends_with("kernel.C");
      const bool spared = kernel || (!all && is_bias_norm_or_embedding(p.name, false));
      CHECK(p.group.weight_decay == (spared ? 0 : 0.5));
    }
  }
}
