#include "longwave/autograd/tape.hpp"

#include <limits>
#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/elementwise.hpp"

using namespace longwave;
using longwave::test::error_text;

namespace {

// Ops made for these tests: y = x^2, y = a b, y = sum x, each on dense values.
template <class T, int N>
Var<T, N> square(Tape<T>& tape, Var<T, N> x) {
  Var<T, N> y = tape.make(x.sizes(), x.needs_grad());
  for (index_t i = 0; i < y.value().count(); ++i) y.output().data()[i] = x.value().data()[i] * x.value().data()[i];
  tape.record("square", y, [=] {
    const Grad dx(x);
    if (!wanted(dx.view())) return;
    for (index_t i = 0; i < y.value().count(); ++i) dx.view().data()[i] = 2 * x.value().data()[i] * y.grad().data()[i];
  });
  return y;
}

template <class T, int N>
Var<T, N> multiply(Tape<T>& tape, Var<T, N> a, Var<T, N> b) {
  Var<T, N> y = tape.make(a.sizes(), a.needs_grad() || b.needs_grad());
  for (index_t i = 0; i < y.value().count(); ++i) y.output().data()[i] = a.value().data()[i] * b.value().data()[i];
  tape.record("multiply", y, [=] {
    const Grad da(a), db(b);
    for (index_t i = 0; i < y.value().count(); ++i) {
      if (wanted(da.view())) da.view().data()[i] = b.value().data()[i] * y.grad().data()[i];
      if (wanted(db.view())) db.view().data()[i] = a.value().data()[i] * y.grad().data()[i];
    }
  });
  return y;
}

// y = 3 x, whose backward adds to a gradient that is there.
Var<double, 1> triple(Tape<double>& tape, Var<double, 1> x, bool* added) {
  const Var<double, 1> y = tape.make(x.sizes(), x.needs_grad());
  for (index_t i = 0; i < y.value().count(); ++i) y.output()(i) = 3 * x.value()(i);
  tape.record("triple", y, [=] {
    const Grad dx(x, /*can_add=*/true);
    *added = dx.adds();
    for (index_t i = 0; i < y.value().count(); ++i) dx.view()(i) = (dx.adds() ? dx.view()(i) : 0) + 3 * y.grad()(i);
  });
  return y;
}

template <class T, int N>
Var<T, 0> sum(Tape<T>& tape, Var<T, N> x) {
  Var<T, 0> y = tape.make(Extents<0>(), x.needs_grad());
  y.output()() = 0;
  for (index_t i = 0; i < x.value().count(); ++i) y.output()() += x.value().data()[i];
  tape.record("sum", y, [=] {
    const Grad dx(x);
    if (wanted(dx.view())) detail::fill(dx.view(), y.grad()());
  });
  return y;
}

Tensor<double, 1> numbers(std::initializer_list<double> list) {
  Tensor<double, 1> x(static_cast<index_t>(list.size()));
  std::copy(list.begin(), list.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("tape: the gradient of a chain is the product of its parts") {
  const Tensor<double, 1> x = numbers({1, -2, 3});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto y = square(tape, square(tape, v));  // x^4
  tape.backward(sum(tape, y));
  for (index_t i = 0; i < 3; ++i) CHECK(v.grad()(i) == 4 * x(i) * x(i) * x(i));
}

TEST_CASE("tape: contributions of several uses add up") {
  const Tensor<double, 1> x = numbers({1, -2, 3});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto y = multiply(tape, square(tape, v), v);  // x^3
  tape.backward(sum(tape, y));
  for (index_t i = 0; i < 3; ++i) CHECK(v.grad()(i) == 3 * x(i) * x(i));

  tape.rewind();
  const auto w = tape.variable(x.view());
  tape.backward(sum(tape, multiply(tape, w, w)));  // both contributions from one op
  for (index_t i = 0; i < 3; ++i) CHECK(w.grad()(i) == 2 * x(i));
}

TEST_CASE("tape: an op that can add adds to the gradient that is there, in place, and else assigns") {
  const Tensor<double, 1> x = numbers({1, -2, 3});
  Tape<double> tape;
  bool first = true, second = false;
  const auto v = tape.variable(x.view());
  const auto a = triple(tape, v, &second), b = triple(tape, v, &first);  // backward meets the last one first
  tape.backward(sum(tape, multiply(tape, a, b)));                        // 9 x^2
  CHECK_FALSE(first);
  CHECK(second);
  for (index_t i = 0; i < 3; ++i) CHECK(v.grad()(i) == 18 * x(i));

  Tensor<double, 1> w = numbers({2, 5}), dw = numbers({100, 200});
  tape.rewind();
  bool added = false;
  tape.backward(sum(tape, triple(tape, tape.parameter(w.view(), dw.view(), "w"), &added)));
  CHECK(added);  // a parameter's gradient is always there
  CHECK((dw(0) == 103 && dw(1) == 203));
}

TEST_CASE("tape: the finite check looks at a gradient that was added to") {
  Tensor<double, 1> w = numbers({1, 1}), dw = numbers({0, NAN});
  Tape<double> tape;
  tape.set_finite_check(true);
  bool added = false;
  const auto y = triple(tape, tape.parameter(w.view(), dw.view(), "layer.w"), &added);
  CHECK(error_text<ValueError>([&] { tape.backward(y, w.view()); }) ==
        "triple: NaN or infinity in its gradient of layer.w (2)");
}

TEST_CASE("tape: a parameter's gradient is added to what is there") {
  Tensor<double, 1> w = numbers({2, 5}), dw = numbers({100, 200});
  Tape<double> tape;
  for (int step = 1; step <= 2; ++step) {
    tape.rewind();
    tape.backward(sum(tape, square(tape, tape.parameter(w.view(), dw.view(), "w"))));
    CHECK(dw(0) == 100 + step * 4);
    CHECK(dw(1) == 200 + step * 10);
  }
}

TEST_CASE("tape: a parameter without room for a gradient is a constant") {
  Tensor<double, 1> w = numbers({2});
  Tape<double> tape;
  CHECK_FALSE(tape.parameter(w.view(), {}).needs_grad());
}

TEST_CASE("tape: data has no gradient and ops on data alone are not recorded") {
  const Tensor<double, 1> x = numbers({1, 2});
  Tape<double> tape;
  const auto u = tape.input(x);
  const auto y = square(tape, u);
  CHECK_FALSE(y.needs_grad());
  CHECK(y.value()(1) == 4);
  CHECK(error_text<ValueError>([&] { tape.backward(sum(tape, y)); }) ==
        "backward: the loss depends on no parameter and no variable");
  CHECK(error_text<ValueError>([&] { tape.backward(y, x.view()); }) ==
        "backward: the value depends on no parameter and no variable");
}

TEST_CASE("tape: a branch that the loss does not use is not walked") {
  const Tensor<double, 1> x = numbers({3});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto used = square(tape, v);
  bool ran = false;
  auto unused = tape.make(Extents<1>{1}, true);
  tape.record("unused", unused, [&ran] { ran = true; });
  tape.backward(sum(tape, used));
  CHECK_FALSE(ran);
  CHECK(unused.grad().data() == nullptr);
  CHECK(v.grad()(0) == 6);
}

TEST_CASE("tape: closures run in reverse order of recording, once") {
  Tensor<double, 0> x{Extents<0>()};
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  std::vector<int> order;
  std::vector<int>* log = &order;
  Var<double, 0> last;
  for (int i = 0; i < 3; ++i) {
    const auto y = tape.make(Extents<0>(), true);
    y.output()() = 0;
    const Var<double, 0> before = i == 0 ? v : last;
    tape.record("step", y, [=] {
      log->push_back(i);
      const Grad d(before);
      d.view()() = y.grad()();
    });
    last = y;
  }
  tape.backward(last);
  CHECK(order == std::vector<int>{2, 1, 0});
  CHECK(v.grad()() == 1);
}

TEST_CASE("tape: backward from a seed is a vector-Jacobian product") {
  const Tensor<double, 1> x = numbers({1, 2, 3}), seed = numbers({10, 0, -1});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto y = square(tape, v);
  CHECK(error_text<ShapeError>([&] { tape.backward(y, numbers({1}).view()); }) ==
        "backward: seed and y differ in shape: seed is (1), y is (3)");
  tape.backward(y, seed.view());
  CHECK(v.grad()(0) == 20);
  CHECK(v.grad()(1) == 0);
  CHECK(v.grad()(2) == -6);
}

TEST_CASE("tape: after the first step every address repeats and nothing more is reserved") {
  Tensor<double, 1> w(1000), dw(1000);
  Tape<double> tape;
  const double* value = nullptr;
  const double* grad = nullptr;
  std::size_t reserved = 0;
  for (int step = 0; step < 4; ++step) {
    tape.rewind();
    auto y = tape.parameter(w.view(), dw.view());
    for (int i = 0; i < 300; ++i) y = square(tape, y);
    const auto before_loss = y;
    tape.backward(sum(tape, y));
    if (step == 0) {
      value = before_loss.value().data();
      grad = before_loss.grad().data();
      reserved = tape.arena().reserved_bytes();
    }
    CHECK(before_loss.value().data() == value);
    CHECK(before_loss.grad().data() == grad);
    CHECK(tape.arena().reserved_bytes() == reserved);
  }
}

TEST_CASE("tape: with recording off there are values and no gradients") {
  Tensor<double, 1> w = numbers({3}), dw(1);
  Tape<double> tape;
  tape.set_recording(false);
  const auto y = square(tape, tape.parameter(w.view(), dw.view()));
  CHECK(y.value()(0) == 9);
  CHECK_FALSE(y.needs_grad());
  CHECK_FALSE(tape.variable(w.view()).needs_grad());
  tape.set_recording(true);
  CHECK(tape.variable(w.view()).needs_grad());
}

TEST_CASE("tape: the finite check names the op whose value is not finite") {
  const double huge = std::numeric_limits<double>::max();
  const Tensor<double, 1> x = numbers({1, huge});
  Tape<double> tape;
  square(tape, tape.input(x));  // off: infinities pass
  tape.set_finite_check(true);
  CHECK(error_text<ValueError>([&] { square(tape, tape.input(x)); }) == "square: NaN or infinity in its value (2)");
}

TEST_CASE("tape: the finite check names op and parameter of a gradient") {
  Tensor<double, 1> w = numbers({1, 1e150}), dw(2);
  const Tensor<double, 1> seed = numbers({1, 1e200});
  Tape<double> tape;
  tape.set_finite_check(true);
  const auto y = multiply(tape, tape.parameter(w.view(), dw.view(), "layer.w"), tape.input(w));
  const std::string text = error_text<ValueError>([&] { tape.backward(y, seed.view()); });
  CHECK(text == "multiply: NaN or infinity in its gradient of layer.w (2)");
}

TEST_CASE("tape: training mode lasts while a generator is set") {
  Generator gen(1);
  Tape<float> tape;
  CHECK_FALSE(tape.training());
  tape.train(gen);
  CHECK(tape.training());
  CHECK(&tape.generator() == &gen);
  tape.evaluate();
  CHECK_FALSE(tape.training());
}

namespace {

// y = 3 x, whose gradient is written as a sum with what is there.
Var<double, 1> triple(Tape<double>& tape, Var<double, 1> x, std::vector<const double*>& before) {
  const Var<double, 1> y = tape.make(x.sizes(), x.needs_grad());
  for (index_t i = 0; i < y.value().count(); ++i) y.output()(i) = 3 * x.value()(i);
  tape.record("triple", y, [=, &before] {
    const GradSum dx(x);
    before.push_back(dx.before().data());
    for (index_t i = 0; i < y.value().count(); ++i)
      dx.view()(i) = 3 * y.grad()(i) + (wanted(dx.before()) ? dx.before()(i) : 0);
  });
  return y;
}

}  // namespace

TEST_CASE("tape: an op that writes the sum of its gradient and the one so far leaves that as it is") {
  const auto values = numbers({2, -5});
  Tape<double> tape;
  std::vector<const double*> before;
  const auto x = tape.variable(values.view());
  const auto inner = square(tape, x);
  const auto threefold = triple(tape, inner, before);
  tape.backward(sum(tape, multiply(tape, threefold, square(tape, inner))));  // 3 x^6
  for (index_t i = 0; i < 2; ++i) CHECK(x.grad()(i) == 18 * std::pow(values(i), 5));
  REQUIRE(before.size() == 1);
  REQUIRE(before[0] != nullptr);  // of square, which was recorded later
  CHECK(before[0] != inner.grad().data());
  CHECK(before[0][0] == 2 * 4 * 12);  // 2 s times 3 s, s = x^2

  before.clear();
  Tensor<double, 1> gradient = numbers({10, 20});
  const auto p =
      tape.parameter(TensorView<double, 1>(const_cast<double*>(values.data()), values.sizes()), gradient.view(), "p");
  tape.backward(sum(tape, triple(tape, p, before)));
  CHECK(gradient(0) == 13);
  CHECK(gradient(1) == 23);
  CHECK(before == std::vector<const double*>{nullptr});
}

TEST_CASE("tape: gradients that are added go to a field of zeros at first") {
  const Tensor<double, 1> x = numbers({1, 2});
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto sum_grad = tape.grad_to_add(v);
  CHECK(sum_grad(0) == 0);
  sum_grad(1) += 4;
  CHECK(tape.grad_to_add(v)(1) == 4);
  CHECK(tape.grad_to_add(tape.input(x)).data() == nullptr);
}

TEST_CASE("tape: values and gradients of views that are not contiguous") {
  Tensor<double, 2> x(3, 2), more(3, 2);
  for (int i = 0; i < 6; ++i) x.data()[i] = i;
  detail::fill(more.view().slice(1, 0, 1), 10.0);
  CHECK(more(2, 0) == 10);
  CHECK(more(2, 1) == 0);
  detail::add_to(more.view().slice(1, 1, 2), x.view().slice(1, 0, 1));
  CHECK(more(2, 1) == 4);
  CHECK(detail::all_finite(TensorView<const double, 2>(x.view().transpose(0, 1))));
  x(2, 0) = NAN;
  CHECK(detail::all_finite(TensorView<const double, 2>(x.view().slice(1, 1, 2))));
  CHECK_FALSE(detail::all_finite(TensorView<const double, 2>(x.view().slice(1, 0, 1))));
}

TEST_CASE("var: a default one has no value and needs no gradient") {
  const Var<float, 2> none;
  CHECK_FALSE(static_cast<bool>(none));
  CHECK_FALSE(none.needs_grad());
}

TEST_CASE("a seed is read and never written, also by what is recorded after its backward") {
  using longwave::test::random, longwave::test::relative_error;
  const auto x = random<double>(Extents(5), 1), seed = random<double>(Extents(5), 2);
  const auto kept = seed.clone();
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  tape.backward(v * 2.0, seed.view());
  for (index_t i = 0; i < 5; ++i) CHECK(v.grad()(i) == 2 * seed(i));

  const auto y = v * 3.0;
  tape.backward(y, seed.view());
  tape.backward(y * y, seed.view());  // adds to the gradient of y
  CHECK(relative_error(seed, kept) == 0);
}
