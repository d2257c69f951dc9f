#include "longwave/autograd/functions/residual_mix.hpp"

#include "check.hpp"
#include "longwave/core/add_rows.hpp"

using namespace longwave;
using namespace longwave::test;

// Batches of 8 and more go through the fused form, smaller ones through the ops it stands for.

namespace {

struct Mix {
  Tensor<double, 3> z, u, W;
  Tensor<double, 1> bias, weight, shift;

  Mix(index_t B, index_t I, index_t H, index_t L)
      : z(random<double>(Extents<3>{B, I, L}, 1)),
        u(random<double>(Extents<3>{B, H, L}, 2)),
        W(random<double>(Extents<3>{H, I, 1}, 3)),
        bias(random<double>(Extents<1>{H}, 4)),
        weight(random<double>(Extents<1>{H}, 5)),
        shift(random<double>(Extents<1>{H}, 6)) {}
};

struct Exit {
  Tensor<double, 3> h, x, total, R, S;
  Tensor<double, 1> r, s;

  Exit(index_t B, index_t K, index_t X, index_t O, index_t L)
      : h(random<double>(Extents<3>{B, 2 * K, L}, 1)),
        x(random<double>(Extents<3>{B, X, L}, 2)),
        total(random<double>(Extents<3>{B, O, L}, 3)),
        R(random<double>(Extents<3>{X, K, 1}, 4)),
        S(random<double>(Extents<3>{O, K, 1}, 5)),
        r(random<double>(Extents<1>{X}, 6)),
        s(random<double>(Extents<1>{O}, 7)) {}
};

}  // namespace

TEST_CASE("residual_mix: the fused form gives what its ops give, one batch entry at a time") {
  for (const index_t B : {8, 17, 40})
    for (const index_t L : {1, 7, 33}) {
      const Mix m(B, 5, 3, L);
      Tape<double> tape;
      const auto run = [&](TensorView<const double, 3> z, TensorView<const double, 3> u) {
        return residual_mix(tape.input(z), tape.input(u), tape.input(m.W), tape.input(m.bias), tape.input(m.weight),
                            tape.input(m.shift));
      };
      const auto y = run(m.z.view(), m.u.view());
      for (index_t b = 0; b < B; ++b) {
        const auto one = run(m.z.view().slice(0, b, b + 1), m.u.view().slice(0, b, b + 1));
        CHECK(relative_error(y.value().slice(0, b, b + 1), one.value()) < 1e-12);
      }
    }
}

TEST_CASE("residual_mix: gradients agree with finite differences, fused and not") {
  for (const index_t B : {2, 9}) {
    Mix m(B, 3, 4, 3);
    const GradCheck check = grad_check([](Tape<double>&, auto z, auto u, auto W, auto bias, auto weight,
                                          auto shift) { return residual_mix(z, u, W, bias, weight, shift); },
                                       m.z, m.u, m.W, m.bias, m.weight, m.shift);
    INFO(check.text());
    CHECK(check.error < 1e-7);
    // u alone, and z alone.
    const auto constant = [&](Tape<double>& tape, auto z, auto u) {
      return residual_mix(z, u, tape.input(m.W), tape.input(m.bias), tape.input(m.weight), tape.input(m.shift));
    };
    CHECK(grad_check([&](Tape<double>& tape, auto u) { return constant(tape, tape.input(m.z), u); }, m.u).error < 1e-7);
    CHECK(grad_check([&](Tape<double>& tape, auto z) { return constant(tape, z, tape.input(m.u)); }, m.z).error < 1e-7);
  }
}

TEST_CASE("residual_mix: strided values take the form of single ops") {
  const Mix m(9, 5, 3, 4);
  Tensor<double, 3> turned(9, 4, 5);
  copy(turned.view().transpose(1, 2), m.z.view());
  Tape<double> tape;
  const auto run = [&](TensorView<const double, 3> z) {
    return residual_mix(tape.input(z), tape.input(m.u), tape.input(m.W), tape.input(m.bias), tape.input(m.weight),
                        tape.input(m.shift));
  };
  CHECK(relative_error(run(std::as_const(turned).view().transpose(1, 2)).value(), run(m.z.view()).value()) < 1e-12);
}

TEST_CASE("gated_exit: the fused form gives what its ops give, one batch entry at a time") {
  for (const index_t B : {8, 19})
    for (const bool with_total : {true, false}) {
      const Exit e(B, 3, 4, 2, 7);
      Tape<double> tape;
      const auto run = [&](index_t begin, index_t end) {
        Tensor<double, 3> total(end - begin, 2, 7);  // the op may write to it
        copy(total.view(), e.total.view().slice(0, begin, end));
        Var<double, 3> before;
        if (with_total) {
          before = tape.make(total.sizes(), false);
          copy(before.output(), std::as_const(total).view());
        }
        return gated_exit(tape.input(e.h.view().slice(0, begin, end)), tape.input(e.x.view().slice(0, begin, end)),
                          before, tape.input(e.R), tape.input(e.r), tape.input(e.S), tape.input(e.s), 0.7);
      };
      const auto all = run(0, B);
      for (index_t b = 0; b < B; ++b) {
        const auto one = run(b, b + 1);
        CHECK(relative_error(all.x_next.value().slice(0, b, b + 1), one.x_next.value()) < 1e-13);
        CHECK(relative_error(all.total.value().slice(0, b, b + 1), one.total.value()) < 1e-13);
      }
    }
}

TEST_CASE("gated_exit: gradients agree with finite differences, whichever results are used") {
  for (const index_t B : {2, 9})
    for (const int used : {0, 1, 2}) {  // x_next, total, both
      Exit e(B, 2, 3, 3, 3);
      const GradCheck check = grad_check(
          [&](Tape<double>&, auto h, auto x, auto total, auto R, auto r, auto S, auto s) {
            const auto out = gated_exit(h, x, scale(total, 1), R, r, S, s, 0.7);
            return used == 0 ? out.x_next : used == 1 ? out.total : out.x_next * out.total;
          },
          e.h, e.x, e.total, e.R, e.r, e.S, e.s);
      INFO("B = " << B << ", used " << used << ": " << check.text());
      CHECK(check.error < 1e-7);
    }
}

TEST_CASE("gated_exit: totals run through several exits") {
  Exit e(9, 2, 2, 2, 3);
  const GradCheck check = grad_check(
      [&](Tape<double>&, auto h, auto x, auto R, auto r, auto S, auto s) {
        const auto first = gated_exit(h, x, {}, R, r, S, s, 0.7);
        const auto second = gated_exit(concat(1, first.x_next, x), x, first.total, R, r, S, s, 0.7);
        return second.total;
      },
      e.h, e.x, e.R, e.r, e.S, e.s);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("residual_mix: the same bits for any number of threads") {
  const Mix m(20, 6, 5, 9);
  const auto gradient = [&](int threads) {
    set_num_threads(threads);
    Tape<double> tape;
    const auto W = tape.variable(m.W.view());
    const auto y = residual_mix(tape.input(m.z), tape.input(m.u), W, tape.input(m.bias), tape.input(m.weight),
                                tape.input(m.shift));
    tape.backward(y, m.u.view());
    Tensor<double, 3> dW(m.W.sizes());
    copy(dW.view(), W.grad());
    set_num_threads(0);
    return dW;
  };
  CHECK(relative_error(gradient(1), gradient(3)) == 0);
}

TEST_CASE("residual_mix, gated_exit: errors name the shapes") {
  const Mix m(2, 5, 3, 4), other(2, 4, 3, 4);
  const Exit e(2, 3, 4, 2, 7), wrong(2, 3, 5, 2, 7);
  Tape<double> tape;
  CHECK(error_text<ShapeError>([&] {
          residual_mix(tape.input(m.z), tape.input(m.u), tape.input(other.W), tape.input(m.bias), tape.input(m.weight),
                       tape.input(m.shift));
        }) == "residual_mix: W is (O=3, I=4, k=1), expected (O=3, I=5, k=1)");
  CHECK(error_text<ShapeError>([&] {
          gated_exit(tape.input(e.h), tape.input(wrong.x), {}, tape.input(e.R), tape.input(e.r), tape.input(e.S),
                     tape.input(e.s), 1);
        }) == "gated_exit: R is (O=4, I=3, k=1), expected (O=5, I=3, k=1)");
}

TEST_CASE("add_projection, add_at_all_times: values, gradients, shapes") {
  auto h = random<double>(Extents<3>{2, 4, 3}, 1), c = random<double>(Extents<3>{2, 3, 3}, 2),
       W = random<double>(Extents<3>{4, 3, 1}, 3);
  auto bias = random<double>(Extents<1>{4}, 4);
  auto v = random<double>(Extents<2>{2, 4}, 5);
  Tape<double> tape;
  const auto y = add_projection(tape.input(h), tape.input(c), tape.input(W), tape.input(bias));
  const auto z = add_at_all_times(tape.input(h), tape.input(v));
  for (index_t b = 0; b < 2; ++b)
    for (index_t o = 0; o < 4; ++o)
      for (index_t l = 0; l < 3; ++l) {
        double sum = h(b, o, l) + bias(o);
        for (index_t k = 0; k < 3; ++k) sum += W(o, k, 0) * c(b, k, l);
        CHECK(y.value()(b, o, l) == Approx(sum));
        CHECK(z.value()(b, o, l) == Approx(h(b, o, l) + v(b, o)));
      }
  CHECK(grad_check([](Tape<double>&, auto... x) { return add_projection(x...); }, h, c, W, bias).error < 1e-7);
  CHECK(grad_check([](Tape<double>&, auto x, auto u) { return add_at_all_times(x, u); }, h, v).error < 1e-7);
  CHECK(error_text<ShapeError>([&] {
          add_projection(tape.input(h), tape.input(W), tape.input(W), tape.input(bias));
        }).find("add_projection: c") == 0);
  CHECK(error_text<ShapeError>([&] { add_at_all_times(tape.input(c), tape.input(v)); }).find("add_at_all_times: v") ==
        0);
}

TEST_CASE("add_rows: bias, product and factor in one pass, each of them left out") {
  const index_t B = 3, O = 5, L = 7, K = 2;
  const auto x = random<double>(Extents<3>{B, O, L}, 1), c = random<double>(Extents<3>{B, K, L}, 2);
  const auto bias = random<double>(Extents<2>{B, O}, 3), W = random<double>(Extents<2>{O, K}, 4);
  for (int left_out = 0; left_out < 8; ++left_out) {
    const bool with_x = left_out & 1, with_bias = left_out & 2, with_c = left_out & 4;
    Tensor<double, 3> y(B, O, L);
    impl::add_rows(y.view(), with_x ? x.view() : TensorView<const double, 3>(),
                   with_bias ? bias.view() : TensorView<const double, 2>(),
                   with_c ? c.view() : TensorView<const double, 3>(), W.view(), 0.5);
    for (index_t b = 0; b < B; ++b)
      for (index_t o = 0; o < O; ++o)
        for (index_t l = 0; l < L; ++l) {
          double sum = (with_x ? x(b, o, l) : 0) + (with_bias ? bias(b, o) : 0);
          for (index_t k = 0; k < K && with_c; ++k) sum += W(o, k) * c(b, k, l);
          CHECK(y(b, o, l) == Approx(0.5 * sum));
        }
  }
  CHECK(impl::quotient((index_t(1) << 40) + 5, 7) == ((index_t(1) << 40) + 5) / 7);
  CHECK(impl::quotient(4294967295, 10) == 429496729);
}
