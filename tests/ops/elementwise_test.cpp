#include "longwave/ops/elementwise.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/elementwise.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 3e-7 : 1e-15;  // one or two roundings

// Every operand shape against every other, through views with stride 0.
template <class Rule, class T>
void check_forward(Extents<3> a_sizes, Extents<3> b_sizes) {
  const auto a = random<T>(a_sizes, 1), b = random<T>(b_sizes, 2);
  Tensor<T, 3> y(broadcast_sizes("test", a_sizes, b_sizes));
  Tensor<double, 3> want(y.sizes());
  ops::Binary<Rule>::forward(y.view(), a, b);
  const auto A = broadcast(a.view(), y.sizes()), B = broadcast(b.view(), y.sizes());
  for (index_t i = 0; i < y.size(0); ++i)
    for (index_t j = 0; j < y.size(1); ++j)
      for (index_t k = 0; k < y.size(2); ++k)
        want(i, j, k) = Rule().value(static_cast<double>(A(i, j, k)), static_cast<double>(B(i, j, k)));
  CHECK(relative_error(y, want) <= tolerance<T>);
}

template <class Rule>
void check_rule() {
  INFO(Rule::name);
  const Extents<3> shapes[] = {{3, 5, 17}, {1, 5, 1}, {3, 1, 17}, {1, 1, 17}, {3, 5, 1}, {1, 1, 1}};
  for (const auto& a : shapes)
    for (const auto& b : shapes) {
      INFO(to_string(a) << " and " << to_string(b));
      check_forward<Rule, float>(a, b);
      check_forward<Rule, double>(a, b);
    }
  check_forward<Rule, float>({0, 5, 1}, {1, 5, 7});
  for (const auto& b_sizes : {Extents(2, 3, 4), Extents(1, 3, 1), Extents(2, 1, 4), Extents(1, 1, 1)}) {
    auto a = random<double>(Extents(2, 3, 4), 3), b = random<double>(b_sizes, 4);
    for (index_t i = 0; i < b.count(); ++i) b.data()[i] += b.data()[i] < 0 ? -1 : 1;  // away from a division by 0
    const auto f = [](auto&, auto x, auto y) { return binary(x, y, Rule()); };
    const auto g = [](auto&, auto x, auto y) { return binary(y, x, Rule()); };
    const GradCheck check = grad_check(f, a, b);
    INFO(check.text());
    CHECK(check.error < 1e-8);  // central differences are good to about 1e-10
    if constexpr (!std::is_same_v<Rule, DivRule>) CHECK(grad_check(g, a, b).error < 1e-8);
  }
}

}  // namespace

TEST_CASE("elementwise: values and gradients of every rule over every way to broadcast") {
  check_rule<AddRule>();
  check_rule<SubRule>();
  check_rule<MulRule>();
  check_rule<DivRule>();
}

TEST_CASE("elementwise: gradients summed over broadcast axes agree with plain loops at training sizes") {
  const auto check = [](auto zero, Extents<3> sizes, Extents<3> b_sizes) {
    using T = decltype(zero);
    const auto dy = random<T>(sizes, 5), a = random<T>(sizes, 6), b = random<T>(b_sizes, 7);
    Tensor<T, 3> db(b_sizes);
    Tensor<double, 3> want(b_sizes);
    for (index_t i = 0; i < sizes[0]; ++i)
      for (index_t j = 0; j < sizes[1]; ++j)
        for (index_t k = 0; k < sizes[2]; ++k)
          broadcast(want.view(), sizes)(i, j, k) += static_cast<double>(dy(i, j, k)) * static_cast<double>(a(i, j, k));
    INFO(to_string(b_sizes));
    ops::Mul::backward(TensorView<T, 3>(), db.view(), dy, a, b);
    CHECK(relative_error(db, want) <= (std::is_same_v<T, float> ? 2e-7 : 1e-13));  // sums are carried in double
    // The same through a view whose last axis is not dense, and with other numbers of threads.
    Tensor<T, 3> turned(sizes[2], sizes[1], sizes[0]), again(b_sizes);
    for (index_t i = 0; i < sizes[0]; ++i)
      for (index_t j = 0; j < sizes[1]; ++j)
        for (index_t k = 0; k < sizes[2]; ++k) turned(k, j, i) = a(i, j, k);
    for (const int threads : {1, 2, 8}) {
      set_num_threads(threads);
      ops::Mul::backward(TensorView<T, 3>(), again.view(), dy, turned.view().transpose(0, 2), b);
      CHECK(relative_error(again, want) <= (std::is_same_v<T, float> ? 2e-7 : 1e-13));
      ops::Mul::backward(TensorView<T, 3>(), again.view(), dy, a, b);
      CHECK(relative_error(again, db) == 0);
    }
    set_num_threads(0);
  };
  for (const auto& b : {Extents(1, 7, 1), Extents(1, 1, 1), Extents(5, 1, 1), Extents(1, 7, 2003), Extents(1, 1, 2003),
                        Extents(5, 1, 2003), Extents(5, 7, 1)}) {
    check(0.0f, {5, 7, 2003}, b);
    check(0.0, {5, 7, 2003}, b);
  }
  check(0.0f, {70000, 1, 1}, {1, 1, 1});
  check(0.0f, {3000, 1, 5}, {1, 1, 5});
  check(0.0, {0, 3, 5}, {1, 3, 5});
}

TEST_CASE("elementwise: rules of one operand") {
  auto x = random<double>(Extents(5, 7), 8);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = 0.2 + std::abs(x.data()[i]);
  const auto check = [&](auto rule, auto oracle) {
    INFO(rule.name);
    Tensor<double, 2> y(x.sizes()), want(x.sizes());
    Tensor<float, 2> x_float(x.sizes()), y_float(x.sizes());
    for (index_t i = 0; i < x.count(); ++i) {
      want.data()[i] = oracle(x.data()[i]);
      x_float.data()[i] = static_cast<float>(x.data()[i]);
    }
    ops::Unary<decltype(rule)>::forward(y.view(), x, rule);
    ops::Unary<decltype(rule)>::forward(y_float.view(), x_float, rule);
    CHECK(relative_error(y, want) <= 1e-15);
    CHECK(relative_error(y_float, want) <= 1e-6);  // the argument's rounding, amplified by exp
    CHECK(grad_check([=](auto&, auto v) { return unary(v, rule); }, x).error < 1e-8);
  };
  check(ScaleRule{2.5, -1}, [](double v) { return 2.5 * v - 1; });
  check(InverseRule{3}, [](double v) { return 3 / v; });
  check(ExpRule(), [](double v) { return std::exp(v); });
  check(LogRule(), [](double v) { return std::log(v); });
  check(SquareRule(), [](double v) { return v * v; });
  check(SqrtRule(), [](double v) { return std::sqrt(v); });
  check(AbsRule(), [](double v) { return std::abs(v); });
  CHECK(AbsRule().slope(-2.0f) == -1.0f);
  CHECK(AbsRule().slope(0.0) == 0.0);
}

TEST_CASE("elementwise: operators with numbers and with Vars") {
  Tensor<double, 0> x{Extents<0>()};
  x() = 3;
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  CHECK((v + 1).value()() == 4);
  CHECK((1 - v).value()() == -2);
  CHECK((v - 1).value()() == 2);
  CHECK((2 * v * 2).value()() == 12);
  CHECK((v / 2).value()() == 1.5);
  CHECK((6 / v).value()() == 2);
  CHECK((-v).value()() == -3);
  tape.rewind();
  const auto w = tape.variable(x.view());
  tape.backward(w * w * w + square(w) - w / w);
  CHECK(w.grad()() == Approx(3 * 9 + 2 * 3));  // the same Var on both sides
}

TEST_CASE("elementwise: shapes that do not broadcast are named") {
  Tensor<float, 2> a(2, 3), b(4, 3), y(2, 3), row(1, 3);
  CHECK(error_text<ShapeError>([&] { ops::Add::forward(y.view(), a, b); }) ==
        "add: a (2, 3) and b (4, 3) differ along axis 0, and neither has size 1 there");
  CHECK(error_text<ShapeError>([&] { ops::Add::forward(row.view(), a, row); }) == "add: y is (1, 3), expected (2, 3)");
  CHECK(error_text<ShapeError>([&] { ops::Mul::backward(y.view(), y.view(), y, a, row); }) ==
        "mul: db is (2, 3), expected (1, 3)");
  CHECK(error_text<ShapeError>([&] { broadcast(a.view(), Extents(4, 3)); }) ==
        "broadcast: (2, 3) does not repeat into (4, 3)");
}
