#include "longwave/nn/init.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Moments {
  double mean = 0, deviation = 0, low = INFINITY, high = -INFINITY;
};

template <class T, int N>
Moments moments(const Tensor<T, N>& x) {
  Moments m;
  const double n = double(x.count());
  for (index_t i = 0; i < x.count(); ++i) {
    const double v = double(x.data()[i]);
    m.mean += v / n;
    m.low = std::min(m.low, v);
    m.high = std::max(m.high, v);
  }
  for (index_t i = 0; i < x.count(); ++i) m.deviation += std::pow(double(x.data()[i]) - m.mean, 2) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

}  // namespace

TEMPLATE_TEST_CASE("init: bounds and deviations are those of the formulas", "", float, double) {
  using T = TestType;
  Generator gen(1);
  Tensor<T, 3> w(100, 60, 3);  // fan_in 180, fan_out 300; 18000 draws: moments within 3 / sqrt(18000) = 2 %
  CHECK(init::fan_in(w.sizes()) == 180);
  CHECK(init::fan_out(w.sizes()) == 300);
  auto check_uniform = [&](double bound) {
    const Moments m = moments(w);
    CHECK(m.low >= -bound);
    CHECK(m.high <= bound);
    CHECK(m.high > 0.99 * bound);
    CHECK(std::abs(m.deviation / (bound / std::sqrt(3.0)) - 1) < 0.02);
    CHECK(std::abs(m.mean) < 0.03 * bound);
  };
  init::kaiming_uniform(gen, w.view());
  check_uniform(std::sqrt(6.0 / 180));
  init::kaiming_uniform(gen, w.view(), std::sqrt(5.0));
  check_uniform(1 / std::sqrt(180.0));
  init::xavier_uniform(gen, w.view(), 2);
  check_uniform(2 * std::sqrt(6.0 / 480));
  init::kaiming_normal(gen, w.view());
  CHECK(std::abs(moments(w).deviation / std::sqrt(2.0 / 180) - 1) < 0.02);
  init::xavier_normal(gen, w.view());
  CHECK(std::abs(moments(w).deviation / std::sqrt(2.0 / 480) - 1) < 0.02);
  init::uniform(gen, w.view(), 2, 4);
  CHECK(std::abs(moments(w).mean - 3) < 0.02);
  init::normal(gen, w.view(), -1, 0.5);
  CHECK(std::abs(moments(w).mean + 1) < 0.02);
  init::constant(w.view(), 7);
  CHECK((moments(w).low == 7 && moments(w).high == 7));
}

TEST_CASE("init: log_uniform spreads evenly over the orders of magnitude") {
  Generator gen(2);
  Tensor<double, 1> dt(10000);
  init::log_uniform(gen, dt.view(), 1e-3, 1e-1);
  index_t below = 0;
  for (index_t i = 0; i < dt.count(); ++i) {
    CHECK((dt(i) >= 0.9999e-3 && dt(i) <= 1.0001e-1));
    below += dt(i) < 1e-2;
  }
  CHECK(std::abs(double(below) / 10000 - 0.5) < 0.02);  // four standard deviations
  CHECK(error_text<ValueError>([&] { init::log_uniform(gen, dt.view(), 0, 1); }).find("log_uniform: low") == 0);
}

TEST_CASE("init: empty weights pass") {
  Generator gen(3);
  Tensor<float, 2> none(0, 4), no_inputs(4, 0);
  Tensor<float, 1> bias(4);
  init::linear_default(gen, none.view(), bias.view());
  init::linear_default(gen, no_inputs.view(), bias.view());
  init::xavier_normal(gen, no_inputs.view());
  CHECK(bias(0) == 0);
}
