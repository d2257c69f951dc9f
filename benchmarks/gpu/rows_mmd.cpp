// MMD^2 of two samples of n points in four dimensions, in double and float: the value, and with the gradient of one
// sample. Operations: two for each instruction of a pair, 25 in double and 15 in float; the gradient 33 and 23 more.
#include "bench.hpp"
#include "longwave/metrics/mmd_permutation.hpp"

namespace longwave::bench {
namespace {

constexpr index_t d = 4;

template <class T>
constexpr const char* type = sizeof(T) == 8 ? "double" : "float";

template <class T>
struct Samples {
  Tensor<T, 2, Cuda> x, y, dx;
  Tensor<T, 0, Cuda> value{Extents<0>()};

  explicit Samples(index_t n)
      : x(random<T>(Extents<2>(n, d), 1)), y(random<T>(Extents<2>(n, d), 2)), dx(Extents<2>(n, d)) {}
  void forward() { ops::Mmd::forward(value.view(), x, y, RbfMixture(2.0)); }
  void backward() { ops::Mmd::backward(dx.view(), {}, value, x, y, RbfMixture(2.0)); }
};

template <class T>
void mmd(Suite& suite, index_t n, double target_ms) {
  const std::string size = std::string(" ") + type<T> + " n=" + std::to_string(n);
  const double pairs = static_cast<double>(n) * static_cast<double>(2 * n - 1);
  const double bytes = 2.0 * sizeof(T) * static_cast<double>(n * d);
  const Products unit = sizeof(T) == 8 ? Products::fp64 : Products::fp32;
  Samples<T> s(n);
  const double value = (sizeof(T) == 8 ? 50 : 30) * pairs, gradient = (sizeof(T) == 8 ? 66 : 46) * pairs;
  suite.time({"mmd" + size, bytes, value, unit, target_ms}, 1, [&](int) { s.forward(); });
  suite.time({"mmd forward+backward" + size, 2 * bytes, value + gradient, unit}, 1, [&](int) {
    s.forward();
    s.backward();
  });
}

// Once: seconds.
template <class T>
void million(Suite& suite) {
  const std::string name = std::string("mmd ") + type<T> + " n=1000000";
  if (!suite.wants(name)) return;
  Samples<T> s(1000000);
  cuda::Event begin, end;
  begin.record();
  s.forward();
  end.record();
  char text[64];
  std::snprintf(text, sizeof text, "%10.1f ms, once; target 5000", cuda::milliseconds(begin, end));
  suite.note(name, text);
}

// 200 permutations of 10,000 and 10,000 points, labels and results copied: once.
void permutations(Suite& suite) {
  const std::string name = "mmd permutation test double n=10000";
  if (!suite.wants(name)) return;
  Samples<double> s(10000);
  const auto test = [&] { return mmd_permutation_test<double>(s.x.view(), s.y.view(), RbfMixture(2.0)); };
  test();
  cuda::Event begin, end;
  begin.record();
  test();
  end.record();
  char text[64];
  std::snprintf(text, sizeof text, "%10.1f ms, once, with the host's part", cuda::milliseconds(begin, end));
  suite.note(name, text);
}

const Family family("mmd", [](Suite& suite) {
  mmd<double>(suite, 1536, 0);
  mmd<double>(suite, 10000, 1.5);
  mmd<double>(suite, 100000, 0);
  mmd<float>(suite, 10000, 0);
  mmd<float>(suite, 100000, 0);
  permutations(suite);
  million<float>(suite);
  million<double>(suite);
});

}  // namespace
}  // namespace longwave::bench
