#include "longwave/optim/ema.hpp"

#include "two_parameters.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("ema: averages, with and without warm-up", "", float, double) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-15;  // a few roundings of numbers of size 1
  for (bool warm_up : {false, true}) {
    TwoParameters<T> model;
    Ema ema(model, {.decay = 0.9, .warm_up = warm_up});
    double want = model.a.value(1, 1);
    for (int n = 0; n < 4; ++n) {
      model.a.value(1, 1) = T(n);
      const double decay = warm_up ? std::min(0.9, (1.0 + n) / (10.0 + n)) : 0.9;
      want = decay * want + (1 - decay) * n;
      ema.update();
    }
    CHECK(ema.updates() == 4);
    ema.swap_in();
    CHECK(std::abs(double(model.a.value(1, 1)) - want) < tolerance);
    CHECK(ema.swapped());
    CHECK(error_text<ValueError>([&] { ema.update(); }).find("swap_out") != std::string::npos);
    CHECK(error_text<ValueError>([&] { ema.swap_in(); }) == "Ema: the averages are swapped in already");
    ema.swap_out();
    CHECK(model.a.value(1, 1) == T(3));
  }
}

TEST_CASE("ema: state holds the averages under the parameters' names") {
  TwoParameters<double> model;
  Ema ema(model);
  const double before = model.b.value(3);
  model.b.value(3) = 100;
  const auto state = ema.state();
  REQUIRE(state.size() == 2);
  CHECK(state[1].name == "ema.b");
  CHECK(state[1].value[3] == before);
  CHECK(error_text<ValueError>([&] { Ema bad(model, {.decay = 1}); }) == "Ema: decay is 1.000000, expected [0, 1)");
}
