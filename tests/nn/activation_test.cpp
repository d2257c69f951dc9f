#include "longwave/nn/activation.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("activation: every name stands for its activation, an unknown one is an error that lists them") {
  CHECK(parse_activation("gelu") == Activation::gelu);
  CHECK(parse_activation("swish") == Activation::silu);
  CHECK(parse_activation("linear") == Activation::none);
  for (const auto& entry : activation_names) CHECK(parse_activation(to_string(entry.value)) == entry.value);
  CHECK(error_text<ValueError>([] { parse_activation("geglu"); }) ==
        "activation: 'geglu' is unknown, expected one of id, identity, linear, none, gelu, relu, elu, tanh, sigmoid, "
        "silu, swish, softplus, hardswish, hardtanh, hardsigmoid, hardshrink, glu");
}

TEMPLATE_TEST_CASE("activation: a sample gives what the tape gives", "", float, double) {
  using T = TestType;
  for (const auto& entry : activation_names) {
    auto x = random<T>(Extents<3>{1, 38, 1}, 4, T(2));
    Tape<T> tape;
    const auto y = activate(tape.input(x), entry.value, 1).value();
    Tensor<T, 3> want(y.sizes());
    copy(want.view(), y);
    const index_t left = impl::activate_step(x.data(), 38, entry.value);
    CHECK(left == (entry.value == Activation::glu ? 19 : 38));
    INFO(entry.name);
    // The same formula, in another loop: contraction may differ.
    CHECK(relative_error(x.view().slice(1, 0, left), want.view()) < (sizeof(T) == 4 ? 1e-6 : 1e-14));
  }
}

TEST_CASE("activation: elu is e^x - 1 below zero and has its slope") {
  auto x = random<double>(Extents<1>{40}, 4, 2.0);
  x(0) = 0;
  x(1) = -50;
  Tape<double> tape;
  const auto y = activate(tape.input(x), Activation::elu, 0).value();
  for (index_t i = 0; i < 40; ++i) CHECK(y(i) == Approx(x(i) > 0 ? x(i) : std::exp(x(i)) - 1));
  x(0) = 0.3;
  const GradCheck check = grad_check([](Tape<double>&, auto v) { return activate(v, Activation::elu, 0); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}
