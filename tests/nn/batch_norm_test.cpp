#include "longwave/nn/batch_norm.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("nn batch_norm: the tape's mode chooses the statistics") {
  BatchNorm<double> norm({.features = 3, .momentum = 1});
  const auto x = random<double>(Extents{4, 3, 8});
  Generator gen(1);
  Tape<double> tape;
  const auto before = norm(tape, tape.input(x)).value();
  CHECK(std::abs(before(1, 2, 3) - x(1, 2, 3) / std::sqrt(1 + 1e-5)) < 1e-15);
  CHECK(norm.num_batches_tracked() == 0);

  tape.train(gen);
  const auto trained = norm(tape, tape.input(x)).value();
  CHECK(norm.num_batches_tracked() == 1);
  tape.evaluate();
  const auto after = norm(tape, tape.input(x)).value();
  // With momentum 1 the running statistics are the batch's, but for the unbiased variance.
  const double ratio = std::sqrt(31.0 / 32);
  CHECK(std::abs(after(1, 2, 3) / trained(1, 2, 3) - ratio) < 1e-5);  // eps
}

TEST_CASE("nn batch_norm: parameters and buffers are named as in PyTorch") {
  BatchNorm<float> norm({.features = 3});
  const auto refs = state<float>(norm);
  REQUIRE(refs.size() == 5);
  const char* names[] = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(refs[i].name == names[i]);
  CHECK(refs[3].value[1] == 1);
  CHECK(refs[4].shape.empty());
  CHECK(refs[4].count == 1);
  CHECK(error_text<ValueError>([] { BatchNorm<float> bad({}); }) == "BatchNorm: features is 0, expected at least 1");
  CHECK(error_text<ValueError>([] { BatchNorm<float> bad({.features = 1, .momentum = -1}); }).find("momentum") !=
        std::string::npos);
}

TEST_CASE("nn batch_norm: gradients of all inputs in training") {
  BatchNorm<double> norm({.features = 2});
  Generator gen(1);
  auto x = random<double>(Extents{3, 2, 4});
  const auto check = grad_check(
      [&](auto& tape, auto v) {
        tape.train(gen);
        return norm(tape, v);
      },
      x);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}
