#include "longwave/ops/lstm.hpp"

#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/lstm.hpp"
#include "lstm_problem.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Result {
  Tensor<double, 3> y;
  Tensor<double, 2> h, c;
};

// The definition, number by number.
template <class T>
Result naive(const LstmProblem<T>& p, bool bias, bool with_state, bool reverse) {
  const auto [B, L, I, H] = p.n;
  Result r{Tensor<double, 3>(B, L, H), Tensor<double, 2>(B, H), Tensor<double, 2>(B, H)};
  auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (index_t b = 0; b < B; ++b) {
    std::vector<double> h(static_cast<std::size_t>(H)), c(h), z(4 * h.size());
    for (index_t k = 0; k < H && with_state; ++k) {
      h[std::size_t(k)] = double(p.h0(b, k));
      c[std::size_t(k)] = double(p.c0(b, k));
    }
    for (index_t s = 0; s < L; ++s) {
      const index_t t = reverse ? L - 1 - s : s;
      for (index_t n = 0; n < 4 * H; ++n) {
        double sum = bias ? double(p.b_ih(n)) + double(p.b_hh(n)) : 0;
        for (index_t i = 0; i < I; ++i) sum += double(p.W_ih(n, i)) * double(p.x(b, t, i));
        for (index_t k = 0; k < H; ++k) sum += double(p.W_hh(n, k)) * h[std::size_t(k)];
        z[std::size_t(n)] = sum;
      }
      for (std::size_t k = 0; k < h.size(); ++k) {
        const std::size_t n = h.size();
        c[k] = sigmoid(z[n + k]) * c[k] + sigmoid(z[k]) * std::tanh(z[2 * n + k]);
        h[k] = sigmoid(z[3 * n + k]) * std::tanh(c[k]);
        r.y(b, t, index_t(k)) = h[k];
      }
    }
    for (index_t k = 0; k < H; ++k) {
      r.h(b, k) = h[std::size_t(k)];
      r.c(b, k) = c[std::size_t(k)];
    }
  }
  return r;
}

const std::vector<LstmSizes> all_sizes = {{0, 3, 2, 3},   {2, 0, 2, 3},  {1, 1, 1, 1},  {1, 2, 1, 1},   {3, 5, 2, 7},
                                          {17, 3, 5, 13}, {33, 4, 3, 6}, {70, 2, 4, 5}, {8, 7, 16, 11}, {2, 40, 3, 4}};

}  // namespace

TEMPLATE_TEST_CASE("lstm: agrees with the definition, forwards and backwards in time, whatever is left out", "", float,
                   double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;  // up to 40 steps, each with sums of 30 rounded terms
  for (const LstmSizes& n : all_sizes)
    for (const bool reverse : {false, true})
      for (const bool bias : {false, true})
        for (const bool with_state : {false, true}) {
          INFO(n.B << " " << n.L << " " << n.I << " " << n.H << " reverse " << reverse << " bias " << bias);
          const LstmProblem<T> p(n);
          const Result want = naive(p, bias, with_state, reverse);
          const auto start = with_state ? p.start() : LstmStateViews<const T>();
          Tensor<T, 3> y(want.y.sizes());
          Tensor<T, 2> h(want.h.sizes()), c(want.c.sizes());
          ops::Lstm::forward(y.view(), {h.view(), c.view()}, {}, p.x, p.weights(bias), start, reverse);
          CHECK(relative_error(y, want.y) < tolerance);
          CHECK(relative_error(h, want.h) < tolerance);
          CHECK(relative_error(c, want.c) < tolerance);

          Tensor<T, 3> again(want.y.sizes());
          Tensor<T, 1> saved(ops::Lstm::saved_count<T, Host>(p.x.sizes(), n.H));
          ops::Lstm::forward(again.view(), {}, saved.view(), p.x, p.weights(bias), start, reverse);
          CHECK(relative_error(again, y) == 0);  // keeping everything for backward changes no bit
        }
}

TEST_CASE("lstm: gradients of inputs, weights and states agree with differences") {
  const std::vector<LstmSizes> few = {{1, 1, 1, 1}, {3, 4, 2, 3}, {9, 2, 3, 1}, {2, 1, 1, 5}};
  for (const LstmSizes& n : few)
    for (const bool reverse : {false, true}) {
      LstmProblem<double> p(n);
      const GradCheck check = grad_check(
          [=](auto&, auto x, auto W_ih, auto W_hh, auto b_ih, auto b_hh, auto h0, auto c0) {
            const auto out = lstm(x, {W_ih, W_hh, b_ih, b_hh}, {h0, c0}, reverse);
            const Extents<3> row{n.B, 1, n.H};
            return concat(1, out.y, reshape(out.state.h, row), reshape(out.state.c, row));
          },
          p.x, p.W_ih, p.W_hh, p.b_ih, p.b_hh, p.h0, p.c0);
      INFO(check.text());
      CHECK(check.error < 1e-7);  // differences in double lose half of the digits
    }
}

TEST_CASE("lstm: gradients where only the state, or only one of its halves, is used") {
  LstmProblem<double> p({3, 4, 2, 3});
  const auto cell = grad_check(
      [](auto&, auto x, auto W_ih, auto W_hh) {
        return lstm(x, {W_ih, W_hh, {}, {}}).state.c;
      },
      p.x, p.W_ih, p.W_hh);
  INFO(cell.text());
  CHECK(cell.error < 1e-7);
  const auto hidden = grad_check(
      [&](auto& tape, auto x, auto c0) {
        return lstm(x, {tape.input(p.W_ih), tape.input(p.W_hh), tape.input(p.b_ih), {}}, {{}, c0}).state.h;
      },
      p.x, p.c0);
  INFO(hidden.text());
  CHECK(hidden.error < 1e-7);
}

TEST_CASE("lstm: without steps the state passes through, and so does its gradient") {
  LstmProblem<double> p({3, 0, 2, 4});
  const auto check = grad_check(
      [&](auto& tape, auto h0, auto c0) {
        const auto out = lstm(tape.input(p.x), {tape.input(p.W_ih), tape.input(p.W_hh), {}, {}}, {h0, c0});
        return concat(1, out.state.h, out.state.c);
      },
      p.h0, p.c0);
  CHECK(check.error < 1e-7);
}

TEST_CASE("lstm: float gradients agree with those in double") {
  const std::vector<LstmSizes> some = {{0, 3, 2, 3}, {17, 3, 5, 13}, {33, 4, 3, 6}, {70, 6, 4, 5}, {5, 7, 16, 11}};
  auto gradients = [](const auto& p) {
    using T = std::remove_cvref_t<decltype(p.x.data()[0])>;
    const auto [B, L, I, H] = p.n;
    Tensor<T, 3> y(B, L, H), dx(B, L, I);
    Tensor<T, 2> dW_ih(4 * H, I), dW_hh(4 * H, H), dh0(B, H), dc0(B, H);
    Tensor<T, 1> db_ih(4 * H), db_hh(4 * H), saved(ops::Lstm::saved_count<T, Host>(p.x.sizes(), H));
    ops::Lstm::forward(y.view(), {}, saved.view(), p.x, p.weights(), p.start());
    ops::Lstm::backward(dx.view(), {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()}, {dh0.view(), dc0.view()},
                        p.dy, {p.dh.view(), p.dc.view()}, saved.view(), p.weights(), p.x.sizes());
    return std::tuple(std::move(dx), std::move(dW_ih), std::move(dW_hh), std::move(db_ih), std::move(db_hh),
                      std::move(dh0), std::move(dc0));
  };
  for (const LstmSizes& n : some) {
    const auto got = gradients(LstmProblem<float>(n));
    const auto want = gradients(LstmProblem<double>(n));
    const double tolerance = 1e-5;  // sums over at most 420 rounded terms, most of them cancelling
    CHECK(relative_error(std::get<0>(got), std::get<0>(want)) < tolerance);
    CHECK(relative_error(std::get<1>(got), std::get<1>(want)) < tolerance);
    CHECK(relative_error(std::get<2>(got), std::get<2>(want)) < tolerance);
    CHECK(relative_error(std::get<3>(got), std::get<3>(want)) < tolerance);
    CHECK(relative_error(std::get<4>(got), std::get<3>(want)) < tolerance);
    CHECK(relative_error(std::get<5>(got), std::get<5>(want)) < tolerance);
    CHECK(relative_error(std::get<6>(got), std::get<6>(want)) < tolerance);
  }
}

TEST_CASE("lstm: gradients of weights are added to, and every gradient may be left out") {
  const LstmProblem<double> p({3, 4, 2, 3});
  Tensor<double, 3> dx(3, 4, 2), only_dx(3, 4, 2);
  Tensor<double, 2> dW(12, 2), twice(12, 2);
  Tensor<double, 1> db(12);
  auto backward = [&](TensorView<double, 3> to_x, LstmWeightViews<double> to_weights) {
    Tensor<double, 1> saved(ops::Lstm::saved_count<double, Host>(p.x.sizes(), 3));
    ops::Lstm::forward(TensorView<double, 3>(), {}, saved.view(), p.x, p.weights());
    ops::Lstm::backward(to_x, to_weights, {}, p.dy, {}, saved.view(), p.weights(), p.x.sizes());
  };
  backward(dx.view(), {dW.view(), {}, db.view(), {}});
  backward(only_dx.view(), {});
  CHECK(relative_error(only_dx, dx) == 0);
  for (int i = 0; i < 2; ++i) backward({}, {twice.view(), {}, {}, {}});
  for (index_t i = 0; i < dW.count(); ++i) CHECK(twice.data()[i] == 2 * dW.data()[i]);
  CHECK(db(5) != 0);
}

TEST_CASE("lstm: strided views, such as a (B, I, L) signal, give the same bits") {
  const LstmProblem<float> p({5, 4, 3, 6});
  Tensor<float, 3> y(5, 4, 6), signal(5, 3, 4), features_first(5, 6, 4), dx(5, 4, 3), dsignal(5, 3, 4), dy(5, 6, 4);
  copy(signal.view().transpose(1, 2), p.x.view());
  copy(dy.view().transpose(1, 2), p.dy.view());
  Tensor<float, 1> saved(ops::Lstm::saved_count<float, Host>(p.x.sizes(), 6)), same(saved.sizes());
  ops::Lstm::forward(y.view(), {}, saved.view(), p.x, p.weights());
  ops::Lstm::forward(features_first.view().transpose(1, 2), {}, same.view(), signal.view().transpose(1, 2),
                     p.weights());
  CHECK(relative_error(features_first.view().transpose(1, 2), y.view()) == 0);

  Tensor<float, 2> dW(24, 3), dW_strided(3, 24), W_ih(3, 24);
  copy(W_ih.view().transpose(0, 1), p.W_ih.view());
  LstmWeightViews<const float> turned = p.weights();
  turned.W_ih = W_ih.view().transpose(0, 1);
  ops::Lstm::backward(dx.view(), {dW.view(), {}, {}, {}}, {}, p.dy, {}, saved.view(), p.weights(), p.x.sizes());
  ops::Lstm::backward(dsignal.view().transpose(1, 2), {dW_strided.view().transpose(0, 1), {}, {}, {}}, {},
                      dy.view().transpose(1, 2), {}, same.view(), turned, p.x.sizes());
  CHECK(relative_error(dsignal.view().transpose(1, 2), dx.view()) == 0);
  CHECK(relative_error(dW_strided.view().transpose(0, 1), dW.view()) == 0);
}

TEST_CASE("lstm: the bits do not depend on the number of threads") {
  const LstmProblem<float> p({70, 9, 6, 20});  // above the size from which threads are woken
  Tensor<float, 3> y[2], dx[2];
  Tensor<float, 2> dW[2];
  for (int k = 0; k < 2; ++k) {
    set_num_threads(k == 0 ? 1 : 3);
    y[k] = Tensor<float, 3>(70, 9, 20);
    dx[k] = Tensor<float, 3>(70, 9, 6);
    dW[k] = Tensor<float, 2>(80, 20);
    Tensor<float, 1> saved(ops::Lstm::saved_count<float, Host>(p.x.sizes(), 20));
    ops::Lstm::forward(y[k].view(), {}, saved.view(), p.x, p.weights());
    ops::Lstm::backward(dx[k].view(), {{}, dW[k].view(), {}, {}}, {}, p.dy, {}, saved.view(), p.weights(), p.x.sizes());
  }
  set_num_threads(0);
  CHECK(relative_error(y[1], y[0]) == 0);
  CHECK(relative_error(dx[1], dx[0]) == 0);
  CHECK(relative_error(dW[1], dW[0]) == 0);
}

TEST_CASE("lstm: errors name the shapes") {
  const LstmProblem<float> p({3, 4, 2, 5});
  Tensor<float, 3> y(3, 4, 5), narrow(3, 4, 4), x(3, 4, 3);
  Tensor<float, 2> square(5, 5), state(3, 4), long_state(4, 5), W(16, 2);
  Tensor<float, 1> b(5), saved(3);
  auto text = [&](TensorView<float, 3> to, TensorView<const float, 3> from, LstmWeightViews<const float> weights,
                  LstmStateViews<const float> start = {}, TensorView<float, 1> keep = {}) {
    return error_text<ShapeError>([&] { ops::Lstm::forward(to, {}, keep, from, weights, start); });
  };
  CHECK(text(y, x, p.weights()) == "lstm: x and W_ih disagree on I: x is (B=3, L=4, I=3), W_ih is (O=20, I=2)");
  CHECK(text(narrow, p.x, p.weights()) == "lstm: y is (B=3, L=4, H=4), expected (B=3, L=4, H=5)");
  LstmWeightViews<const float> wrong = p.weights();
  wrong.W_hh = square.view();
  CHECK(text(y, p.x, wrong) == "lstm: W_hh is (O=5, H=5), expected (O=20, H=5)");
  wrong = p.weights();
  wrong.W_ih = W.view();
  CHECK(text(y, p.x, wrong) == "lstm: W_ih and W_hh disagree on O: W_ih is (O=16, I=2), W_hh is (O=20, H=5)");
  wrong = p.weights();
  wrong.b_hh = b.view();
  CHECK(text(y, p.x, wrong) == "lstm: b_hh is (O=5), expected (O=20)");
  CHECK(text(y, p.x, p.weights(), {state.view(), {}}) == "lstm: h_0 is (B=3, H=4), expected (B=3, H=5)");
  CHECK(text(y, p.x, p.weights(), {{}, long_state.view()}) == "lstm: c_0 is (B=4, H=5), expected (B=3, H=5)");
  CHECK(text(y, p.x, p.weights(), {}, saved.view()).find("lstm: saved is (3), expected (") == 0);

  Tensor<float, 1> kept(ops::Lstm::saved_count<float, Host>(p.x.sizes(), 5));
  CHECK(error_text<ShapeError>([&] {
          ops::Lstm::backward(x.view(), {}, {}, p.dy, {}, kept.view(), p.weights(), p.x.sizes());
        }) == "lstm: dx is (B=3, L=4, I=3), expected (B=3, L=4, I=2)");
  CHECK(error_text<ShapeError>([&] {
          ops::Lstm::backward(TensorView<float, 3>(), {W.view(), {}, {}, {}}, {}, p.dy, {}, kept.view(), p.weights(),
                              p.x.sizes());
        }) == "lstm: dW_ih is (O=16, I=2), expected (O=20, I=2)");
  CHECK(error_text<ShapeError>([&] {
          ops::Lstm::backward(TensorView<float, 3>(), {}, {}, narrow, {}, kept.view(), p.weights(), p.x.sizes());
        }) == "lstm: dy is (B=3, L=4, H=4), expected (B=3, L=4, H=5)");
}
