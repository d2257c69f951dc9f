#include "longwave/ops/conv1d.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/conv1d.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Case {
  index_t B, I, O, L, k;
  Conv1dOptions options;
  bool bias = true;
};

std::string text(const Case& c) {
  return "B" + std::to_string(c.B) + " I" + std::to_string(c.I) + " O" + std::to_string(c.O) + " L" +
         std::to_string(c.L) + " k" + std::to_string(c.k) + " stride " + std::to_string(c.options.stride) +
         " padding " + std::to_string(c.options.padding) + " dilation " + std::to_string(c.options.dilation) +
         " groups " + std::to_string(c.options.groups);
}

const Case cases[] = {
    {2, 3, 4, 7, 1, {}},
    {2, 16, 33, 2053, 1, {}},  // several blocks of columns, a register tile and its remainder
    {1, 40, 20, 1, 1, {}, false},
    {3, 2, 3, 9, 3, {.padding = 1}},
    {2, 2, 2, 12, 3, {.padding = 2, .dilation = 2}},
    {2, 3, 2, 11, 3, {.stride = 2}},
    {2, 4, 6, 13, 5, {.stride = 3, .padding = 4, .dilation = 2, .groups = 2}},
    {2, 4, 4, 8, 3, {.padding = 1, .groups = 4}},
    {2, 3, 6, 1031, 4, {.padding = 3, .groups = 3}},  // depthwise, two outputs per input
    {1, 1, 24, 40, 3, {.padding = 1}, false},
    {2, 24, 9, 40, 3, {.padding = 1}},
    {1, 2, 3, 4, 4, {}},
    {1, 2, 2, 2, 3, {.padding = 5}},  // taps that see padding alone
    {1, 2, 2, 2, 2, {.stride = 7, .padding = 5}},
    {2, 3, 4, 1, 1, {.padding = 2}},
    {3, 2, 4, 5, 1, {.stride = 2}},
};

struct Sums {
  Tensor<double, 3> y, dx, dW;
  Tensor<double, 1> dbias;
};

// The definition, one product at a time, in double.
template <class T>
Sums reference(const Case& c, const Tensor<T, 3>& x, const Tensor<T, 3>& W, const Tensor<T, 1>& bias,
               const Tensor<T, 3>& dy) {
  Sums s{Tensor<double, 3>(dy.sizes()), Tensor<double, 3>(x.sizes()), Tensor<double, 3>(W.sizes()),
         Tensor<double, 1>(W.size(0))};
  const index_t depth = W.size(1), rows = W.size(0) / c.options.groups;
  for (index_t b = 0; b < c.B; ++b)
    for (index_t o = 0; o < c.O; ++o)
      for (index_t l = 0; l < dy.size(2); ++l) {
        if (c.bias) s.y(b, o, l) = double(bias(o));
        s.dbias(o) += double(dy(b, o, l));
        for (index_t i = 0; i < depth; ++i)
          for (index_t t = 0; t < c.k; ++t) {
            const index_t at = l * c.options.stride + t * c.options.dilation - c.options.padding;
            if (at < 0 || at >= c.L) continue;
            const index_t channel = o / rows * depth + i;
            s.y(b, o, l) += double(W(o, i, t)) * double(x(b, channel, at));
            s.dx(b, channel, at) += double(W(o, i, t)) * double(dy(b, o, l));
            s.dW(o, i, t) += double(x(b, channel, at)) * double(dy(b, o, l));
          }
      }
  return s;
}

template <class T>
struct Problem {
  Tensor<T, 3> x, W, y, dy, dx, dW;
  Tensor<T, 1> bias, dbias;

  explicit Problem(const Case& c)
      : x(random<T>(Extents{c.B, c.I, c.L}, 1)),
        W(random<T>(Extents{c.O, c.I / c.options.groups, c.k}, 2)),
        y(c.B, c.O, conv1d_length(c.L, c.k, c.options)),
        dy(random<T>(y.sizes(), 3)),
        dx(x.sizes()),
        dW(W.sizes()),
        bias(random<T>(Extents{c.O}, 4)),
        dbias(c.O) {
    for (index_t i = 0; i < y.count(); ++i) y.data()[i] = T(99);  // must be overwritten
    for (index_t i = 0; i < dx.count(); ++i) dx.data()[i] = T(99);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("conv1d: values and gradients equal the definition", "", float, double) {
  using T = TestType;
  const double epsilon = std::is_same_v<T, float> ? 6e-8 : 1.2e-16;
  for (const Case& c : cases) {
    INFO(text(c));
    Problem<T> p(c);
    const In<T, 1> bias = c.bias ? In<T, 1>(p.bias) : In<T, 1>();
    ops::Conv1d::forward(p.y.view(), p.x, p.W, bias, c.options);
    ops::Conv1d::backward(p.dx, p.dW, p.dbias, TensorView<const T, 3>(p.dy.view()), p.x, p.W, c.options);
    const Sums want = reference(c, p.x, p.W, p.bias, p.dy);
    // Sums of at most 200 products for y and dx, of 4106 for dW and dbias; errors add up like a random walk, also
    // those of the reference.
    CHECK(relative_error(p.y, want.y) < 20 * epsilon);
    CHECK(relative_error(p.dx, want.dx) < 20 * epsilon);
    CHECK(relative_error(p.dW, want.dW) < 60 * epsilon);
    CHECK(relative_error(p.dbias, want.dbias) < 60 * epsilon);
  }
}

TEST_CASE("conv1d: strided views equal dense ones") {
  for (const Case& c : cases) {
    INFO(text(c));
    Problem<double> p(c);
    Tensor<double, 3> x(c.L, c.I, c.B), y(p.y.size(2), c.O, c.B), dy(p.y.size(2), c.O, c.B), dx(c.L, c.I, c.B),
        W(c.k, p.W.size(1), c.O), dW(c.k, p.W.size(1), c.O);
    auto turned = [](auto& tensor) { return tensor.view().transpose(0, 2); };
    detail::add_to(turned(x), p.x);
    detail::add_to(turned(W), p.W);
    detail::add_to(turned(dy), p.dy);
    ops::Conv1d::forward(turned(y), turned(x), turned(W), p.bias, c.options);
    ops::Conv1d::backward(turned(dx), turned(dW), p.dbias, TensorView<const double, 3>(turned(dy)), turned(x),
                          turned(W), c.options);
    Case with_bias = c;
    with_bias.bias = true;
    const Sums want = reference(with_bias, p.x, p.W, p.bias, p.dy);
    CHECK(relative_error(turned(y), want.y.view()) < 1e-14);
    CHECK(relative_error(turned(dx), want.dx.view()) < 1e-14);
    CHECK(relative_error(turned(dW), want.dW.view()) < 1e-14);
    CHECK(relative_error(p.dbias, want.dbias) < 1e-14);
  }
}

TEST_CASE("conv1d: gradients against differences") {
  for (const Case& c : cases) {
    if (c.L > 100) continue;
    INFO(text(c));
    Problem<double> p(c);
    const auto check =
        grad_check([&](auto&, auto x, auto W, auto b) { return conv1d(x, W, b, c.options); }, p.x, p.W, p.bias);
    INFO(check.text());
    CHECK(check.error < 1e-7);  // differences in double lose half of the digits
  }
}

TEST_CASE("conv1d: the same bits for any number of threads; parameter gradients accumulate") {
  for (const Case& c : {Case{5, 20, 40, 1500, 1, {}}, Case{40, 6, 6, 50, 3, {.padding = 1, .groups = 6}},
                        Case{3, 8, 8, 700, 3, {.stride = 2}}}) {
    Problem<float> one(c), eight(c);
    auto run = [&](Problem<float>& p, int threads) {
      set_num_threads(threads);
      ops::Conv1d::forward(p.y.view(), p.x, p.W, p.bias, c.options);
      ops::Conv1d::backward(p.dx, p.dW, p.dbias, TensorView<const float, 3>(p.dy.view()), p.x, p.W, c.options);
      set_num_threads(0);
    };
    run(one, 1);
    run(eight, 8);
    auto same = [](const auto& a, const auto& b) { return std::equal(a.data(), a.data() + a.count(), b.data()); };
    CHECK(same(one.y, eight.y));
    CHECK(same(one.dx, eight.dx));
    CHECK(same(one.dW, eight.dW));
    CHECK(same(one.dbias, eight.dbias));
    run(eight, 2);
    CHECK(eight.dW(1, 0, 0) == 2 * one.dW(1, 0, 0));
    CHECK(eight.dbias(1) == 2 * one.dbias(1));
  }
}

TEST_CASE("conv1d: empty batches and lengths pass") {
  for (const Case& c : {Case{0, 3, 2, 5, 3, {}}, Case{2, 3, 2, 0, 1, {}}}) {
    Problem<float> p(c);
    ops::Conv1d::forward(p.y.view(), p.x, p.W, p.bias, c.options);
    ops::Conv1d::backward(p.dx, p.dW, p.dbias, TensorView<const float, 3>(p.dy.view()), p.x, p.W, c.options);
    CHECK(p.y.count() == 0);
    CHECK(p.dW(0, 0, 0) == 0);
  }
}

TEST_CASE("conv1d: wrong shapes and options are named") {
  Tensor<float, 3> x(2, 4, 8), W(6, 4, 3), y(2, 6, 6), wrong(2, 6, 8);
  auto run = [&](Tensor<float, 3>& out, Conv1dOptions options) {
    return error_text([&] { ops::Conv1d::forward(out.view(), x, W, {}, options); });
  };
  CHECK(run(y, {}) == "");
  CHECK(run(wrong, {}) == "conv1d: y is (B=2, O=6, L=8), expected (B=2, O=6, L=6)");
  CHECK(run(y, {.groups = 2}) ==
        "conv1d: x and W disagree on I: x is (B=2, I=4, L=8), W is (O=6, I=4, k=3) with groups=2");
  CHECK(run(y, {.dilation = 4}) == "conv1d: the kernel spans 9 samples, x has L=8 and 0 of padding on each side");
  CHECK(run(y, {.stride = 0}) == "conv1d: stride is 0, expected at least 1");
  CHECK(run(y, {.padding = -1}) == "conv1d: padding is -1, expected at least 0");
  Tensor<float, 1> bias(5);
  CHECK(error_text([&] { ops::Conv1d::forward(y.view(), x, W, bias); }) == "conv1d: bias is (O=5), expected (O=6)");
}
