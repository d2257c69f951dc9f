#include "longwave/nn/linear_activation.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("linear_activation: made without options it is absent") {
  LinearActivation<float> none;
  CHECK_FALSE(none);
  CHECK(count_parameters(none) == 0);
  CHECK(none.step().W.count() == 0);
}

TEMPLATE_TEST_CASE("linear_activation: a sample gives what the sequence gives, in every form", "", float, double) {
  using T = TestType;
  for (const Activation activation : {Activation::none, Activation::tanh, Activation::glu})
    for (const bool weight_norm : {false, true})
      for (const index_t I : {1, 4, 7}) {
        Generator gen(1);
        LinearActivation<T, Host, 3> layer({I, 5, activation, weight_norm}, gen);
        const auto x = random<T>(Extents<3>{2, I, 3}, 2);
        Tape<T> tape;
        const auto y = layer(tape, tape.input(x)).value();
        const LinearStep<T> step = layer.step();
        Tensor<T, 3> stepped(2, 5, 3);
        Tensor<T, 1> in(I), out(5), room(10);
        for (index_t b = 0; b < 2; ++b)
          for (index_t l = 0; l < 3; ++l) {
            for (index_t i = 0; i < I; ++i) in(i) = x(b, i, l);
            step(out.data(), room.data(), in.data());
            for (index_t o = 0; o < 5; ++o) stepped(b, o, l) = out(o);
          }
        CHECK(relative_error(stepped.view(), y) < (sizeof(T) == 4 ? 1e-6 : 1e-14));  // sums of at most 8 numbers
      }
}

TEST_CASE("linear_activation: weight norm starts with the rows that were drawn") {
  Generator gen(1), again(1);
  LinearActivation<double> plain({4, 3, Activation::none, false}, gen), normed({4, 3, Activation::none, true}, again);
  const auto x = random<double>(Extents<3>{2, 4, 6}, 2);
  Tape<double> tape;
  CHECK(relative_error(normed(tape, tape.input(x)).value(), plain(tape, tape.input(x)).value()) < 1e-14);
  std::vector<std::string> names;
  normed.for_each_parameter([&](const std::string& name, auto&) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{"weight_g", "weight_v", "bias"});
}

TEST_CASE("linear_activation: sizes below one are errors") {
  Generator gen(1);
  CHECK(error_text<ValueError>([&] {
          LinearActivation<float>({0, 3, Activation::none, false}, gen);
        }) == "LinearActivation: in is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] {
          LinearActivation<float>({3, -1, Activation::none, false}, gen);
        }) == "LinearActivation: out is -1, expected at least 1");
}
