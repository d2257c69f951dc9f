// A tape records coarse ops and walks back over them. Every gradient can be held against differences.
#include <cmath>
#include <cstdio>

#include "longwave/autograd/functions.hpp"
#include "longwave/autograd/grad_check.hpp"

namespace lw = longwave;

// [snippet: own_rule]
// An activation of your own: a value and its slope. y = x + sin^2 x, dy/dx = 1 + sin 2x.
struct SnakeRule {
  static constexpr const char* name = "snake";
  template <class T>
  T value(T x) const {
    return x + std::sin(x) * std::sin(x);
  }
  template <class T>
  T slope(T x) const {
    return 1 + std::sin(2 * x);
  }
};
// [/snippet]

int main() {
  lw::Generator gen(1);
  lw::Tensor<double, 2> x(4, 3), W(2, 3);
  gen.normal(x.view());
  gen.normal(W.view());

  // [snippet: tape_first]
  lw::Tape<double> tape;
  const auto w = tape.variable(W.view());       // its gradient is wanted
  const auto y = lw::linear(tape.input(x), w);  // (4, 3) -> (4, 2)
  const auto loss = lw::mean(lw::square(lw::unary(y, SnakeRule())));
  tape.backward(loss);
  std::printf("loss %g, dloss/dW(0, 0) = %g\n", loss.value()(), w.grad()(0, 0));
  // [/snippet]

  // [snippet: grad_check]
  const auto f = [](lw::Tape<double>&, auto a, auto b) { return lw::square(lw::unary(lw::linear(a, b), SnakeRule())); };
  const lw::GradCheck check = lw::grad_check(f, x, W);  // against central differences, every element of both
  std::printf("largest relative error %g\n", check.error);
  // [/snippet]
  return check.error < 1e-8 ? 0 : 1;  // differences in double are good to about 1e-10
}
