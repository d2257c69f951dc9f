#include "longwave/state_space/kernel_diag.hpp"

#include <complex>
#include <vector>

#include "check.hpp"
#include "longwave/autograd/functions/shape.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr Transform every_transform[] = {Transform::exp, Transform::none, Transform::relu, Transform::sigmoid,
                                         Transform::softplus};

struct Sizes {
  index_t C = 1, H = 2, N = 3, S = 2;
  bool tied = true;
};

template <class T>
struct Parameters {
  Tensor<T, 2> inv_dt, A_real, A_imag;
  Tensor<T, 4> B, C;
  SsmTransforms transforms;

  // The same numbers for float and double. dt around 0.1 where the transform is exp.
  explicit Parameters(const Sizes& s, const SsmTransforms& t = {})
      : inv_dt(numbers(Extents{s.H, s.tied ? 1 : s.N}, 1)),
        A_real(numbers(Extents{s.S, s.N}, 2)),
        A_imag(t.is_real ? Tensor<T, 2>() : numbers(Extents{s.S, s.N}, 3)),
        B(numbers(Extents<4>{1, s.S, s.N, t.is_real ? 1 : 2}, 4)),
        C(numbers(Extents<4>{s.C, s.H, s.N, t.is_real ? 1 : 2}, 5)),
        transforms(t) {
    if (t.dt == Transform::exp)
      for (index_t i = 0; i < inv_dt.count(); ++i) inv_dt.data()[i] += t.dt_fast ? T(-1.5) : T(-2.3);
    if (t.imag == Transform::none)
      for (index_t i = 0; i < A_imag.count(); ++i) A_imag.data()[i] *= 3;
    for (Tensor<T, 2>* x : {&inv_dt, &A_real, &A_imag})  // away from relu's corner
      for (index_t i = 0; i < x->count(); ++i) x->data()[i] += x->data()[i] < 0 ? T(-0.1) : T(0.1);
  }

  SsmVars<T> on(Tape<T>& tape) const {
    const auto imag = transforms.is_real ? Var<T, 2>() : tape.variable(A_imag.view());
    return {tape.variable(inv_dt.view()),
            tape.variable(A_real.view()),
            imag,
            tape.variable(B.view()),
            tape.variable(C.view()),
            {},
            transforms};
  }

 private:
  template <int R>
  static Tensor<T, R> numbers(Extents<R> sizes, std::uint64_t seed) {
    const auto wide = random<double>(sizes, seed);
    Tensor<T, R> t(sizes);
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] = static_cast<T>(static_cast<float>(wide.data()[i]));
    return t;
  }
};

// The kernel from its definition, in std::complex. dss: a softmax summed term by term, times what the guard
// epsilon takes from it.
template <class Disc, class T>
Tensor<double, 3> naive_kernel(const Parameters<T>& p, index_t L, double rate = 1) {
  using Z = std::complex<double>;
  Tape<T> tape;
  const SsmVars<T> vars = p.on(tape);
  const ContinuousSystem<> s = vars.system(rate);
  const ModeSizes sizes = vars.sizes();
  Tensor<double, 3> K(sizes.C, sizes.H, L);
  for (index_t h = 0; h < sizes.H; ++h)
    for (index_t n = 0; n < sizes.N; ++n) {
      const Z A = s.A(h, n), B = s.B(h, n), w = s.dt(h, n) * A;
      std::vector<Z> samples;
      for (index_t l = 0; l < L; ++l) {
        const double k = static_cast<double>(l);
        if constexpr (std::is_same_v<Disc, Zoh>) samples.push_back(2.0 * B * (std::exp(w) - 1.0) / A * std::exp(k * w));
        if constexpr (std::is_same_v<Disc, Bilinear>)
          samples.push_back(2.0 * B * s.dt(h, n) / (1.0 - 0.5 * w) * std::pow((1.0 + 0.5 * w) / (1.0 - 0.5 * w), k));
        if constexpr (std::is_same_v<Disc, Dss>) {
          Z sum = 0;
          for (index_t j = 0; j < L; ++j) sum += std::exp(static_cast<double>(j - l) * w);
          const Z q = (std::exp((A.real() > 0 ? -1.0 : 1.0) * static_cast<double>(L) * w) - 1.0) * A;
          samples.push_back(B / (A * sum) * (std::norm(q) / (std::norm(q) + 1e-7)));
        }
      }
      for (index_t c = 0; c < sizes.C; ++c)
        for (index_t l = 0; l < L; ++l) K(c, h, l) += (Z(s.C(c, h, n)) * samples[static_cast<std::size_t>(l)]).real();
    }
  return K;
}

template <class T>
Tensor<T, 3> value_of(Var<T, 3> x) {
  Tensor<T, 3> t(x.sizes());
  copy(t.view(), x.value());
  return t;
}

template <class Disc, class T>
Tensor<T, 3> kernel_of(const Parameters<T>& p, index_t L, double rate = 1) {
  Tape<T> tape;
  return value_of(ssm_kernel(tape, DiagVars<T, Host, Disc>{p.on(tape)}, L, rate));
}

// Gradients of the kernel, all parameters.
template <class Disc>
GradCheck check_gradients(Parameters<double>& p, index_t L, double rate = 1) {
  const SsmTransforms t = p.transforms;
  if (t.is_real)
    return grad_check(
        [&](Tape<double>& tape, auto inv_dt, auto A_real, auto B, auto C) {
          return ssm_kernel(tape, DiagVars<double, Host, Disc>{{inv_dt, A_real, {}, B, C, {}, t}}, L, rate);
        },
        p.inv_dt, p.A_real, p.B, p.C);
  return grad_check(
      [&](Tape<double>& tape, auto inv_dt, auto A_real, auto A_imag, auto B, auto C) {
        return ssm_kernel(tape, DiagVars<double, Host, Disc>{{inv_dt, A_real, A_imag, B, C, {}, t}}, L, rate);
      },
      p.inv_dt, p.A_real, p.A_imag, p.B, p.C);
}

// One feature, B = C = 1, modes A = -re - i im, dt = 0.1, stored as they are.
Parameters<double> published(std::vector<complex<double>> A) {
  const auto N = static_cast<index_t>(A.size());
  Parameters<double> p({.C = 1, .H = 1, .N = N, .S = 1}, {.dt = Transform::none, .real = Transform::none});
  p.inv_dt(0, 0) = 0.1;
  for (index_t n = 0; n < N; ++n) {
    p.A_real(0, n) = -A[static_cast<std::size_t>(n)].re;
    p.A_imag(0, n) = -A[static_cast<std::size_t>(n)].im;
    for (Tensor<double, 4>* one : {&p.B, &p.C}) {
      (*one)(0, 0, n, 0) = 1;
      (*one)(0, 0, n, 1) = 0;
    }
  }
  return p;
}

template <class Disc>
void check_samples(const Parameters<double>& p, index_t L, const std::vector<double>& want, double tolerance) {
  const auto K = kernel_of<Disc>(p, L);
  for (std::size_t l = 0; l < want.size(); ++l) {
    INFO(Disc::name << " l " << l);
    CHECK(std::abs(K(0, 0, static_cast<index_t>(l)) - want[l]) < tolerance);
  }
}

const double pi = std::acos(-1.0);

}  // namespace

TEST_CASE("diagonal kernel: the published samples of S4D-Lin and S4D-Inv") {
  const double tolerance = 1e-8;  // they have 8 decimals
  const auto lin = published({{-0.5, 0}, {-0.5, -pi}});
  const auto inv = published({{-0.5, -12 / pi}, {-0.5, -4 / pi * (4.0 / 3 - 1)}});
  check_samples<Zoh>(lin, 8,
                     {0.38701121, 0.35034119, 0.30098495, 0.24402016, 0.18480892, 0.12845668, 0.07934722, 0.04079088},
                     tolerance);
  check_samples<Zoh>(inv, 8,
                     {0.38545605, 0.34032654, 0.27709322, 0.20499048, 0.13363836, 0.07166671, 0.02560788, -0.00081288},
                     tolerance);
  check_samples<Bilinear>(lin, 8, {0.3857666, 0.34987723}, tolerance);
  check_samples<Bilinear>(inv, 8, {0.38361335, 0.33988259}, tolerance);
}

TEST_CASE("diagonal kernel: the published samples of DSS's softmax, decaying and mixed") {
  const double tolerance = 1e-6;  // they come without the guard epsilon, 1e-7 against |q|^2 of 0.1 and more
  const auto hippo = published({{-0.5, 19.85741037}, {-0.5, 5.35420852}, {-0.5, 1.95779415}, {-0.5, 0.42748871}});
  check_samples<Dss>(
      hippo, 8, {-0.35011683, -0.23980061, -0.24305921, -0.21318563, -0.08779271, -0.07034935, -0.08148212, -0.0106421},
      tolerance);
  check_samples<Dss>(published({{0.5, 1}, {-0.3, 2}}), 8,
                     {-0.0471889, -0.02401381, 0.0009545, 0.0270592, 0.05364803, 0.08009414, 0.10581418, 0.13028301},
                     tolerance);
}

TEST_CASE("diagonal kernel: the softmax's gradient keeps the shift of modes that grow") {
  // loss = sum (l + 1) K_l; gradients by A = -A_real - i A_imag. The published ones come without the guard epsilon,
  // 1e-7 against |q|^2 of 0.2 and more; the detached shift would be wrong by 1.6.
  const auto gradient = [](complex<double> A) {
    const auto p = published({A});
    Tape<double> tape;
    const SsmVars<double> vars = p.on(tape);
    const auto K = ssm_kernel(tape, DiagVars<double, Host, Dss>{vars}, 8);
    Tensor<double, 3> weights(1, 1, 8);
    for (index_t l = 0; l < 8; ++l) weights(0, 0, l) = static_cast<double>(l + 1);
    tape.backward(K, weights.view());
    return complex<double>(-vars.A_real.grad()(0, 0), -vars.A_imag.grad()(0, 0));
  };
  const complex<double> growing = gradient({0.5, 1}), falling = gradient({-0.3, 1});
  CHECK(std::abs(growing.re - 2.15382511) < 3e-6);
  CHECK(std::abs(growing.im - -2.86854859) < 3e-6);
  CHECK(std::abs(falling.re - 3.45040526) < 3e-6);
  CHECK(std::abs(falling.im - 2.28416517) < 3e-6);
}

TEMPLATE_TEST_CASE("diagonal kernel: the definition, with channels, copies, steps per mode and rates", "", Zoh,
                   Bilinear, Dss) {
  for (const Sizes& s : {Sizes{1, 2, 3, 2, true}, Sizes{3, 6, 4, 2, true}, Sizes{2, 6, 4, 3, false},
                         Sizes{1, 4, 1, 1, true}, Sizes{2, 2, 2, 1, false}})
    for (const bool is_real : {false, true})
      for (const double rate : {0.5, 1.0, 2.0})
        for (const index_t L : {1, 2, 13, 64}) {
          const Parameters<double> p(s, {.is_real = is_real});
          INFO("S " << s.S << " tied " << s.tied << " real " << is_real << " rate " << rate << " L " << L);
          CHECK(relative_error(kernel_of<TestType>(p, L, rate), naive_kernel<TestType>(p, L, rate)) < 1e-11);
          CHECK(relative_error(kernel_of<TestType>(Parameters<float>(s, {.is_real = is_real}), L, rate),
                               naive_kernel<TestType>(p, L, rate)) < 2e-6);
        }
}

TEMPLATE_TEST_CASE("diagonal kernel: every gradient under every transform agrees with finite differences", "", Zoh,
                   Bilinear, Dss) {
  for (const Transform dt : every_transform)
    for (const Transform real : every_transform)
      for (const Transform imag : every_transform)
        for (const bool fast : {false, true}) {
          const bool free_sign = dt == Transform::none;  // steps below 0 mean nothing: use their sizes
          Parameters<double> p({}, {dt, real, imag, fast, 0, false});
          for (index_t i = 0; free_sign && i < p.inv_dt.count(); ++i)
            p.inv_dt.data()[i] = 0.1 * std::abs(p.inv_dt.data()[i]);
          if (real == Transform::none && !std::is_same_v<TestType, Dss>)  // Re A > 0 is the softmax's alone
            for (index_t i = 0; i < p.A_real.count(); ++i) p.A_real.data()[i] = std::abs(p.A_real.data()[i]);
          const GradCheck check = check_gradients<TestType>(p, 6, 0.7);
          INFO(name_of(dt) << " " << name_of(real) << " " << name_of(imag) << " " << fast << " " << check.text());
          CHECK(check.error < 1e-6);
        }
}

TEMPLATE_TEST_CASE("diagonal kernel: gradients with channels, copies, steps per mode, a band and real modes", "", Zoh,
                   Bilinear, Dss) {
  for (const index_t S : {1, 2, 4})
    for (const bool tied : {true, false})
      for (const bool is_real : {false, true})
        for (const double band : {0.0, 0.1}) {
          Parameters<double> p({2, 4, 3, S, tied}, {.bandlimit = band, .is_real = is_real});
          const GradCheck check = check_gradients<TestType>(p, 9, 2);
          INFO("S " << S << " tied " << tied << " real " << is_real << " band " << band << " " << check.text());
          CHECK(check.error < 1e-6);
        }
}

TEMPLATE_TEST_CASE("diagonal kernel: the kernel with a state is the recurrence, and two halves are the whole", "", Zoh,
                   Bilinear) {
  const index_t B = 2, H = 2, N = 3, L = 24;
  const Parameters<double> p({.C = 2, .H = H, .N = N, .S = 1, .tied = false});
  const auto u = random<double>(Extents<3>{B, H, L}, 7);
  const auto start = random<double>(Extents<4>{B, 2, N, H}, 8);
  Tape<double> tape;
  const DiagVars<double, Host, TestType> vars{p.on(tape)};
  const auto whole = ssm(tape.input(u), vars, {}, {.rate = 1.5}, tape.input(start), true);
  const ContinuousSystem<> s = vars.parameters.system(1.5);
  Tensor<double, 3> want(B, 2 * H, L);
  for (index_t b = 0; b < B; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t n = 0; n < N; ++n) {
        const std::complex<double> A = s.A(h, n), w = s.dt(h, n) * A, m = 1.0 - 0.5 * w;
        const bool zoh = std::is_same_v<TestType, Zoh>;
        const std::complex<double> A_bar = zoh ? std::exp(w) : (1.0 + 0.5 * w) / m;
        const std::complex<double> B_bar =
            std::complex<double>(s.B(h, n)) * (zoh ? (std::exp(w) - 1.0) / A : s.dt(h, n) / m);
        std::complex<double> x(start(b, 0, n, h), start(b, 1, n, h));
        for (index_t l = 0; l < L; ++l) {
          x = A_bar * x + B_bar * u(b, h, l);
          for (index_t c = 0; c < 2; ++c) want(b, c * H + h, l) += 2 * (std::complex<double>(s.C(c, h, n)) * x).real();
        }
        CHECK(std::abs(whole.state.value()(b, 0, n, h) - x.real()) < 1e-12);
        CHECK(std::abs(whole.state.value()(b, 1, n, h) - x.imag()) < 1e-12);
      }
  CHECK(relative_error(whole.y.value(), want.view()) < 1e-12);

  const auto in = tape.input(u);
  const auto first = ssm(contiguous(slice(in, 2, 0, 10)), vars, {}, {.rate = 1.5}, tape.input(start), true);
  const auto second = ssm(contiguous(slice(in, 2, 10, L)), vars, {}, {.rate = 1.5}, first.state, true);
  CHECK(relative_error(first.y.value(), want.view().slice(2, 0, 10)) < 1e-12);
  CHECK(relative_error(second.y.value(), want.view().slice(2, 10, L)) < 1e-12);
}

TEMPLATE_TEST_CASE("diagonal kernel: finite gradients at the ends of steps, sizes and lengths", "", Zoh, Bilinear,
                   Dss) {
  const auto check = []<class T>(T, double dt, index_t N, index_t L) {
    Parameters<T> p({.C = 1, .H = 1, .N = N, .S = 1});
    p.inv_dt(0, 0) = static_cast<T>(std::log(dt));
    for (index_t n = 0; n < N; ++n) {  // diag-lin
      p.A_real(0, n) = static_cast<T>(std::log(0.5));
      p.A_imag(0, n) = static_cast<T>(std::max(1e-4, pi * static_cast<double>(n)));
    }
    Tape<T> tape;
    const SsmVars<T> vars = p.on(tape);
    const auto K = ssm_kernel(tape, DiagVars<T, Host, TestType>{vars}, L);
    const Tensor<T, 3> seed = random<T>(Extents<3>{1, 1, L}, 11);
    tape.backward(K, seed.view());
    INFO(TestType::name << " dt " << dt << " modes " << N << " L " << L);
    CHECK(detail::all_finite(K.value()));
    for (const auto& grad : {vars.inv_dt.grad(), vars.A_real.grad(), vars.A_imag.grad()})
      CHECK(detail::all_finite(grad));
    for (const auto& grad : {vars.B.grad(), vars.C.grad()}) CHECK(detail::all_finite(grad));
  };
  for (const double dt : {1e-4, 1.0})
    for (const index_t modes : {1, 2, 32, 128})
      for (const index_t L : {index_t(1), index_t(997), index_t(1) << 17}) {
        if (L > 1000 && modes > 2 && modes < 128) continue;
        check(double(), dt, modes, L);
        check(float(), dt, modes, L);
      }
}

TEST_CASE("diagonal kernel: float parameters give the double kernel to float precision at 2^17 samples") {
  const index_t L = index_t(1) << 17;
  const Sizes s{.C = 1, .H = 1, .N = 4, .S = 1};
  Parameters<float> single(s);
  Parameters<double> wide(s);
  single.inv_dt(0, 0) = -9;
  wide.inv_dt(0, 0) = -9;
  // rounding of the samples and of the powers between anchors, see vandermonde.hpp
  CHECK(relative_error(kernel_of<Zoh>(single, L), kernel_of<Zoh>(wide, L)) < 2e-6);
  CHECK(relative_error(kernel_of<Bilinear>(single, L), kernel_of<Bilinear>(wide, L)) < 2e-6);
  CHECK(relative_error(kernel_of<Dss>(single, L), kernel_of<Dss>(wide, L)) < 2e-6);
}

TEST_CASE("diagonal kernel: what does not fit is one clear error") {
  const Parameters<double> p({.C = 1, .H = 2, .N = 3, .S = 1}, {.real = Transform::none});
  Tape<double> tape;
  const SsmVars<double> vars = p.on(tape);
  const ContinuousSystem<> system = vars.system(1);
  Tensor<complex<double>, 2> x(2, 3), b(2, 4);
  Tensor<complex<double>, 3> c(1, 2, 3);
  CHECK(error_text<ShapeError>([&] {
          DiagModes<Zoh>::forward(DiagonalModes<>{x.view(), b.view(), c.view()}, system, 5);
        }) == "diag_modes: b is (H=2, N=4), expected (H=2, N=3)");
  CHECK(error_text([&] { DiagModes<Dss>::forward(DiagonalModes<>{x.view(), b.view(), c.view()}, system, 5); }) == "");
  const auto u = random<double>(Extents<3>{1, 2, 5}, 5);
  CHECK(error_text<ValueError>([&] { ssm(tape.input(u), DiagVars<double, Host, Dss>{vars}, {}, {}, {}, true); }) ==
        "ssm: modes that grow (Re x > 0) and are anchored at the last sample have no state");
}
