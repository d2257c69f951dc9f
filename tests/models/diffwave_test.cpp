#include "longwave/models/diffwave.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

SssdOptions small(index_t blocks) {
  return {.in_channels = 1,
          .out_channels = 1,
          .num_res_layers = blocks,
          .res_channels = 3,
          .skip_channels = 2,
          .diffusion_step_embed_dim_in = 4,
          .diffusion_step_embed_dim_mid = 5,
          .diffusion_step_embed_dim_out = 6};
}

}  // namespace

TEST_CASE("DiffWave: dilations double from block to block, in cycles, and the length stays") {
  Generator gen(1);
  SssdOptions o = small(5);
  o.dilation_cycle = 3;
  DiffWave<double> net(o, gen);
  const index_t want[] = {1, 2, 4, 1, 2};
  for (std::size_t n = 0; n < 5; ++n) {
    CHECK(net.residual_layer.blocks[n]->conv_layer.options.dilation == want[n]);
    CHECK(net.residual_layer.blocks[n]->conv_layer.options.padding == want[n]);
  }
  Generator again(1);
  DiffWave<double> longest(small(12), again);
  CHECK(longest.residual_layer.blocks[11]->conv_layer.options.dilation == 2048);
  const auto x = random<double>(Extents<3>{1, 1, 5}, 1);
  const Tensor<index_t, 1> steps(1);
  Tape<double> tape;
  const auto eps = longest(tape, tape.input(x), tape.input(x), tape.input(x), steps.view());
  CHECK(eps.sizes() == x.sizes());
  CHECK(eps.value()(0, 0, 2) == 0);
}

TEST_CASE("DiffWave: a block is its formula") {
  Generator gen(1);
  DiffWaveBlock<double> block(small(1), 2, 1, gen);
  const auto x = random<double>(Extents<3>{2, 3, 9}, 1), cond = random<double>(Extents<3>{2, 2, 9}, 2);
  const auto e = random<double>(Extents<2>{2, 6}, 3);
  Tape<double> tape;
  const auto out = block(tape, tape.input(x), tape.input(cond), tape.input(e));
  const auto W3 = block.conv_layer.weight(tape).value(), Wc = block.cond_conv.weight(tape).value();
  const auto Wr = block.res_conv.weight(tape).value(), Ws = block.skip_conv.weight(tape).value();
  const auto part = block.fc_t(tape, tape.input(e)).value();
  Tensor<double, 3> g(2, 3, 9), x_next(2, 3, 9), skip(2, 2, 9);
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 9; ++l) {
      double h[6];
      for (index_t o = 0; o < 6; ++o) {
        h[o] = block.conv_layer.bias.value(o) + block.cond_conv.bias.value(o);
        for (index_t i = 0; i < 3; ++i)
          for (index_t k = 0; k < 3; ++k) {
            const index_t at = l + 2 * (k - 1);  // dilation 2
            if (at >= 0 && at < 9) h[o] += W3(o, i, k) * (x(b, i, at) + part(b, i));
          }
        for (index_t i = 0; i < 2; ++i) h[o] += Wc(o, i, 0) * cond(b, i, l);
      }
      for (index_t k = 0; k < 3; ++k) g(b, k, l) = std::tanh(h[k]) / (1 + std::exp(-h[3 + k]));
      for (index_t o = 0; o < 3; ++o) {
        x_next(b, o, l) = x(b, o, l) + block.res_conv.bias.value(o);
        for (index_t k = 0; k < 3; ++k) x_next(b, o, l) += Wr(o, k, 0) * g(b, k, l);
        x_next(b, o, l) /= std::sqrt(2.0);
      }
      for (index_t o = 0; o < 2; ++o) {
        skip(b, o, l) = block.skip_conv.bias.value(o);
        for (index_t k = 0; k < 3; ++k) skip(b, o, l) += Ws(o, k, 0) * g(b, k, l);
      }
    }
  CHECK(relative_error(out.x_next.value(), std::as_const(x_next).view()) < 1e-14);
  CHECK(relative_error(out.skip.value(), std::as_const(skip).view()) < 1e-14);
}

TEST_CASE("DiffWave: gradients agree with finite differences") {
  Generator gen(1);
  DiffWave<double> net(small(2), gen);
  init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 1);
  auto x = random<double>(Extents<3>{2, 1, 6}, 1), cond = random<double>(Extents<3>{2, 1, 6}, 2);
  Tensor<double, 3> mask(2, 1, 6);
  for (index_t l = 0; l < 12; l += 2) mask.data()[l] = 1;
  Tensor<index_t, 1> steps(2);
  steps(1) = 70;
  const auto run = [&](Tape<double>& tape, auto a, auto b) {
    return net(tape, a, b, tape.input(mask), std::as_const(steps).view());
  };
  const GradCheck check = grad_check(run, x, cond);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  CHECK(parameter_error(net, [&](Tape<double>& tape) { return run(tape, tape.input(x), tape.input(cond)); }) < 1e-6);
}

TEST_CASE("DiffWave: names of the official state dict, no S4 among them") {
  Generator gen(1);
  DiffWave<float> net(small(1), gen);
  const std::string block = "residual_layer.residual_blocks.0.";
  CHECK(state_shapes<float>(net) == std::vector<std::string>{"init_conv.0.conv.bias 3",
                                                             "init_conv.0.conv.weight_g 3 1 1",
                                                             "init_conv.0.conv.weight_v 3 1 1",
                                                             "residual_layer.fc_t1.weight 5 4",
                                                             "residual_layer.fc_t1.bias 5",
                                                             "residual_layer.fc_t2.weight 6 5",
                                                             "residual_layer.fc_t2.bias 6",
                                                             block + "fc_t.weight 3 6",
                                                             block + "fc_t.bias 3",
                                                             block + "conv_layer.conv.bias 6",
                                                             block + "conv_layer.conv.weight_g 6 1 1",
                                                             block + "conv_layer.conv.weight_v 6 3 3",
                                                             block + "cond_conv.conv.bias 6",
                                                             block + "cond_conv.conv.weight_g 6 1 1",
                                                             block + "cond_conv.conv.weight_v 6 2 1",
                                                             block + "res_conv.bias 3",
                                                             block + "res_conv.weight_g 3 1 1",
                                                             block + "res_conv.weight_v 3 3 1",
                                                             block + "skip_conv.bias 2",
                                                             block + "skip_conv.weight_g 2 1 1",
                                                             block + "skip_conv.weight_v 2 3 1",
                                                             "final_conv.0.conv.bias 2",
                                                             "final_conv.0.conv.weight_g 2 1 1",
                                                             "final_conv.0.conv.weight_v 2 2 1",
                                                             "final_conv.2.conv.weight 1 2 1",
                                                             "final_conv.2.conv.bias 1"});
}

TEST_CASE("DiffWave: errors name the option") {
  Generator gen(1);
  SssdOptions o = small(1);
  o.dilation_cycle = 0;
  CHECK(error_text<ValueError>([&] { DiffWave<float>(o, gen); }) == "Sssd: dilation_cycle is 0, expected 1 to 32");
}
