#include "longwave/nn/sequential.hpp"

#include "check.hpp"
#include "longwave/nn/batch_norm.hpp"
#include "longwave/nn/linear.hpp"
#include "longwave/optim/adam.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

auto make_net(Generator& gen) {
  return Sequential(
      Linear<double>({.in = 2, .out = 3}, gen), [](auto&, auto x) { return linear(x, x); },
      BatchNorm<double>({.features = 4}), Linear<double>({.in = 4, .out = 1}, gen));
}

}  // namespace

TEST_CASE("sequential: calls its layers in order and names them by position") {
  Generator gen(1);
  auto net = make_net(gen);
  const auto refs = state<double>(net);
  std::vector<std::string> names;
  for (const auto& ref : refs) names.push_back(ref.name);
  CHECK(names == std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias",
                                          "2.running_mean", "2.running_var", "2.num_batches_tracked"});
  const auto x = random<double>(Extents{4, 2});
  Tape<double> tape;
  const auto y = net(tape, tape.input(x));
  auto h = net.get<0>()(tape, tape.input(x));
  h = net.get<2>()(tape, linear(h, h));
  CHECK(relative_error(y.value(), net.get<3>()(tape, h).value()) == 0);
}

TEST_CASE("sequential: an optimiser finds its scalar and trains it") {
  Generator gen(1);
  auto net = make_net(gen);
  Adam opt(net, {.lr = 0.05});
  const auto x = random<double>(Extents{4, 2});
  Tensor<double, 2> seed(4, 1);
  Tape<double> tape;
  double first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    tape.rewind();
    const auto y = net(tape, tape.input(x));
    last = 0;
    for (index_t i = 0; i < 4; ++i) {  // loss: squared distance from 1
      seed(i, 0) = 2 * (y.value()(i, 0) - 1);
      last += seed(i, 0) * seed(i, 0) / 4;
    }
    if (step == 0) first = last;
    tape.backward(y, seed.view());
    opt.step();
  }
  CHECK(last < 0.1 * first);
}
