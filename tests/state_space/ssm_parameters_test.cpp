#include "longwave/state_space/ssm_parameters.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr Transform every_transform[] = {Transform::exp, Transform::none, Transform::relu, Transform::sigmoid,
                                         Transform::softplus};

// Parameters of any sizes; parts is 1 for real modes. A_imag is empty then.
struct Parameters {
  Tensor<double, 2> inv_dt, A_real, A_imag;
  Tensor<double, 4> B, C, P;

  Parameters(index_t channels, index_t H, index_t N, index_t S, index_t R, bool tied, bool is_real)
      : inv_dt(random<double>(Extents{H, tied ? 1 : N}, 1)),
        A_real(random<double>(Extents{S, N}, 2)),
        A_imag(random<double>(is_real ? Extents<2>{0, 0} : Extents<2>{S, N}, 3)),
        B(random<double>(Extents<4>{1, S, N, is_real ? 1 : 2}, 4)),
        C(random<double>(Extents<4>{channels, H, N, is_real ? 1 : 2}, 5)),
        P(random<double>(Extents<4>{R, S, N, is_real ? 1 : 2}, 6)) {
    for (Tensor<double, 2>* t : {&inv_dt, &A_real, &A_imag})  // away from relu's corner
      for (index_t i = 0; i < t->count(); ++i) t->data()[i] += t->data()[i] < 0 ? -0.1 : 0.1;
  }
  SsmParameters<double> views() const {
    return {inv_dt, A_real, A_imag.count() > 0 ? A_imag.view() : TensorView<const double, 2>(), B, C, P};
  }
};

// A system as one row of numbers, in the order dt, A, B, C, P; with numbers given, the other way round.
template <class System, class F>
void each_number(const System& s, F f) {
  for (index_t i = 0; i < s.dt.count(); ++i) f(s.dt.data()[i]);
  const auto pairs = [&](const auto& z) {
    for (index_t i = 0; i < (z.data() != nullptr ? z.count() : 0); ++i) f(z.data()[i].re), f(z.data()[i].im);
  };
  pairs(s.A), pairs(s.B), pairs(s.C), pairs(s.P);
}

Var<double, 1> as_row(const SsmVars<double>& vars, double rate) {
  const ContinuousSystem<> system = vars.system(rate);
  index_t count = 0;
  each_number(system, [&](double) { ++count; });
  const auto y = vars.tape().make(Extents<1>{count}, vars.needs_grad());
  index_t at = 0;
  each_number(system, [&](double x) { y.output()(at++) = x; });
  vars.tape().record("as_row", y, [=] {
    const ContinuousSystem<> d = vars.make_system();
    index_t i = 0;
    each_number(d, [&](double& x) { x = y.grad()(i++); });
    vars.backward(d, rate);
  });
  return y;
}

struct Owned {
  Tensor<double, 2> dt;
  Tensor<complex<double>, 2> A, B;
  Tensor<complex<double>, 3> C, P;
  Owned(index_t channels, index_t H, index_t N, index_t R)
      : dt(H, N), A(H, N), B(H, N), C(channels, H, N), P(R, H, N) {}
  ContinuousSystem<> views() { return {dt, A, B, C, P}; }
};

}  // namespace

TEST_CASE("continuous_forward: formulas, copies h mod S, rate, sinh and band") {
  const index_t channels = 2, H = 6, N = 3, S = 2, R = 2;
  const double rate = 1.5;
  const Parameters p(channels, H, N, S, R, true, false);
  const SsmTransforms t{Transform::softplus, Transform::exp, Transform::softplus, true, 0.2, false};
  Owned got(channels, H, N, R);
  continuous_forward(got.views(), p.views(), t, rate);
  const auto softplus = [](double x) { return std::log(1 + std::exp(x)); };
  int cut = 0;
  for (index_t h = 0; h < H; ++h)
    for (index_t n = 0; n < N; ++n) {
      const index_t s = h % S;
      const double dt = softplus(std::sinh(p.inv_dt(h, 0))), imag = softplus(p.A_imag(s, n));
      const bool kept = dt * imag / (2 * std::acos(-1.0)) < 0.1;
      cut += !kept;
      CHECK(got.dt(h, n) == Approx(rate * dt).epsilon(1e-13));
      CHECK(got.A(h, n).re == Approx(-std::exp(p.A_real(s, n))).epsilon(1e-13));
      CHECK(got.A(h, n).im == Approx(-imag).epsilon(1e-13));
      CHECK(got.B(h, n) == complex<double>(p.B(0, s, n, 0), p.B(0, s, n, 1)));
      for (index_t c = 0; c < channels; ++c)
        CHECK(got.C(c, h, n) == (kept ? complex<double>(p.C(c, h, n, 0), p.C(c, h, n, 1)) : complex<double>()));
      for (index_t r = 0; r < R; ++r) CHECK(got.P(r, h, n) == complex<double>(p.P(r, s, n, 0), p.P(r, s, n, 1)));
    }
  CHECK(cut > 0);
  CHECK(cut < H * N);
}

TEST_CASE("continuous system: every parameter's gradient under every transform agrees with finite differences") {
  for (const Transform dt : every_transform)
    for (const Transform real : every_transform)
      for (const Transform imag : every_transform)
        for (const bool fast : {false, true}) {
          Parameters p(1, 2, 2, 2, 1, true, false);
          const SsmTransforms t{dt, real, imag, fast, 0, false};
          const GradCheck check = grad_check(
              [&](Tape<double>&, auto inv_dt, auto A_real, auto A_imag, auto B, auto C, auto P) {
                return as_row({inv_dt, A_real, A_imag, B, C, P, t}, 0.7);
              },
              p.inv_dt, p.A_real, p.A_imag, p.B, p.C, p.P);
          INFO(name_of(dt) << " " << name_of(real) << " " << name_of(imag) << " " << fast << " " << check.text());
          CHECK(check.error < 1e-7);
        }
}

TEST_CASE("continuous system: gradients of copies, steps per mode, a band and real modes") {
  for (const index_t S : {1, 2, 3, 6})
    for (const bool tied : {true, false})
      for (const bool band : {false, true}) {
        Parameters p(2, 6, 5, S, 2, tied, false);
        const SsmTransforms t{Transform::exp, Transform::exp, Transform::none, false, band ? 0.2 : 0, false};
        const GradCheck check = grad_check(
            [&](Tape<double>&, auto inv_dt, auto A_real, auto A_imag, auto B, auto C, auto P) {
              return as_row({inv_dt, A_real, A_imag, B, C, P, t}, 2);
            },
            p.inv_dt, p.A_real, p.A_imag, p.B, p.C, p.P);
        INFO("S " << S << " tied " << tied << " band " << band << " " << check.text());
        CHECK(check.error < 1e-7);
      }
  Parameters p(2, 4, 3, 2, 1, true, true);
  const SsmTransforms t{Transform::exp, Transform::exp, Transform::none, false, 0.2, true};
  const GradCheck check = grad_check(
      [&](Tape<double>&, auto inv_dt, auto A_real, auto B, auto C) {
        return as_row({inv_dt, A_real, {}, B, C, {}, t}, 1);
      },
      p.inv_dt, p.A_real, p.B, p.C);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("continuous_backward: adds, to those gradients that are there, the same bits for any number of threads") {
  const index_t channels = 2, H = 384, N = 64, S = 3;
  const Parameters p(channels, H, N, S, 0, true, false);
  Owned d(channels, H, N, 0);
  for (index_t i = 0; i < H * N; ++i) {
    d.dt.data()[i] = p.C.data()[i];
    d.A.data()[i] = {p.C.data()[i], p.C.data()[i + 1]};
  }
  const auto run = [&](int threads) {
    set_num_threads(threads);
    Tensor<float, 2> inv_dt(H, 1), A_real(S, N);
    inv_dt(0, 0) = A_real(0, 0) = 1000;
    Tensor<float, 2> narrow_dt(H, 1), narrow_real(S, N), narrow_imag(S, N);
    const Tensor<float, 4> B(1, S, N, 2), C(channels, H, N, 2);
    continuous_backward(SsmParameterGradients<float>{inv_dt, A_real, {}, {}, {}, {}}, d.views(),
                        SsmParameters<float>{narrow_dt, narrow_real, narrow_imag, B, C, {}}, SsmTransforms());
    set_num_threads(0);
    return std::pair(std::move(inv_dt), std::move(A_real));
  };
  const auto one = run(1), four = run(4);
  CHECK(relative_error(four.first, one.first) == 0);
  CHECK(relative_error(four.second, one.second) == 0);
  double sum_dt = 1000, sum_A = 1000;
  for (index_t n = 0; n < N; ++n) sum_dt += d.dt(0, n);
  for (index_t h = 0; h < H; h += S) sum_A -= d.A(h, 0).re;
  CHECK(one.first(0, 0) == Approx(sum_dt).epsilon(1e-6));
  CHECK(one.second(0, 0) == Approx(sum_A).epsilon(1e-6));
}

TEST_CASE("ssm_parameters: shape errors name the parameter") {
  const Parameters good(2, 6, 3, 2, 1, true, false), real(2, 6, 3, 2, 1, true, true);
  Owned out(2, 6, 3, 1);
  const auto text = [&](SsmParameters<double> p, bool is_real = false) {
    return error_text<ShapeError>([&] { continuous_forward(out.views(), p, SsmTransforms{.is_real = is_real}); });
  };
  CHECK(text(good.views()) == "");
  CHECK(text(real.views(), true) == "");
  const Parameters other(2, 6, 3, 4, 1, true, false), short_dt(2, 5, 3, 1, 1, true, false);
  SsmParameters<double> p = good.views();
  p.A_real = other.A_real;
  CHECK(text(p) == "ssm_parameters: 4 copies of A do not divide H: A_real is (S=4, N=3), C is (2, 6, 3, 2)");
  p = good.views();
  p.inv_dt = short_dt.inv_dt;
  CHECK(text(p) == "ssm_parameters: inv_dt is (H=5, N=1), expected (H=6, N=3)");
  p = good.views();
  p.B = other.B;
  CHECK(text(p) == "ssm_parameters: B is (1, 4, 3, 2), expected (1, 2, 3, 2)");
  p = good.views();
  p.A_imag = {};
  CHECK(text(p) == "ssm_parameters: A_imag is (S=0, N=0), expected (S=2, N=3)");
  p = good.views();
  CHECK(text(p, true) == "ssm_parameters: C is (2, 6, 3, 2), expected (2, 6, 3, 1)");
  Owned wrong(2, 6, 4, 1);
  CHECK(error_text<ShapeError>([&] { continuous_forward(wrong.views(), good.views(), SsmTransforms()); }) ==
        "continuous_forward: dt is (H=6, N=4), expected (H=6, N=3)");
  Tensor<double, 4> dB(1, 2, 4, 2);
  CHECK(error_text<ShapeError>([&] {
          continuous_backward(SsmParameterGradients<double>{{}, {}, {}, dB, {}, {}}, out.views(), good.views(),
                              SsmTransforms());
        }) == "continuous_backward: dB is (1, 2, 4, 2), expected (1, 2, 3, 2)");
}
