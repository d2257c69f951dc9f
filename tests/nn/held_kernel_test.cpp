#include "longwave/autograd/functions.hpp"
#include "longwave/optim/adamw.hpp"
#include "typed_held.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("a held kernel: the parts of a batch make the whole one's gradients", "", float, double) {
  check_held_layers<TestType, Host>();
}

TEST_CASE("a held kernel: the same bits for any number of threads") {
  const auto run = [](int threads) {
    set_num_threads(threads);
    Generator gen(5);
    S4D<float> layer({.d_model = 16, .d_state = 64}, gen);
    const auto u = random<float>(Extents(12, 16, 300), 61), dy = random<float>(Extents(12, 16, 300), 62);
    auto results = run_parts(layer, u, dy, 3, true);
    set_num_threads(0);
    return results;
  };
  check_close(run(1), run(3), 0);
}

TEST_CASE("a held kernel in bfloat16: the passes without it, bit for bit") {
  const auto check = [](auto layer) {
    const index_t H = layer.options.d_model;
    const auto u = converted<bfloat16>(random<float>(Extents(6, H, 40), 61));
    const auto dy = converted<bfloat16>(random<float>(Extents(6, H, 40), 62));
    const auto held = run_parts(layer, u, dy, 3, true), parts = run_parts(layer, u, dy, 3, false);
    CHECK(relative_error(held.y, parts.y) == 0);
    CHECK(relative_error(held.du, parts.du) == 0);
    check_close(held, parts, 1e-5);
  };
  Generator gen(2);
  for (const Algorithm form : {Algorithm::scan, Algorithm::chunk, Algorithm::fft}) {
    S4DOptions options{.d_model = 5, .d_state = 8};
    options.algorithm = form;
    check(S4D<float>(options, gen));
    S4DiagOptions full{.d_model = 5, .d_state = 8};
    full.algorithm = form;
    check(S4Diag<float>(full, gen));
  }
  check(DSS<float>(DssOptions{.d_model = 5, .d_state = 8}, gen));
  check(S4<float>(S4<float>::Options{.d_model = 5, .d_state = 8, .l_max = 40}, gen));
}

TEST_CASE("a held kernel: several lengths at once, and passes that do without") {
  Generator gen(3);
  S4D<double> layer({.d_model = 3, .d_state = 8}, gen);
  const auto gradients = [&](bool hold) {
    for (const auto& p : parameters<double>(layer)) std::fill_n(p.grad, p.count, 0.0);
    Tape<double> tape;
    Generator unused(1);
    tape.train(unused);
    if (hold) {
      layer.hold(2, 20);
      layer.hold(2, 30);
      layer.hold(2, 20);  // is there
    }
    for (const index_t L : {20, 30, 25, 20}) {  // 25: not held
      tape.rewind();
      const auto u = random<double>(Extents(2, 3, L), 70), dy = random<double>(Extents(2, 3, L), 71);
      tape.backward(layer(tape, tape.input(u)), dy.view());
    }
    const auto u = random<double>(Extents(2, 3, 20), 72), dy = random<double>(Extents(2, 3, 20), 73);
    tape.rewind();
    tape.backward(layer(tape, tape.input(u), SsmRun{.rate = 2}), dy.view());
    tape.rewind();
    const auto state = random<double>(Extents<4>{2, 2, 4, 3}, 74);
    tape.backward(layer.forward(tape, tape.input(u), tape.input(state)).y, dy.view());
    if (hold) layer.release();
    std::vector<double> all;
    for (const auto& p : parameters<double>(layer)) all.insert(all.end(), p.grad, p.grad + p.count);
    return all;
  };
  const std::vector<double> with = gradients(true), without = gradients(false);
  for (std::size_t i = 0; i < with.size(); ++i) CHECK(with[i] == Approx(without[i]).epsilon(1e-9).margin(1e-9));

  layer.hold(2, 20);
  Tape<double> tape;
  const Tensor<double, 3> wrong(2, 4, 20);
  CHECK(error_text<ShapeError>([&] { layer(tape, tape.input(wrong)); }) ==
        "S4D: u is (B=2, H=4, L=20), expected H = d_model = 3");
}

TEST_CASE("a held kernel: constants get no gradient, drop_kernel goes on per pass") {
  Generator gen(3);
  S4DiagOptions options{.d_model = 3, .d_state = 8};
  options.kernel.lr_A = options.kernel.lr_B = options.kernel.lr_dt = options.kernel.lr_C = 0;
  S4Diag<float> layer(options, gen);
  const auto u = random<float>(Extents(4, 3, 30), 61), dy = random<float>(Extents(4, 3, 30), 62);
  const auto held = run_parts(layer, u, dy, 2, true), parts = run_parts(layer, u, dy, 2, false);
  check_close(held, parts, 1e-6);

  options = {.d_model = 3, .d_state = 8};
  options.drop_kernel = 0.5;
  S4Diag<float> drops(options, gen);
  Tape<float> tape;
  const auto pass = [&] {
    Generator same(7);
    tape.rewind();
    tape.train(same);
    Tensor<float, 3> y(4, 3, 30);
    copy(y.view(), drops(tape, tape.input(u)).value());
    return y;
  };
  const Tensor<float, 3> before = pass();
  drops.hold(4, 30);
  CHECK(relative_error(pass(), before) == 0);
  drops.release();
}

TEST_CASE("a held kernel: the step of a batch in parts") {
  Generator gen(1);
  S4<float> layer({.d_model = 4, .d_state = 8, .l_max = 50}, gen);
  AdamW<float> optimizer(layer, {.lr = 1e-3});
  const auto u = random<float>(Extents(6, 4, 50), 81), target = random<float>(Extents(6, 4, 50), 82);
  const auto before = layer.D.value.clone();
  const index_t parts = 3, B = 2;
  // [snippet: course_parts]
  Tape<float> tape;
  layer.hold(B, u.size(2));  // the kernel for this length, once
  for (index_t i = 0; i < parts; ++i) {
    tape.rewind();
    const auto y = layer(tape, tape.input(u.view().slice(0, i * B, (i + 1) * B)));
    const auto loss = mse(y, tape.input(target.view().slice(0, i * B, (i + 1) * B)));
    tape.backward(loss / double(parts));  // gradients of parameters add up, those of the kernel wait
  }
  layer.release();  // and reach its parameters here
  optimizer.step();
  // [/snippet]
  CHECK(relative_error(layer.D.value, before) > 0);
}
