#include "longwave/state_space/ssm.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/shape.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// A kernel whose parameters are its modes: x = rate (-e^a + i w), b and c as they are.
template <class T>
struct PlainVars {
  Var<T, 2> a, w;        // (H, N)
  Var<T, 3> b;           // (H, N, 2)
  Var<T, 4> c;           // (C, H, N, 2)
  bool growing = false;  // x = +e^a + i w, anchored at the last sample

  static constexpr bool input_weights = true;

  ModeSizes sizes() const { return {c.size(0), c.size(1), c.size(2)}; }
  bool needs_grad() const { return a.needs_grad() || w.needs_grad() || b.needs_grad() || c.needs_grad(); }
  bool anchored() const { return growing; }
  double sign() const { return growing ? 1 : -1; }

  void forward(const DiagonalModes<>& m, const ModeCall& call) const {
    for (index_t h = 0; h < m.x.size(0); ++h)
      for (index_t n = 0; n < m.x.size(1); ++n) {
        m.x(h, n) = call.rate * complex<double>(sign() * std::exp(double(a.value()(h, n))), w.value()(h, n));
        m.b(h, n) = {b.value()(h, n, 0), b.value()(h, n, 1)};
        for (index_t k = 0; k < m.c.size(0); ++k) m.c(k, h, n) = {c.value()(k, h, n, 0), c.value()(k, h, n, 1)};
      }
  }
  void backward(const DiagonalModes<>& d, const ModeCall& call) const {
    Tape<T>& t = c.tape();
    const auto da = t.grad_to_add(a), dw = t.grad_to_add(w);
    const auto db = t.grad_to_add(b);
    const auto dc = t.grad_to_add(c);
    for (index_t h = 0; h < d.x.size(0); ++h)
      for (index_t n = 0; n < d.x.size(1); ++n) {
        da(h, n) += T(call.rate * sign() * std::exp(double(a.value()(h, n))) * d.x(h, n).re);
        dw(h, n) += T(call.rate * d.x(h, n).im);
        db(h, n, 0) += T(d.b(h, n).re);
        db(h, n, 1) += T(d.b(h, n).im);
        for (index_t k = 0; k < d.c.size(0); ++k) {
          dc(k, h, n, 0) += T(d.c(k, h, n).re);
          dc(k, h, n, 1) += T(d.c(k, h, n).im);
        }
      }
  }
};
static_assert(diagonal_vars<PlainVars<double>>);

struct Plain {
  Tensor<double, 2> a, w;
  Tensor<double, 3> b;
  Tensor<double, 4> c;

  Plain(index_t C, index_t H, index_t N)
      : a(random<double>(Extents{H, N}, 1, 0.5)),
        w(random<double>(Extents{H, N}, 2)),
        b(random<double>(Extents<3>{H, N, 2}, 3)),
        c(random<double>(Extents<4>{C, H, N, 2}, 4)) {
    for (index_t i = 0; i < a.count(); ++i) a.data()[i] -= 2;
  }
  complex<double> x(index_t h, index_t n, double sign = -1) const { return {sign * std::exp(a(h, n)), w(h, n)}; }
  complex<double> B(index_t h, index_t n) const { return {b(h, n, 0), b(h, n, 1)}; }
  complex<double> C(index_t k, index_t h, index_t n) const { return {c(k, h, n, 0), c(k, h, n, 1)}; }
};

using Views = PlainVars<double>;

}  // namespace

TEST_CASE("ssm: every form equals the recurrence with input weights, channels and states") {
  const index_t B = 2, C = 3, H = 2, N = 3, L = 40;
  const Plain p(C, H, N);
  const auto u = random<double>(Extents<3>{B, H, L}, 5);
  const auto D = random<double>(Extents{C, H}, 6);
  const auto start = random<double>(Extents<4>{B, 2, N, H}, 7);
  Tensor<double, 3> want(B, C * H, L);
  Tensor<double, 4> want_state(B, 2, N, H);
  for (index_t b = 0; b < B; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t n = 0; n < N; ++n) {
        complex<double> s(start(b, 0, n, h), start(b, 1, n, h));
        for (index_t l = 0; l < L; ++l) {
          s = exp(p.x(h, n)) * s + u(b, h, l) * p.B(h, n);
          for (index_t k = 0; k < C; ++k)
            want(b, k * H + h, l) += 2 * (p.C(k, h, n) * s).re + (n == 0 ? D(k, h) * u(b, h, l) : 0);
        }
        want_state(b, 0, n, h) = s.re;
        want_state(b, 1, n, h) = s.im;
      }
  for (const Algorithm algorithm : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    Tape<double> tape;
    const Views v{tape.input(p.a), tape.input(p.w), tape.input(p.b), tape.input(p.c)};
    const auto out = ssm(tape.input(u), v, tape.input(D), {.algorithm = algorithm}, tape.input(start), true);
    INFO("algorithm " << static_cast<int>(algorithm));
    CHECK(relative_error(out.y.value(), want.view()) < 1e-12);
    CHECK(relative_error(out.state.value(), want_state.view()) < 1e-12);
  }
}

TEST_CASE("ssm: gradients of all inputs agree with finite differences in every form") {
  const index_t B = 2, C = 2, H = 2, N = 2, L = 21;
  Plain p(C, H, N);
  auto u = random<double>(Extents<3>{B, H, L}, 5);
  auto D = random<double>(Extents{C, H}, 6);
  auto start = random<double>(Extents<4>{B, 2, N, H}, 7);
  for (const Algorithm algorithm : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk})
    for (const bool state : {false, true}) {
      const GradCheck check = grad_check(
          [&](Tape<double>&, auto in, auto skip, auto s, auto a, auto w, auto b, auto c) {
            const auto out = ssm(in, Views{a, w, b, c}, skip, {.algorithm = algorithm, .rate = 1.3}, s, true);
            return state ? reshape(out.state, Extents<1>{out.state.value().count()})
                         : reshape(out.y, Extents<1>{out.y.value().count()});
          },
          u, D, start, p.a, p.w, p.b, p.c);
      INFO("algorithm " << static_cast<int>(algorithm) << (state ? " state " : " y ") << check.text());
      CHECK(check.error < 1e-7);
    }
}

TEST_CASE("ssm: two-sided kernels and kernels cut short, values and gradients") {
  const index_t B = 2, H = 2, N = 2, L = 17, M = 6;
  Plain p(4, H, N);
  auto u = random<double>(Extents<3>{B, H, L}, 5);
  auto D = random<double>(Extents{index_t(2), H}, 6);
  Tape<double> tape;
  const Views v{tape.input(p.a), tape.input(p.w), tape.input(p.b), tape.input(p.c)};
  const auto K = ssm_kernel(tape, v, M);
  const SsmCall call{.bidirectional = true, .kernel_length = M};
  const auto y = ssm(tape.input(u), v, tape.input(D), call).y;
  for (index_t b = 0; b < B; ++b)
    for (index_t k = 0; k < 2; ++k)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) {
          double want = D(k, h) * u(b, h, l);
          for (index_t j = 0; j < M; ++j) {
            if (j <= l) want += K.value()(k, h, j) * u(b, h, l - j);
            if (l + 1 + j < L) want += K.value()(2 + k, h, j) * u(b, h, l + 1 + j);
          }
          CHECK(std::abs(y.value()(b, k * H + h, l) - want) < 1e-12);
        }
  const GradCheck check = grad_check(
      [&](Tape<double>&, auto in, auto skip, auto a, auto w, auto b, auto c) {
        return ssm(in, Views{a, w, b, c}, skip, call).y;
      },
      u, D, p.a, p.w, p.b, p.c);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("ssm_kernel: growing modes are anchored at the last sample and never overflow") {
  const index_t C = 2, H = 2, N = 3;
  for (const index_t L : {1, 9, 5000}) {
    Plain p(C, H, N);
    Tape<double> tape;
    const Views v{tape.input(p.a), tape.input(p.w), tape.input(p.b), tape.input(p.c), true};
    const auto K = ssm_kernel(tape, v, L);
    double error = 0;
    for (index_t k = 0; k < C; ++k)
      for (index_t h = 0; h < H; ++h)
        for (const index_t l : {index_t(0), L / 2, L - 1}) {
          double want = 0;
          for (index_t n = 0; n < N; ++n)
            want += 2 * (p.C(k, h, n) * p.B(h, n) * exp(static_cast<double>(l - L + 1) * p.x(h, n, +1))).re;
          error = std::max(error, std::abs(K.value()(k, h, l) - want));
        }
    CHECK(error < 1e-12);
    if (L > 100) continue;
    const GradCheck check = grad_check(
        [&](Tape<double>& t, auto a, auto w, auto b, auto c) {
          return ssm_kernel(t, Views{a, w, b, c, true}, L);
        },
        p.a, p.w, p.b, p.c);
    INFO("L " << L << " " << check.text());
    CHECK(check.error < 1e-7);
  }
}

TEST_CASE("ssm: what cannot be is one clear error") {
  Plain p(3, 2, 2);
  Tape<double> tape;
  const auto u = random<double>(Extents<3>{1, 2, 5}, 5), wrong = random<double>(Extents<3>{1, 3, 5}, 5);
  const Tensor<double, 4> state(1, 2, 2, 2), other(2, 2, 2, 2);
  const Views v{tape.input(p.a), tape.input(p.w), tape.input(p.b), tape.input(p.c)};
  Views growing = v;
  growing.growing = true;
  CHECK(error_text<ShapeError>([&] { ssm(tape.input(wrong), v, {}); }) ==
        "ssm: u and the kernel disagree on H: u is (B=1, H=3, L=5), the kernel has H = 2");
  CHECK(error_text<ShapeError>([&] { ssm(tape.input(u), v, {}, {.bidirectional = true}); }) ==
        "ssm: two-sided kernels come in pairs, the kernel has 3 channels");
  CHECK(error_text<ShapeError>([&] { ssm(tape.input(u), v, {}, {}, tape.input(other)); }) ==
        "ssm: state_in is (2, 2, 2, 2), expected (1, 2, 2, 2)");
  CHECK(error_text<ValueError>([&] { ssm(tape.input(u), v, {}, {.kernel_length = 3}, tape.input(state)); }) ==
        "ssm: a kernel cut to 3 samples has no state");
  CHECK(error_text<ValueError>([&] { ssm(tape.input(u), v, {}, {.rate = 0}); }) ==
        "ssm: rate is 0.000000, expected more than 0");
  CHECK(error_text<ValueError>([&] { ssm(tape.input(u), growing, {}, {}, {}, true); }) ==
        "ssm: modes that grow (Re x > 0) and are anchored at the last sample have no state");
}
