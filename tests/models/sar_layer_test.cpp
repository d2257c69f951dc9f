#include "longwave/models/sar_layer.hpp"
#include "check.hpp"
#include "longwave/autograd/functions/loss.hpp"

using namespace longwave;
using test::random;
using test::relative_error;

// One part in 256 for each of the two roundings, and for those of the gradients.
TEST_CASE("SarLayer: mixed precision rounds what enters and leaves the convolution, parameters stay float") {
  const auto u = random<float, 3>({2, 2, 300}, 1), target = random<float, 3>({2, 2, 300}, 2);
  for (const bool bidirectional : {false, true}) {
    Generator a(3), b(3);
    SarLayer<float> plain({.bidirectional = bidirectional}, a),
        mixed({.bidirectional = bidirectional, .mixed = true}, b);
    Tape<float> tape;
    const auto x = plain(tape, tape.input(u)), y = mixed(tape, tape.input(u));
    const double error = relative_error(y.value(), x.value());
    CHECK(error > 0);
    CHECK(error < 0.02);
    tape.backward(mse(x, tape.input(target)) + mse(y, tape.input(target)));
    const auto want = parameters<float>(plain), got = parameters<float>(mixed);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const Extents<1> n{got[i].count};
      INFO(got[i].name);
      CHECK(relative_error(TensorView<float, 1>(got[i].grad, n), TensorView<float, 1>(want[i].grad, n)) < 0.05);
    }
  }
  Generator gen(4);
  CHECK_THROWS_WITH(SarLayer<double>({.mixed = true}, gen), "SarLayer: mixed precision is for layers of float");
}
