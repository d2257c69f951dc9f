#include "longwave/models/sssd.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

SssdOptions small(index_t lmax = 7) {
  return {.in_channels = 2,
          .out_channels = 2,
          .num_res_layers = 2,
          .res_channels = 4,
          .skip_channels = 3,
          .diffusion_step_embed_dim_in = 4,
          .diffusion_step_embed_dim_mid = 5,
          .diffusion_step_embed_dim_out = 6,
          .s4_lmax = lmax,
          .s4_d_state = 4};
}

// Numbers for the last convolution, which starts at 0.
template <class Net>
void wake(Net& net) {
  Generator gen(77);
  init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 1);
  init::normal(gen, net.final_conv.zero_conv.bias.value.view(), 0, 1);
}

struct Batch {
  Tensor<double, 3> x, cond, mask;
  Tensor<index_t, 1> steps;

  Batch(index_t B, index_t C, index_t L)
      : x(random<double>(Extents<3>{B, C, L}, 1)),
        cond(random<double>(Extents<3>{B, C, L}, 2)),
        mask(B, C, L),
        steps(B) {
    for (index_t i = 0; i < mask.count(); ++i) mask.data()[i] = i % 3 == 0 ? 0 : 1;
    for (index_t b = 0; b < B; ++b) steps(b) = 3 + 50 * b;
  }

  template <class Net>
  Var<double, 3> run(Net& net, Tape<double>& tape) const {
    return net(tape, tape.input(x), tape.input(cond), tape.input(mask), steps.view());
  }
};

// Parameters of a network of N blocks, from those of two small ones: all blocks have the same size.
template <class Net>
index_t parameters_of(SssdOptions o) {
  const index_t N = o.num_res_layers;
  o.s4_lmax = 1;
  index_t count[2];
  for (index_t n = 1; n <= 2; ++n) {
    Generator gen(1);
    o.num_res_layers = n;
    Net net(o, gen);
    count[n - 1] = count_parameters(net);
  }
  return count[0] + (N - 1) * (count[1] - count[0]);
}

}  // namespace

TEST_CASE("Sssd: as many parameters as the published networks") {
  CHECK(parameters_of<Sssd<float>>({}) == 9'884'417);
  CHECK(parameters_of<Sssd<float>>(
            {.in_channels = 14, .out_channels = 14, .num_res_layers = 36, .res_channels = 256, .skip_channels = 256}) ==
        48'371'726);
}

TEST_CASE("Sssd: constants are buffers, under the names of the official state dict") {
  Generator gen(1);
  SssdOptions o = small();
  o.num_res_layers = 1;
  Sssd<double> net(o, gen);
  const std::vector<std::string> names = state_shapes<double>(net);
  const std::string s4 = "residual_layer.residual_blocks.0.S42.s4_layer.";
  for (const std::string& name : {std::string("init_conv.0.conv.weight_g 4 1 1"),
                                  std::string("init_conv.0.conv.weight_v 4 2 1"),
                                  std::string("residual_layer.fc_t1.weight 5 4"),
                                  std::string("residual_layer.fc_t2.bias 6"),
                                  std::string("residual_layer.residual_blocks.0.fc_t.weight 4 6"),
                                  std::string("residual_layer.residual_blocks.0.conv_layer.conv.weight_v 8 4 3"),
                                  std::string("residual_layer.residual_blocks.0.cond_conv.conv.weight_v 8 4 1"),
                                  std::string("residual_layer.residual_blocks.0.res_conv.weight_v 4 4 1"),
                                  std::string("residual_layer.residual_blocks.0.skip_conv.bias 3"),
                                  std::string("residual_layer.residual_blocks.0.S41.norm_layer.weight 8"),
                                  s4 + "D 1 8",
                                  s4 + "kernel.kernel.C 2 8 2 2",
                                  s4 + "kernel.kernel.w 8 2 2",
                                  s4 + "kernel.kernel.log_dt 8",
                                  s4 + "kernel.kernel.B 1 8 2 2",
                                  s4 + "kernel.kernel.P 1 8 2 2",
                                  s4 + "kernel.kernel.Q 1 8 2 2",
                                  s4 + "output_linear.weight 8 8",
                                  s4 + "output_linear.bias 8",
                                  std::string("final_conv.0.conv.weight_v 3 3 1"),
                                  std::string("final_conv.2.conv.weight 2 3 1"),
                                  std::string("final_conv.2.conv.bias 2")}) {
    INFO(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  for (const auto& p : parameters<double>(net)) {
    INFO(p.name);
    CHECK((p.name.find("kernel.kernel.") == std::string::npos || p.name.ends_with("kernel.kernel.C")));
  }
}

TEMPLATE_TEST_CASE("Sssd: an untrained network predicts exactly 0", "", Sssd<double>, SssdS4d<double>) {
  Generator gen(1);
  TestType net(small(), gen);
  const Batch batch(2, 2, 7);
  Tape<double> tape;
  const auto eps = batch.run(net, tape);
  CHECK(eps.sizes() == Extents<3>{2, 2, 7});
  for (index_t i = 0; i < eps.value().count(); ++i) CHECK(eps.value().data()[i] == 0);
}

TEMPLATE_TEST_CASE("Sssd: gradients of a block agree with finite differences", "", SssdS4<double>,
                   SssdS4dLayer<double>) {
  for (const bool both : {true, false}) {
    Generator gen(1);
    SssdOptions o = small();
    o.s4_bidirectional = o.s4_layernorm = both;
    SssdBlock<TestType> block(o, 2, 0, gen);
    auto x = random<double>(Extents<3>{2, 4, 5}, 1), cond = random<double>(Extents<3>{2, 2, 5}, 2);
    auto e = random<double>(Extents<2>{2, 6}, 3);
    const auto run = [&](Tape<double>& tape, auto a, auto b, auto c) {
      const auto out = block(tape, a, b, c);
      return concat(1, out.x_next, out.skip);
    };
    const GradCheck check = grad_check(run, x, cond, e);
    INFO(check.text());
    CHECK(check.error < 1e-7);
    CHECK(parameter_error(block, [&](Tape<double>& tape) {
            return run(tape, tape.input(x), tape.input(cond), tape.input(e));
          }) < 1e-6);
  }
}

TEMPLATE_TEST_CASE("Sssd: gradients of the network agree with finite differences", "", Sssd<double>, SssdS4d<double>) {
  Generator gen(1);
  SssdOptions o = small();
  o.in_channels = o.out_channels = 1;
  TestType net(o, gen);
  wake(net);
  Batch batch(2, 1, 5);
  const GradCheck check =
      grad_check([&](Tape<double>& tape, auto x,
                     auto cond) { return net(tape, x, cond, tape.input(batch.mask), batch.steps.view()); },
                 batch.x, batch.cond);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  CHECK(parameter_error(net, [&](Tape<double>& tape) { return batch.run(net, tape); }) < 1e-6);
}

TEMPLATE_TEST_CASE("Sssd: a batch is its samples one by one", "", Sssd<double>, SssdS4d<double>) {
  Generator gen(1);
  TestType net(small(), gen);  // batches of 8 and more take fused forms of the same formulas
  wake(net);
  const Batch batch(9, 2, 7);
  Tape<double> tape;
  const auto all = batch.run(net, tape);
  for (index_t b = 0; b < 9; ++b) {
    const auto of = [&](const Tensor<double, 3>& x) { return tape.input(x.view().slice(0, b, b + 1)); };
    const auto one = net(tape, of(batch.x), of(batch.cond), of(batch.mask), batch.steps.view().slice(0, b, b + 1));
    CHECK(relative_error(all.value().slice(0, b, b + 1), one.value()) < 1e-11);
  }
}

TEST_CASE("Sssd: dropout drops whole features of what a layer adds, in training") {
  Generator gen(1), draws(3);
  SssdOptions o = small();
  o.s4_dropout = 0.5;
  SssdLayer<SssdS4<double>> layer(o, gen);
  const auto u = random<double>(Extents<3>{1, 8, 6}, 1);
  Tape<double> tape;
  const auto plain = layer(tape, tape.input(u));
  tape.train(draws);
  const auto dropped = layer(tape, tape.input(u));
  CHECK(relative_error(dropped.value(), plain.value()) > 1e-3);
  o.s4_layernorm = false;
  Generator same(1);
  SssdLayer<SssdS4<double>> bare(o, same);
  const auto y = bare(tape, tape.input(u));
  index_t kept = 0;
  for (index_t h = 0; h < 8; ++h) {
    double largest = 0;
    for (index_t l = 0; l < 6; ++l) largest = std::max(largest, std::abs(y.value()(0, h, l) - u(0, h, l)));
    kept += largest > 1e-12 ? 1 : 0;
  }
  CHECK((kept > 0 && kept < 8));
}

TEST_CASE("Sssd: looks at known values where the mask is 1 and nowhere else") {
  Generator gen(1);
  Sssd<double> net(small(), gen);
  wake(net);
  Batch batch(1, 2, 7);
  Tape<double> tape;
  Tensor<double, 3> first(1, 2, 7);
  copy(first.view(), batch.run(net, tape).value());
  batch.cond(0, 0, 0) += 5;  // masked
  CHECK(relative_error(batch.run(net, tape).value(), std::as_const(first).view()) == 0);
  batch.cond(0, 0, 1) += 5;
  CHECK(relative_error(batch.run(net, tape).value(), std::as_const(first).view()) > 1e-3);
}

TEST_CASE("SssdKernel: the table gives the kernel of the general S4 code, and its gradient") {
  for (const index_t L : {1, 6, 7}) {
    Generator gen(1);
    SssdKernel<double> kernel({.channels = 2, .d_model = 3, .d_state = 6}, {.l_max = 7}, gen);
    kernel.prepare(L, 1);
    Tape<double> tape;
    const auto vars = kernel.on(tape);
    const auto K = ssm_kernel(tape, vars, L), general = ssm_kernel(tape, vars.general(), L);
    CHECK(relative_error(K.value(), general.value()) < 1e-12);
    const auto seed = random<double>(K.sizes(), 9);
    tape.backward(K, seed.view());
    const Tensor<double, 4> dC = kernel.C.grad.clone();
    kernel.C.grad.zero();
    Tape<double> other;
    other.backward(ssm_kernel(other, kernel.on(other).general(), L), seed.view());
    CHECK(relative_error(dC, kernel.C.grad) < 1e-12);
  }
}

TEST_CASE("SssdKernel: C~ starts as C (I - A_bar^L), by steps or by powers") {
  for (const index_t L : {1, 5, 12, 500}) {  // 500: powers
    Generator gen(1), same(1);
    SssdKernel<double> kernel({.channels = 2, .d_model = 3, .d_state = 4}, {.l_max = L}, gen);
    kernel.prepare(L, 1);
    Tape<double> tape;
    const auto K = ssm_kernel(tape, kernel.on(tape), L);
    // The recurrence with C from C~ back.
    auto tables = make_step_tables(kernel.on(tape), StepOptions{.mode = StepMode::linear});
    Tensor<double, 2> state(2 * 2, 3), y(2, 3), u(1, 3), skip(2, 3);
    for (index_t h = 0; h < 3; ++h) u(0, h) = 1;
    Tensor<double, 3> stepped(2, 3, L);
    for (index_t l = 0; l < L; ++l) {
      tables.step(y.data(), state.data(), u.data(), skip.data());
      u.zero();
      for (index_t c = 0; c < 2; ++c)
        for (index_t h = 0; h < 3; ++h) stepped(c, h, l) = y(c, h);
    }
    CHECK(relative_error(K.value(), std::as_const(stepped).view()) < 1e-9);
  }
}

TEST_CASE("Sssd: shorter inputs use the first samples of the kernel, longer ones double its length") {
  Generator gen(1);
  SssdKernel<double> kernel({.channels = 2, .d_model = 3, .d_state = 4}, {.l_max = 8}, gen);
  kernel.prepare(8, 1);
  Tape<double> tape;
  const auto K8 = ssm_kernel(tape, kernel.on(tape), 8);
  const auto K3 = ssm_kernel(tape, kernel.on(tape), 3);
  CHECK(relative_error(K3.value(), K8.value().slice(2, 0, 3)) < 1e-13);
  Tensor<double, 3> first(2, 3, 8);
  copy(first.view(), K8.value());
  kernel.prepare(17, 1);
  CHECK(kernel.length() == 32);
  const auto K17 = ssm_kernel(tape, kernel.on(tape), 17);
  CHECK(relative_error(K17.value().slice(2, 0, 8), std::as_const(first).view()) < 1e-10);
}

TEST_CASE("Sssd: a causal layer runs with a state and sample by sample as it does at once") {
  Generator gen(1);
  SssdS4<double> layer({.d_model = 3, .d_state = 4, .kernel = {.l_max = 12}}, gen);
  const auto u = random<double>(Extents<3>{2, 3, 12}, 5);
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u));
  const Tensor<double, 4> zero(2, 2, 2, 3);
  const auto first = layer.forward(tape, tape.input(u.view().slice(2, 0, 5)), tape.input(zero));
  const auto second = layer.forward(tape, tape.input(u.view().slice(2, 5, 12)), first.state);
  CHECK(relative_error(first.y.value(), y.value().slice(2, 0, 5)) < 1e-11);
  CHECK(relative_error(second.y.value(), y.value().slice(2, 5, 12)) < 1e-11);
  auto state = layer.make_state(2);
  Tensor<double, 2> in(2, 3), out(2, 3);
  Tensor<double, 3> stepped(2, 3, 12);
  for (index_t l = 0; l < 12; ++l) {
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 3; ++h) in(b, h) = u(b, h, l);
    layer.step(std::as_const(in).view(), state, out.view());
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 3; ++h) stepped(b, h, l) = out(b, h);
  }
  CHECK(relative_error(std::as_const(stepped).view(), y.value()) < 1e-10);
}

TEST_CASE("Sssd: parameters and buffers restore the network, a doubled length included") {
  Generator gen(1), other(2);
  Sssd<double> net(small(), gen), restored(small(), other);
  wake(net);
  const Batch batch(2, 2, 13);
  Tape<double> tape;
  const auto eps = batch.run(net, tape);
  const auto from = state<double>(net), to = state<double>(restored);  // what a checkpoint holds
  REQUIRE(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    REQUIRE((from[i].name == to[i].name && from[i].shape == to[i].shape));
    std::copy_n(from[i].value, from[i].count, to[i].value);
  }
  Tape<double> again;
  CHECK(relative_error(batch.run(restored, again).value(), eps.value()) == 0);
}

TEST_CASE("Sssd: reading the state keeps the table, changing it does not") {
  Generator gen(1);
  SssdKernel<float> kernel({.channels = 1, .d_model = 2, .d_state = 4}, {.l_max = 6}, gen);
  kernel.prepare(6, 1);
  Tape<float> tape;
  const float* table = kernel.on(tape).table.data();
  kernel.for_each_buffer([](const std::string&, auto&) {});
  kernel.prepare(6, 1);
  CHECK(kernel.on(tape).table.data() == table);
  kernel.for_each_buffer([](const std::string& name, auto& buffer) {
    if (name == "kernel.log_dt") buffer.view().data()[0] -= 1;
  });
  kernel.prepare(6, 1);
  const auto vars = kernel.on(tape);
  CHECK(relative_error(ssm_kernel(tape, vars, 6).value(), ssm_kernel(tape, vars.general(), 6).value()) < 1e-5);
}

TEST_CASE("Sssd: held kernels and weights give the bits of those worked out in each pass, until they are let go") {
  Generator gen(1);
  Sssd<double> net(small(), gen);
  wake(net);
  const Batch batch(3, 2, 7);
  Tape<double> tape;
  tape.set_recording(false);
  const auto pass = [&] {
    tape.rewind();
    const auto y = batch.run(net, tape).value();
    return std::vector<double>(y.data(), y.data() + y.count());
  };
  const auto before = pass();
  net.hold(7);
  CHECK(pass() == before);
  init::normal(gen, net.init_conv.bias.value.view(), 0, 1);  // not held
  const auto moved = pass();
  CHECK(moved != before);
  init::normal(gen, net.residual_layer.blocks[0]->conv_layer.weight_g.value.view(), 0, 1);
  init::normal(gen, net.residual_layer.blocks[0]->S41.s4_layer.kernel.C.value.view(), 0, 1);
  CHECK(pass() == moved);
  net.hold(0);
  CHECK(pass() != moved);
  net.hold(5);  // passes of another length than the held one work kernels out
  const auto other = pass();
  net.hold(0);
  CHECK(pass() == other);
}

TEST_CASE("Sssd: errors name what is wrong") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { Sssd<float>({.s4_lmax = 0}, gen); }) ==
        "SssdKernel: l_max is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { Sssd<float>({.num_res_layers = 0}, gen); }) ==
        "Sssd: num_res_layers is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { Sssd<float>({.diffusion_step_embed_dim_in = 7}, gen); }) ==
        "Sssd: diffusion_step_embed_dim_in is 7, expected an even number: half are sines, half cosines");
  CHECK(error_text<ValueError>([&] { Sssd<float>({.s4_d_state = 5}, gen); }) ==
        "SSSD: d_state is 5, expected an even number of at least 2 (modes come in conjugate pairs)");
  CHECK(error_text<ValueError>([&] { Sssd<float>({.s4_dropout = 1}, gen); }) ==
        "Sssd: s4_dropout is 1.000000, expected [0, 1)");
  Sssd<double> net(small(), gen);
  Tape<double> tape;
  const Batch one(2, 1, 7), two(2, 2, 7), longer(2, 2, 8);
  CHECK(error_text<ShapeError>([&] { one.run(net, tape); }) == "Sssd: x is (B=2, C=1, L=7), expected (B=2, C=2, L=7)");
  CHECK(error_text<ShapeError>([&] {
          net(tape, tape.input(two.x), tape.input(longer.cond), tape.input(two.mask), two.steps.view());
        }) == "Sssd: cond is (B=2, C=2, L=8), expected (B=2, C=2, L=7)");
  CHECK(error_text<ShapeError>([&] {
          net(tape, tape.input(two.x), tape.input(two.cond), tape.input(two.mask), two.steps.view().slice(0, 0, 1));
        }) == "Sssd: steps is (B=1), expected (B=2)");
  net.for_each_buffer([](const std::string& name, auto& buffer) {
    if (name.ends_with("0.S41.s4_layer.kernel.kernel.Q")) buffer.view().data()[0] += 1;
  });
  CHECK(error_text<ValueError>([&] { two.run(net, tape); }) ==
        "SSSD: kernel.Q is not the conjugate of kernel.P; other corrections are not supported");
}
