#include "longwave/autograd/grad_check.hpp"

#include "check.hpp"

using namespace longwave;

namespace {

// y = a^3 b with a gradient that is wrong by `slip` at one element of b.
struct CubeTimes {
  double slip = 0;
  index_t at = 0;

  Var<double, 1> operator()(Tape<double>& tape, Var<double, 1> a, Var<double, 1> b) const {
    const auto y = tape.make(a.sizes(), true);
    for (index_t i = 0; i < a.size(0); ++i) {
      const double x = a.value()(i);
      y.output()(i) = x * x * x * b.value()(i);
    }
    tape.record("cube_times", y, [=, wrong = slip, place = at] {
      const Grad da(a), db(b);
      for (index_t i = 0; i < y.size(0); ++i) {
        const double x = a.value()(i), g = y.grad()(i);
        da.view()(i) = 3 * x * x * b.value()(i) * g;
        db.view()(i) = x * x * x * g + (i == place ? wrong : 0);
      }
    });
    return y;
  }
};

}  // namespace

TEST_CASE("grad_check: a right gradient passes and the inputs are as before") {
  auto a = test::random<double>(Extents<1>{7}), b = test::random<double>(Extents<1>{7}, 2);
  const auto a_before = a.clone(), b_before = b.clone();
  const GradCheck check = grad_check(CubeTimes(), a, b);
  INFO(check.text());
  CHECK(check.error < 1e-9);  // step^2 + epsilon / step, both some 4e-11
  CHECK(test::relative_error(a, a_before) == 0);
  CHECK(test::relative_error(b, b_before) == 0);
}

TEST_CASE("grad_check: a wrong gradient is found, with input and element") {
  auto a = test::random<double>(Extents<1>{7}), b = test::random<double>(Extents<1>{7}, 2);
  const GradCheck check = grad_check(CubeTimes{1e-4, 5}, a, b);
  CHECK(check.error > 1e-6);
  CHECK(check.input == 1);
  CHECK(check.element == 5);
  CHECK(check.tape - check.difference == Approx(1e-4).epsilon(1e-3));
  CHECK(check.text().find("input 1 element 5") == 0);
}

TEST_CASE("grad_check: a gradient of NaN does not pass, wherever it is") {
  for (const index_t at : {0, 3, 6}) {
    auto a = test::random<double>(Extents<1>{7}), b = test::random<double>(Extents<1>{7}, 2);
    const GradCheck check = grad_check(CubeTimes{NAN, at}, a, b);
    CHECK_FALSE(check.error < 1e300);
    CHECK(check.element == at);
  }
}

TEST_CASE("grad_check: an op that forgets an input is found") {
  auto a = test::random<double>(Extents<1>{3});
  const GradCheck check = grad_check(
      [](Tape<double>& tape, Var<double, 1> x) {
        const auto y = tape.make(x.sizes(), true);
        for (index_t i = 0; i < 3; ++i) y.output()(i) = 2 * x.value()(i);
        tape.record("forgetful", y, [] {});
        return y;
      },
      a);
  CHECK(check.error == Approx(1));
}

TEST_CASE("grad_check: empty inputs have nothing to be wrong") {
  Tensor<double, 1> a(0), b(0);
  CHECK(grad_check(CubeTimes(), a, b).error == 0);
}
