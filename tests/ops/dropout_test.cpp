#include "longwave/ops/dropout.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/dropout.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr PhiloxKey key{1234, 5, 6};

// The definition in the header's first lines.
double factor(index_t i, double p) {
  const auto words = philox(key, static_cast<std::uint64_t>(i / 64 * 16 + i % 16));
  const double word = words.word[i % 64 / 16];
  return word >= std::floor(p * 0x1p32) ? 1 / (1 - p) : 0;
}

template <class T>
void check_values(Extents<3> sizes, double p, bool tied, bool turned) {
  INFO(to_string(sizes) << " p " << p << (tied ? " tied" : "") << (turned ? " turned" : ""));
  const auto storage = random<T>(turned ? Extents(sizes[2], sizes[1], sizes[0]) : sizes, 51);
  const auto x = turned ? storage.view().transpose(0, 2) : storage.view();
  Tensor<T, 3> y(sizes), dx(sizes);
  Tensor<double, 3> want(sizes);
  for (index_t i = 0, number = 0; i < sizes[0]; ++i)
    for (index_t j = 0; j < sizes[1]; ++j)
      for (index_t k = 0; k < sizes[2]; ++k, ++number)
        want(i, j, k) = static_cast<double>(x(i, j, k)) * factor(tied ? number / sizes[2] : number, p);
  ops::Dropout::forward(y.view(), x, key, p, tied);
  ops::Dropout::backward(dx.view(), x, key, p, tied);
  CHECK(relative_error(y, want) <= (std::is_same_v<T, float> ? 1.2e-7 : 1e-15));  // one rounding of 1 / (1 - p)
  CHECK(relative_error(dx, y) == 0);
}

}  // namespace

TEST_CASE("dropout: side by side, Philox gives the numbers of the generator") {
  std::uint32_t word[4][16];
  const std::uint64_t first = 0xfffffff8u;  // the low word of the counter overflows on the way
  detail::philox_side_by_side(word, key, first);
  for (std::uint64_t j = 0; j < 16; ++j)
    for (int w = 0; w < 4; ++w) CHECK(word[w][j] == philox(key, first + j).word[w]);
}

TEST_CASE("dropout: every element as defined, for any size, stride and precision") {
  for (const auto& sizes :
       {Extents(1, 1, 1), Extents(2, 3, 5), Extents(3, 7, 61), Extents(2, 2, 997), Extents(70, 3, 2), Extents(2, 0, 3)})
    for (const double p : {0.0, 0.1, 0.75})
      for (const bool tied : {false, true})
        for (const bool turned : {false, true}) {
          check_values<float>(sizes, p, tied, turned);
          check_values<double>(sizes, p, tied, turned);
        }
}

TEST_CASE("dropout: keeps a share of 1 - p and the mean") {
  const index_t n = 1 << 18;
  Tensor<float, 1> x(n), y(n);
  for (index_t i = 0; i < n; ++i) x(i) = 1;
  for (const double p : {0.1, 0.5, 0.9}) {
    ops::Dropout::forward(y.view(), x, key, p);
    double sum = 0;
    for (index_t i = 0; i < n; ++i) sum += static_cast<double>(y(i));
    const double deviation = std::sqrt(p / (1 - p) / static_cast<double>(n));
    CHECK(std::abs(sum / static_cast<double>(n) - 1) < 4 * deviation);
  }
}

TEST_CASE("dropout: draws differ, threads do not matter, the input may be the output") {
  const auto x = random<float>(Extents(40001), 52);
  Tensor<float, 1> y(40001), again(40001);
  ops::Dropout::forward(y.view(), x, key, 0.5);
  ops::Dropout::forward(again.view(), x, {1234, 5, 7}, 0.5);
  CHECK(relative_error(again, y) > 0);
  for (const int threads : {1, 8}) {
    set_num_threads(threads);
    again = x.clone();
    ops::Dropout::forward(again.view(), again, key, 0.5);
    CHECK(relative_error(again, y) == 0);
  }
  set_num_threads(0);
}

TEST_CASE("dropout: the tape draws anew at each call while training, and passes x through otherwise") {
  const auto x = random<double>(Extents(8, 32), 53);
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  CHECK(dropout(v, 0.5).node() == v.node());
  Generator gen(54);
  tape.train(gen);
  CHECK(dropout(v, 0.0).node() == v.node());
  const auto a = dropout(v, 0.5), b = dropout(v, 0.5), c = dropout(v, 0.5, true);
  CHECK(relative_error(a.value(), b.value()) > 0);
  for (index_t i = 0; i < 8; ++i)
    for (index_t j = 1; j < 32; ++j) CHECK((c.value()(i, j) == 0) == (c.value()(i, 0) == 0));
  Tensor<double, 2> ones(8, 32);
  for (index_t i = 0; i < ones.count(); ++i) ones.data()[i] = 1;
  tape.backward(a, ones.view());
  for (index_t i = 0; i < x.count(); ++i) {
    const double slope = a.value().data()[i] == 0 ? 0 : 2;
    CHECK(v.grad().data()[i] == slope);
  }
}

TEST_CASE("dropout: gradient, plain and tied") {
  auto x = random<double>(Extents(3, 4, 5), 55);
  for (const bool tied : {false, true}) {
    const auto f = [=](auto& tape, auto v) {
      static Generator gen(0);
      gen = Generator(56);  // the same draw at every evaluation
      tape.train(gen);
      return dropout(v, 0.3, tied);
    };
    CHECK(grad_check(f, x).error < 1e-8);
  }
}

TEST_CASE("dropout: gradients after a rule and in a sum") {
  auto x = random<double>(Extents(3, 4, 5), 57), u = random<double>(Extents(3, 4, 5), 58);
  for (const bool tied : {false, true}) {
    const auto f = [=](auto& tape, auto v, auto w) {
      static Generator gen(0);
      gen = Generator(59);
      tape.train(gen);
      return dropout_sum(v, dropout_after(w, GeluRule(), 0.3, tied), {0.5, 2}, 0.2, tied);
    };
    CHECK(grad_check(f, x, u).error < 1e-8);
  }
}

TEST_CASE("dropout: a probability outside [0, 1) and a wrong shape are named") {
  Tensor<float, 1> x(3), y(4);
  CHECK(error_text<ValueError>([&] { ops::Dropout::forward(x.view(), x, key, 1.0); }) ==
        "dropout: p is 1.000000, expected 0 <= p < 1 (the share that is dropped)");
  CHECK(error_text<ValueError>([&] { ops::Dropout::forward(x.view(), x, key, NAN); }) ==
        "dropout: p is nan, expected 0 <= p < 1 (the share that is dropped)");
  CHECK(error_text<ShapeError>([&] { ops::Dropout::forward(y.view(), x, key, 0.1); }) ==
        "dropout: y and x differ in shape: y is (4), x is (3)");
}
