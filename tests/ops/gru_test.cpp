#include "longwave/ops/gru.hpp"

#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/gru.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct GruSizes {
  index_t B, L, I, H;
};

// Every number that one layer takes, random.
template <class T>
struct Problem {
  GruSizes n;
  Tensor<T, 3> x, dy;
  Tensor<T, 2> W_ih, W_hh, h0, dh;
  Tensor<T, 1> b_ih, b_hh;

  explicit Problem(const GruSizes& s)
      : n(s),
        x(draw(Extents<3>{s.B, s.L, s.I}, 1)),
        dy(draw(Extents<3>{s.B, s.L, s.H}, 2)),
        W_ih(draw(Extents<2>{3 * s.H, s.I}, 3)),
        W_hh(draw(Extents<2>{3 * s.H, s.H}, 4)),
        h0(draw(Extents<2>{s.B, s.H}, 5)),
        dh(draw(Extents<2>{s.B, s.H}, 6)),
        b_ih(draw(Extents<1>{3 * s.H}, 7)),
        b_hh(draw(Extents<1>{3 * s.H}, 8)) {}

  // The same numbers in every type.
  template <int N>
  static Tensor<T, N> draw(Extents<N> sizes, std::uint64_t seed) {
    const auto numbers = random<float>(sizes, seed, 0.5f);
    Tensor<T, N> out(sizes);
    for (index_t i = 0; i < out.count(); ++i) out.data()[i] = static_cast<T>(numbers.data()[i]);
    return out;
  }

  GruWeightViews<const T> weights(bool bias = true) const {
    if (!bias) return {W_ih.view(), W_hh.view(), {}, {}};
    return {W_ih.view(), W_hh.view(), b_ih.view(), b_hh.view()};
  }
};

struct Result {
  Tensor<double, 3> y;
  Tensor<double, 2> h;
};

// The definition, number by number.
template <class T>
Result naive(const Problem<T>& p, bool bias, bool with_state, bool reverse) {
  const auto [B, L, I, H] = p.n;
  Result out{Tensor<double, 3>(B, L, H), Tensor<double, 2>(B, H)};
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (index_t b = 0; b < B; ++b) {
    for (index_t k = 0; k < H && with_state; ++k) out.h(b, k) = double(p.h0(b, k));
    for (index_t s = 0; s < L; ++s) {
      const index_t t = reverse ? L - 1 - s : s;
      std::vector<double> from_x(std::size_t(3 * H)), from_h(from_x);
      for (index_t n = 0; n < 3 * H; ++n) {
        double &u = from_x[std::size_t(n)], &v = from_h[std::size_t(n)];
        if (bias) u = double(p.b_ih(n)), v = double(p.b_hh(n));
        for (index_t i = 0; i < I; ++i) u += double(p.W_ih(n, i)) * double(p.x(b, t, i));
        for (index_t k = 0; k < H; ++k) v += double(p.W_hh(n, k)) * out.h(b, k);
      }
      for (index_t k = 0; k < H; ++k) {
        const auto gate = [&](index_t g) { return std::size_t(g * p.n.H + k); };
        const double r = sigmoid(from_x[gate(0)] + from_h[gate(0)]), z = sigmoid(from_x[gate(1)] + from_h[gate(1)]);
        const double n = std::tanh(from_x[gate(2)] + r * from_h[gate(2)]);
        out.y(b, t, k) = (1 - z) * n + z * out.h(b, k);
      }
      for (index_t k = 0; k < H; ++k) out.h(b, k) = out.y(b, t, k);
    }
  }
  return out;
}

const std::vector<GruSizes> all_sizes = {{0, 3, 2, 3},   {2, 0, 2, 3},  {1, 1, 1, 1},  {1, 2, 1, 1},   {3, 5, 2, 7},
                                         {17, 3, 5, 13}, {33, 4, 3, 6}, {70, 2, 4, 5}, {8, 7, 16, 11}, {2, 40, 3, 4}};

}  // namespace

TEMPLATE_TEST_CASE("gru: agrees with the definition, forwards and backwards in time, whatever is left out", "", float,
                   double) {
  using T = TestType;
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;  // up to 40 steps, each with sums of 30 rounded terms
  for (const GruSizes& n : all_sizes)
    for (const bool reverse : {false, true})
      for (const bool bias : {false, true})
        for (const bool with_state : {false, true}) {
          INFO(n.B << " " << n.L << " " << n.I << " " << n.H << " reverse " << reverse << " bias " << bias);
          const Problem<T> p(n);
          const Result want = naive(p, bias, with_state, reverse);
          const auto start = with_state ? p.h0.view() : TensorView<const T, 2>();
          Tensor<T, 3> y(want.y.sizes()), again(want.y.sizes());
          Tensor<T, 2> h(want.h.sizes());
          ops::Gru::forward(y.view(), h.view(), {}, p.x, p.weights(bias), start, reverse);
          CHECK(relative_error(y, want.y) < tolerance);
          CHECK(relative_error(h, want.h) < tolerance);
          Tensor<T, 1> saved(ops::Gru::saved_count<T>(p.x.sizes(), n.H));
          ops::Gru::forward(again.view(), {}, saved.view(), p.x, p.weights(bias), start, reverse);
          CHECK(relative_error(again, y) == 0);  // keeping everything for backward changes no bit
        }
}

TEST_CASE("gru: gradients of inputs, weights and state agree with differences") {
  const std::vector<GruSizes> few = {{1, 1, 1, 1}, {3, 4, 2, 3}, {9, 2, 3, 1}, {2, 1, 1, 5}};
  for (const GruSizes& n : few)
    for (const bool reverse : {false, true}) {
      Problem<double> p(n);
      const GradCheck check = grad_check(
          [=](auto&, auto x, auto W_ih, auto W_hh, auto b_ih, auto b_hh, auto h0) {
            const auto out = gru(x, {W_ih, W_hh, b_ih, b_hh}, h0, reverse);
            return concat(1, out.y, reshape(out.state, Extents<3>{n.B, 1, n.H}));
          },
          p.x, p.W_ih, p.W_hh, p.b_ih, p.b_hh, p.h0);
      INFO(check.text());
      CHECK(check.error < 1e-7);  // differences in double lose half of the digits
    }
}

TEST_CASE("gru: gradients where only the state is used, and without steps") {
  Problem<double> p({3, 4, 2, 3}), none({3, 0, 2, 4});
  const GradCheck check = grad_check(
      [&](auto& tape, auto x, auto W_ih, auto W_hh) {
        return gru(x, {W_ih, W_hh, tape.input(p.b_ih), {}}).state;
      },
      p.x, p.W_ih, p.W_hh);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  const GradCheck passed = grad_check(
      [&](auto& tape, auto h0) {
        return gru(tape.input(none.x), {tape.input(none.W_ih), tape.input(none.W_hh), {}, {}}, h0).state;
      },
      none.h0);
  CHECK(passed.error < 1e-7);
}

TEST_CASE("gru: float gradients agree with those in double") {
  const std::vector<GruSizes> some = {{0, 3, 2, 3}, {17, 3, 5, 13}, {33, 4, 3, 6}, {70, 6, 4, 5}, {5, 7, 16, 11}};
  const auto gradients = [](const auto& p) {
    using T = std::remove_cvref_t<decltype(p.x.data()[0])>;
    const auto [B, L, I, H] = p.n;
    Tensor<T, 3> dx(B, L, I);
    Tensor<T, 2> dW_ih(3 * H, I), dW_hh(3 * H, H), dh0(B, H);
    Tensor<T, 1> db_ih(3 * H), db_hh(3 * H), saved(ops::Gru::saved_count<T>(p.x.sizes(), H));
    ops::Gru::forward(TensorView<T, 3>(), {}, saved.view(), p.x, p.weights(), p.h0);
    ops::Gru::backward(dx.view(), {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()}, dh0.view(), p.dy, p.dh,
                       saved.view(), p.weights(), p.x.sizes());
    return std::tuple(std::move(dx), std::move(dW_ih), std::move(dW_hh), std::move(db_ih), std::move(db_hh),
                      std::move(dh0));
  };
  for (const GruSizes& n : some) {
    const auto got = gradients(Problem<float>(n));
    const auto want = gradients(Problem<double>(n));
    const double tolerance = 2e-5;  // sums over at most 420 rounded terms, most of them cancelling
    CHECK(relative_error(std::get<0>(got), std::get<0>(want)) < tolerance);
    CHECK(relative_error(std::get<1>(got), std::get<1>(want)) < tolerance);
    CHECK(relative_error(std::get<2>(got), std::get<2>(want)) < tolerance);
    CHECK(relative_error(std::get<3>(got), std::get<3>(want)) < tolerance);
    CHECK(relative_error(std::get<4>(got), std::get<4>(want)) < tolerance);
    CHECK(relative_error(std::get<5>(got), std::get<5>(want)) < tolerance);
  }
}

TEST_CASE("gru: gradients of weights are added to, and every gradient may be left out") {
  const Problem<double> p({3, 4, 2, 3});
  Tensor<double, 3> dx(3, 4, 2), only_dx(3, 4, 2);
  Tensor<double, 2> dW(9, 2), twice(9, 2);
  const auto backward = [&](TensorView<double, 3> to_x, GruWeightViews<double> to_weights) {
    Tensor<double, 1> saved(ops::Gru::saved_count<double>(p.x.sizes(), 3));
    ops::Gru::forward(TensorView<double, 3>(), {}, saved.view(), p.x, p.weights());
    ops::Gru::backward(to_x, to_weights, {}, p.dy, {}, saved.view(), p.weights(), p.x.sizes());
  };
  backward(dx.view(), {dW.view(), {}, {}, {}});
  backward(only_dx.view(), {});
  CHECK(relative_error(only_dx, dx) == 0);
  for (int i = 0; i < 2; ++i) backward({}, {twice.view(), {}, {}, {}});
  for (index_t i = 0; i < dW.count(); ++i) CHECK(twice.data()[i] == 2 * dW.data()[i]);
}

TEST_CASE("gru: strided views give the same bits, and so does any number of threads") {
  const Problem<float> p({70, 9, 6, 20});
  Tensor<float, 3> y(70, 9, 20), signal(70, 6, 9), features_first(70, 20, 9), dx(70, 9, 6), dsignal(70, 6, 9);
  Tensor<float, 2> dW(60, 20), dW_strided(20, 60);
  copy(signal.view().transpose(1, 2), p.x.view());
  Tensor<float, 1> saved(ops::Gru::saved_count<float>(p.x.sizes(), 20)), same(saved.sizes());
  set_num_threads(1);
  ops::Gru::forward(y.view(), {}, saved.view(), p.x, p.weights());
  ops::Gru::backward(dx.view(), {{}, dW.view(), {}, {}}, {}, p.dy, {}, saved.view(), p.weights(), p.x.sizes());
  set_num_threads(3);
  ops::Gru::forward(features_first.view().transpose(1, 2), {}, same.view(), signal.view().transpose(1, 2), p.weights());
  ops::Gru::backward(dsignal.view().transpose(1, 2), {{}, dW_strided.view().transpose(0, 1), {}, {}}, {}, p.dy, {},
                     same.view(), p.weights(), p.x.sizes());
  set_num_threads(0);
  CHECK(relative_error(features_first.view().transpose(1, 2), y.view()) == 0);
  CHECK(relative_error(dsignal.view().transpose(1, 2), dx.view()) == 0);
  CHECK(relative_error(dW_strided.view().transpose(0, 1), dW.view()) == 0);
}

TEST_CASE("gru: a step is the sequence's next sample") {
  for (const bool bias : {false, true}) {
    const Problem<double> p({3, 6, 5, 7});
    // [snippet: op_gru]
    Tensor<double, 3> y(3, 6, 7);  // (B, L, H)
    ops::Gru::forward(y.view(), {}, {}, p.x, p.weights(bias), p.h0);
    Tensor<double, 2> h = p.h0.clone(), room(3, 4 * 7);
    for (index_t t = 0; t < 6; ++t) {
      const TensorView<const double, 2> x(&p.x(0, t, 0), {3, 5}, {30, 1}), want(&y(0, t, 0), {3, 7}, {42, 1});
      impl::gru_step(h.view(), room.view(), x, p.weights(bias));
      CHECK(relative_error(TensorView<const double, 2>(h.view()), want) < 1e-14);
    }
    // [/snippet]
  }
}

TEST_CASE("gru: errors name the shapes") {
  const Problem<float> p({3, 4, 2, 5});
  Tensor<float, 3> y(3, 4, 5), narrow(3, 4, 4), x(3, 4, 3);
  Tensor<float, 2> square(5, 5), state(3, 4);
  Tensor<float, 1> b(5), saved(3);
  const auto text = [&](TensorView<float, 3> to, TensorView<const float, 3> from, GruWeightViews<const float> weights,
                        TensorView<const float, 2> start = {}, TensorView<float, 1> keep = {}) {
    return error_text<ShapeError>([&] { ops::Gru::forward(to, {}, keep, from, weights, start); });
  };
  CHECK(text(y, x, p.weights()) == "gru: W_ih is (O=15, I=2), expected (O=15, I=3)");
  CHECK(text(narrow, p.x, p.weights()) == "gru: y is (B=3, L=4, H=4), expected (B=3, L=4, H=5)");
  GruWeightViews<const float> wrong = p.weights();
  wrong.W_hh = square.view();
  CHECK(text(y, p.x, wrong) == "gru: W_hh is (O=5, H=5), expected (O=15, H=5)");
  wrong = p.weights();
  wrong.b_hh = b.view();
  CHECK(text(y, p.x, wrong) == "gru: b_hh is (O=5), expected (O=15)");
  CHECK(text(y, p.x, p.weights(), state.view()) == "gru: h_0 is (B=3, H=4), expected (B=3, H=5)");
  CHECK(text(y, p.x, p.weights(), {}, saved.view()).find("gru: saved is (3), expected (") == 0);
  Tensor<float, 1> kept(ops::Gru::saved_count<float>(p.x.sizes(), 5));
  CHECK(error_text<ShapeError>([&] {
          ops::Gru::backward(x.view(), {}, {}, p.dy, {}, kept.view(), p.weights(), p.x.sizes());
        }) == "gru: dx is (B=3, L=4, I=3), expected (B=3, L=4, I=2)");
  CHECK(error_text<ShapeError>([&] {
          ops::Gru::backward(TensorView<float, 3>(), {square.view(), {}, {}, {}}, {}, p.dy, {}, kept.view(),
                             p.weights(), p.x.sizes());
        }) == "gru: dW_ih is (O=5, I=5), expected (O=15, I=2)");
}
