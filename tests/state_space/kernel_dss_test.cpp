#include "longwave/state_space/kernel_dss.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Wide = std::complex<long double>;

constexpr DssVersion all_versions[] = {DssVersion::softmax,      DssVersion::exp,  DssVersion::exp_re_im,
                                       DssVersion::exp_no_scale, DssVersion::clip, DssVersion::clip_no_scale};

// Parameters as stored; Lambda (N, 2) holds its parts or their logarithms, whatever the version.
template <class T>
struct Dss1 {
  DssForm form;
  Tensor<T, 2> log_dt;
  Tensor<T, 2> Lambda;
  Tensor<T, 1> re, im;
  Tensor<T, 4> W;

  Dss1(DssForm form_, index_t C, index_t H, index_t N, bool sep_dt = true)
      : form(form_),
        log_dt(random<T>(Extents<2>{H, sep_dt ? 2 : 1}, 1, T(0.5))),
        Lambda(random<T>(Extents<2>{N, 2}, 2)),
        re(random<T>(Extents<1>{N}, 3, T(0.5))),
        im(random<T>(Extents<1>{N}, 4)),
        W(random<T>(Extents<4>{C, H, N, 2}, 5)) {
    for (index_t i = 0; i < log_dt.count(); ++i) log_dt.data()[i] -= T(2);
  }
  explicit Dss1(DssVersion version, index_t C = 2, index_t H = 3, index_t N = 4, bool sep_dt = true)
      : Dss1(DssForm{.version = version}, C, H, N, sep_dt) {}

  void set_dt(double dt) {
    for (index_t i = 0; i < log_dt.count(); ++i) log_dt.data()[i] = static_cast<T>(std::log(dt));
  }
  DssVars<T> on(Tape<T>& tape, bool gradients = false) const {
    auto put = [&](const auto& t) { return gradients ? tape.variable(t.view()) : tape.input(t.view()); };
    if (form.logarithmic())
      return {
          .log_dt = put(log_dt), .Lambda = {}, .Lambda_re = put(re), .Lambda_im = put(im), .W = put(W), .form = form};
    return {.log_dt = put(log_dt), .Lambda = put(Lambda), .Lambda_re = {}, .Lambda_im = {}, .W = put(W), .form = form};
  }
  Wide lambda(index_t n) const {
    if (form.logarithmic()) {
      const auto b = static_cast<long double>(im(n));
      return {-std::exp(static_cast<long double>(re(n))), form.version == DssVersion::exp_re_im ? std::exp(b) : b};
    }
    const auto a = static_cast<long double>(Lambda(n, 0));
    const auto most = static_cast<long double>(form.max_real_Lambda);
    return {form.clips() ? std::min(a, most) : a, Lambda(n, 1)};
  }
};

Wide reciprocal(Wide q, double epsilon, bool added) {
  const auto guard = static_cast<long double>(epsilon);
  return std::conj(q) / (added ? std::norm(q) + guard : std::max(std::norm(q), guard));
}

// e^z - 1 in 80 bits, by its series where the difference would cancel.
Wide minus_one(Wide z) {
  if (std::abs(z) > 0.5L) return std::exp(z) - 1.0L;
  Wide sum = 0, term = z;
  for (int k = 2; k < 40; ++k) {
    sum += term;
    term *= z / static_cast<long double>(k);
  }
  return sum;
}

// The definition, sample by sample.
template <class T>
double naive(const Dss1<T>& p, index_t c, index_t h, index_t l, index_t L, double rate = 1) {
  const index_t last = p.log_dt.size(1) - 1;
  const long double dt_re = rate * std::exp(static_cast<long double>(p.log_dt(h, 0)));
  const long double dt_im = rate * std::exp(static_cast<long double>(p.log_dt(h, last)));
  long double sum = 0;
  for (index_t n = 0; n < p.W.size(2); ++n) {
    const Wide Lambda = p.lambda(n), w(dt_re * Lambda.real(), dt_im * Lambda.imag());
    const long double shift = p.form.softmax() && Lambda.real() > 0 ? static_cast<long double>(L - 1) : 0;
    const Wide s = p.form.softmax() && Lambda.real() > 0 ? -w : w;
    Wide f = 1;
    if (p.form.softmax())
      f = minus_one(s) * reciprocal(minus_one(s * static_cast<long double>(L)) * Lambda, p.form.epsilon, true);
    else if (p.form.scaled())
      f = minus_one(w) * reciprocal(Lambda, p.form.epsilon, false);
    const Wide W(p.W(c, h, n, 0), p.W(c, h, n, 1));
    sum += (W * f * std::exp(w * (static_cast<long double>(l) - shift))).real();
  }
  return static_cast<double>(sum);
}

template <class T>
double kernel_error(const Dss1<T>& p, index_t L, double rate = 1) {
  Tape<T> tape;
  const auto K = ssm_kernel(tape, p.on(tape), L, rate);
  Tensor<double, 3> want(K.sizes());
  for (index_t c = 0; c < want.size(0); ++c)
    for (index_t h = 0; h < want.size(1); ++h)
      for (index_t l = 0; l < L; ++l) want(c, h, l) = naive(p, c, h, l, L, rate);
  return relative_error(K.value(), want.view());
}

GradCheck kernel_grad_check(Dss1<double>& p, index_t L, double rate = 1) {
  const DssForm form = p.form;
  if (form.logarithmic())
    return grad_check(
        [&](Tape<double>& t, auto log_dt, auto re, auto im, auto W) {
          return ssm_kernel(t, DssVars<double>{log_dt, {}, re, im, W, form}, L, rate);
        },
        p.log_dt, p.re, p.im, p.W);
  return grad_check(
      [&](Tape<double>& t, auto log_dt, auto Lambda, auto W) {
        return ssm_kernel(t, DssVars<double>{log_dt, Lambda, {}, {}, W, form}, L, rate);
      },
      p.log_dt, p.Lambda, p.W);
}

// All gradients of sum K^2 / 2 are finite.
template <class T>
bool gradients_are_finite(const Dss1<T>& p, index_t L) {
  Tape<T> tape;
  const DssVars<T> v = p.on(tape, true);
  const auto K = ssm_kernel(tape, v, L);
  tape.backward(K, K.value());
  bool finite = detail::all_finite(K.value()) && detail::all_finite(v.log_dt.grad()) && detail::all_finite(v.W.grad());
  for (const auto& part : {v.Lambda_re, v.Lambda_im})
    if (part) finite = finite && detail::all_finite(part.grad());
  if (v.Lambda) finite = finite && detail::all_finite(v.Lambda.grad());
  return finite;
}

// H = 1, W = 1, dt = 0.1, and no guard: the published softmax numbers have none.
Dss1<double> published(DssVersion version, std::initializer_list<complex<double>> Lambda) {
  const auto N = static_cast<index_t>(Lambda.size());
  Dss1<double> p({.version = version, .epsilon = 1e-30}, 1, 1, N);
  p.set_dt(0.1);
  index_t n = 0;
  for (const complex<double> z : Lambda) {
    p.Lambda(n, 0) = z.re;
    p.Lambda(n, 1) = p.im(n) = z.im;
    p.re(n) = z.re < 0 ? std::log(-z.re) : 0;
    p.W(0, 0, n, 0) = 1;
    p.W(0, 0, n, 1) = 0;
    ++n;
  }
  return p;
}

void check_row(const Dss1<double>& p, std::initializer_list<double> want) {
  Tape<double> tape;
  const auto K = ssm_kernel(tape, p.on(tape), 8);
  index_t l = 0;
  for (const double value : want) CHECK(std::abs(K.value()(0, 0, l++) - value) < 6e-9);  // eight decimals are given
}

const std::initializer_list<complex<double>> start_of_4 = {
    {-0.5, 19.85741037}, {-0.5, 5.35420852}, {-0.5, 1.95779415}, {-0.5, 0.42748871}};

}  // namespace

static_assert(diagonal_vars<DssVars<float>>);
static_assert(diagonal_vars<DssVars<double>>);

TEST_CASE("dss: kernels of the usual start have the published values") {
  check_row(published(DssVersion::exp, start_of_4),
            {0.33300617, 0.16797206, 0.20374093, 0.17940444, 0.01141109, 0.03100482, 0.08097382, -0.01079432});
  check_row(published(DssVersion::softmax, start_of_4),
            {-0.35011683, -0.23980061, -0.24305921, -0.21318563, -0.08779271, -0.07034935, -0.08148212, -0.0106421});
  check_row(published(DssVersion::softmax, {{0.5, 1}, {-0.3, 2}}),
            {-0.0471889, -0.02401381, 0.0009545, 0.0270592, 0.05364803, 0.08009414, 0.10581418, 0.13028301});
}

TEST_CASE("dss: the softmax gradient is the derivative of the output, for growing modes too") {
  const struct {
    complex<double> Lambda, gradient;
  } cases[] = {{{0.5, 1}, {2.15382511, -2.86854859}}, {{-0.3, 1}, {3.45040526, 2.28416517}}};
  for (const auto& c : cases) {
    const auto p = published(DssVersion::softmax, {c.Lambda});
    Tape<double> tape;
    const DssVars<double> v = p.on(tape, true);
    const auto K = ssm_kernel(tape, v, 8);
    Tensor<double, 3> seed(1, 1, 8);
    for (index_t l = 0; l < 8; ++l) seed(0, 0, l) = static_cast<double>(l + 1);
    tape.backward(K, seed.view());
    CHECK(std::abs(v.Lambda.grad()(0, 0) - c.gradient.re) < 1e-6);
    CHECK(std::abs(v.Lambda.grad()(0, 1) - c.gradient.im) < 1e-6);
  }
  check_row(published(DssVersion::softmax, {{0.5, 1}}), {0.0083341, 0.01872485, 0.0299625});
}

TEST_CASE("dss: every version is its definition, with one step or two, channels, rate, any length and both types") {
  for (const DssVersion version : all_versions)
    for (const bool sep_dt : {true, false})
      for (const index_t L : {1, 2, 7, 64, 331}) {
        INFO(to_string(version) << " L " << L << (sep_dt ? " two steps" : " one step"));
        // What vandermonde.hpp states, with room for the factor in front of it.
        CHECK(kernel_error(Dss1<double>(version, 2, 3, 5, sep_dt), L) < 1e-12);
        CHECK(kernel_error(Dss1<double>(version, 1, 2, 5, sep_dt), L, 2.5) < 1e-12);
        CHECK(kernel_error(Dss1<float>(version, 2, 3, 5, sep_dt), L) < 3e-6);
      }
}

TEST_CASE("dss: the softmax version is a softmax over the length divided by Lambda") {
  const index_t L = 23;
  Dss1<double> p({.version = DssVersion::softmax, .epsilon = 1e-30}, 1, 1, 6);
  Tape<double> tape;
  const auto K = ssm_kernel(tape, p.on(tape), L);
  for (index_t l = 0; l < L; ++l) {
    Wide want = 0;
    for (index_t n = 0; n < 6; ++n) {
      const Wide Lambda = p.lambda(n);
      const Wide w(std::exp(static_cast<long double>(p.log_dt(0, 0))) * Lambda.real(),
                   std::exp(static_cast<long double>(p.log_dt(0, 1))) * Lambda.imag());
      Wide sum = 0;
      for (index_t k = 0; k < L; ++k) sum += std::exp(w * static_cast<long double>(k));
      want += Wide(p.W(0, 0, n, 0), p.W(0, 0, n, 1)) / Lambda * std::exp(w * static_cast<long double>(l)) / sum;
    }
    CHECK(std::abs(K.value()(0, 0, l) - static_cast<double>(want.real())) < 1e-12);
  }
}

TEST_CASE("dss: gradients of all parameters agree with finite differences in every version") {
  for (const DssVersion version : all_versions)
    for (const bool sep_dt : {true, false})
      for (const index_t L : {1, 2, 19}) {
        Dss1<double> p(version, 2, 3, 4, sep_dt);
        if (p.form.clips()) p.Lambda(0, 0) = 0.7, p.Lambda(1, 0) = -0.7;  // one is clipped, one is not
        const GradCheck check = kernel_grad_check(p, L, 1.5);
        INFO(to_string(version) << " L " << L << (sep_dt ? " two steps: " : " one step: ") << check.text());
        CHECK(check.error < 1e-7);
      }
}

TEST_CASE("dss: gradients inside the guards agree with finite differences") {
  for (const DssVersion version : {DssVersion::softmax, DssVersion::exp, DssVersion::clip})
    for (const double epsilon : {0.3, 10.}) {
      Dss1<double> p({.version = version, .epsilon = epsilon}, 2, 2, 4);
      const GradCheck check = kernel_grad_check(p, 11);
      INFO(to_string(version) << " epsilon " << epsilon << ": " << check.text());
      CHECK(check.error < 1e-7);
      CHECK(kernel_error(p, 11) < 1e-12);
    }
}

TEST_CASE("dss: a clipped real part has no gradient, an unclipped one has") {
  Dss1<double> p({.version = DssVersion::clip, .max_real_Lambda = 0.25}, 1, 1, 3);
  p.Lambda(0, 0) = 2;
  p.Lambda(1, 0) = 0.25;  // at the bound the slope is 1, as a clamp's
  p.Lambda(2, 0) = -1;
  Tape<double> tape;
  const DssVars<double> v = p.on(tape, true);
  const auto K = ssm_kernel(tape, v, 9);
  tape.backward(K, K.value());
  CHECK(v.Lambda.grad()(0, 0) == 0);
  CHECK(v.Lambda.grad()(1, 0) != 0);
  CHECK(v.Lambda.grad()(2, 0) != 0);
  CHECK(v.Lambda.grad()(0, 1) != 0);
}

TEST_CASE("dss: modes at and near Lambda = 0 stay finite, value and gradient") {
  for (const DssVersion version : all_versions)
    for (const double size : {0., 1e-300, 1e-30, 1e-8, 1e-4}) {
      Dss1<double> p(version, 1, 2, 4);
      for (index_t n = 0; n < 4; ++n) {
        p.Lambda(n, 0) = n % 2 == 0 ? size : -size;
        p.Lambda(n, 1) = n < 2 ? size : 0;
        p.re(n) = std::log(std::max(size, 1e-300));
        p.im(n) = version == DssVersion::exp_re_im ? p.re(n) : size;
      }
      INFO(to_string(version) << " |Lambda| " << size);
      CHECK(gradients_are_finite(p, 50));
      // absolute, for the kernel itself may be 0
      Tape<double> tape;
      const auto K = ssm_kernel(tape, p.on(tape), 50);
      double error = 0;
      for (index_t l = 0; l < 50; ++l) error = std::max(error, std::abs(K.value()(0, 1, l) - naive(p, 0, 1, l, 50)));
      CHECK(error < 1e-12);
    }
}

namespace {

// Frequencies from 0.2 to about 80 N, the spread of the usual start.
template <class T>
Dss1<T> spread(DssVersion version, index_t N, double dt) {
  Dss1<T> p(version, 1, 2, N);
  p.set_dt(dt);
  for (index_t n = 0; n < N; ++n) {
    const double part = static_cast<double>(n + 1) / static_cast<double>(N);
    const double frequency = 0.2 + 80 * static_cast<double>(N) * part * part;
    p.Lambda(n, 0) = T(n % 5 == 4 ? 0.3 : -0.5);
    p.re(n) = T(std::log(0.5));
    p.Lambda(n, 1) = T(frequency);
    p.im(n) = T(version == DssVersion::exp_re_im ? std::log(frequency) : frequency);
  }
  return p;
}

}  // namespace

TEMPLATE_TEST_CASE("dss: no NaN for steps from 1e-4 to 1, up to 256 modes and 2^17 samples", "", float, double) {
  using T = TestType;
  for (const DssVersion version : all_versions)
    for (const double dt : {1e-4, 1.}) {
      INFO(to_string(version) << " dt " << dt);
      for (const index_t N : {1, 2, 31, 256}) CHECK(gradients_are_finite(spread<T>(version, N, dt), 1024));
      CHECK(gradients_are_finite(spread<T>(version, 2, dt), index_t(1) << 17));
    }
}

TEST_CASE("dss: growing modes do not overflow and peak at the last sample") {
  const index_t L = index_t(1) << 17;
  Dss1<double> p(DssVersion::softmax, 1, 1, 1);
  p.set_dt(1);
  p.Lambda(0, 0) = 3;
  p.Lambda(0, 1) = 0;
  p.W(0, 0, 0, 0) = 1;
  p.W(0, 0, 0, 1) = 0;
  Tape<double> tape;
  const auto K = ssm_kernel(tape, p.on(tape), L);
  CHECK(std::abs(K.value()(0, 0, L - 1) - (1 - std::exp(-3.)) / 3) < 1e-8);  // the guard: 1e-7 / 9
  CHECK(K.value()(0, 0, 0) == 0);
  CHECK(detail::all_finite(K.value()));
}

TEST_CASE("dss: the recurrence equals the kernel wherever no mode grows, states included") {
  const index_t B = 2, C = 2, H = 3, N = 4, L = 40;
  for (const DssVersion version : all_versions) {
    Dss1<double> p(version, C, H, N);
    for (index_t n = 0; n < N; ++n) p.Lambda(n, 0) = -std::abs(p.Lambda(n, 0));
    const auto u = random<double>(Extents<3>{B, H, L}, 11);
    Tape<double> tape;
    const auto in = tape.input(u);
    const auto by_fft = ssm(in, p.on(tape), {}, {.algorithm = Algorithm::fft}).y;
    const auto by_scan = ssm(in, p.on(tape), {}, {.algorithm = Algorithm::scan}).y;
    Tensor<double, 3> want(B, C * H, L);
    for (index_t b = 0; b < B; ++b)
      for (index_t c = 0; c < C; ++c)
        for (index_t h = 0; h < H; ++h)
          for (index_t l = 0; l < L; ++l)
            for (index_t j = 0; j <= l; ++j) want(b, c * H + h, l) += naive(p, c, h, l - j, L) * u(b, h, j);
    INFO(to_string(version));
    CHECK(relative_error(by_fft.value(), want.view()) < 1e-12);
    CHECK(relative_error(by_scan.value(), want.view()) < 1e-12);
  }
}

TEST_CASE("dss: with a fixed softmax length, pieces of a sequence with a state equal the whole") {
  const index_t H = 2, L = 30, cut = 11;
  Dss1<double> p({.version = DssVersion::softmax, .softmax_length = L}, 1, H, 4);
  for (index_t n = 0; n < 4; ++n) p.Lambda(n, 0) = -std::abs(p.Lambda(n, 0));
  const auto u = random<double>(Extents<3>{1, H, L}, 11);
  Tape<double> tape;
  const auto whole = ssm(tape.input(u), p.on(tape), {}).y;
  const auto first = ssm(tape.input(u.view().slice(2, 0, cut)), p.on(tape), {}, {}, {}, true);
  const auto second = ssm(tape.input(u.view().slice(2, cut, L)), p.on(tape), {}, {}, first.state).y;
  CHECK(relative_error(first.y.value(), whole.value().slice(2, 0, cut)) < 1e-12);
  CHECK(relative_error(second.value(), whole.value().slice(2, cut, L)) < 1e-12);
}

TEST_CASE("dss: a fixed softmax spans the same time at any rate, and growing modes stand at its end") {
  const index_t H = 2, L = 31, half = 16;
  Dss1<double> fixed({.version = DssVersion::softmax, .softmax_length = L}, 1, H, 4);
  Dss1<double> free({.version = DssVersion::softmax}, 1, H, 4);
  fixed.Lambda(0, 0) = free.Lambda(0, 0) = 0.5;
  Tape<double> tape;
  const auto of_half = ssm_kernel(tape, free.on(tape), half, 2);  // 16 samples of twice the step
  CHECK(relative_error(ssm_kernel(tape, fixed.on(tape), half, 2).value(), of_half.value()) == 0);
}

TEST_CASE("dss: the whole layer's gradients agree with finite differences") {
  const index_t B = 2, C = 2, H = 2, N = 3, L = 13;
  auto u = random<double>(Extents<3>{B, H, L}, 11);
  auto D = random<double>(Extents<2>{C / 2, H}, 12);
  for (const DssVersion version : {DssVersion::softmax, DssVersion::clip}) {  // growing modes among them
    Dss1<double> p(version, C, H, N);
    const SsmCall call{.bidirectional = true, .kernel_length = 7};
    const GradCheck check = grad_check(
        [&](Tape<double>&, auto in, auto skip, auto log_dt, auto Lambda, auto W) {
          return ssm(in, DssVars<double>{log_dt, Lambda, {}, {}, W, p.form}, skip, call).y;
        },
        u, D, p.log_dt, p.Lambda, p.W);
    INFO(to_string(version) << ": " << check.text());
    CHECK(check.error < 1e-7);
  }
}

TEST_CASE("dss: the gradients are the same bits for any number of threads") {
  const Dss1<float> p(DssVersion::softmax, 2, 37, 19);
  auto gradients = [&](int threads) {
    set_num_threads(threads);
    Tape<float> tape;
    const DssVars<float> v = p.on(tape, true);
    const auto K = ssm_kernel(tape, v, 300);
    tape.backward(K, K.value());
    Tensor<float, 2> Lambda(19, 2), log_dt(37, 2);
    copy(Lambda.view(), v.Lambda.grad());
    copy(log_dt.view(), v.log_dt.grad());
    set_num_threads(0);
    return std::pair(std::move(Lambda), std::move(log_dt));
  };
  const auto one = gradients(1), three = gradients(3);
  CHECK(relative_error(one.first, three.first) == 0);
  CHECK(relative_error(one.second, three.second) == 0);
}

TEST_CASE("dss: parameters without a gradient are left out") {
  const Dss1<double> p(DssVersion::softmax);
  Tape<double> tape;
  DssVars<double> v = p.on(tape);
  v.W = tape.variable(p.W.view());
  const auto K = ssm_kernel(tape, v, 9);
  tape.backward(K, K.value());
  CHECK(v.W.grad().data() != nullptr);
  CHECK(v.log_dt.grad().data() == nullptr);
  CHECK(v.Lambda.grad().data() == nullptr);
}

TEST_CASE("dss: gradients are added to") {
  const Dss1<double> p(DssVersion::exp);
  Tape<double> tape;
  const DssVars<double> v = p.on(tape, true);
  const auto K = ssm_kernel(tape, v, 9), again = ssm_kernel(tape, v, 9);
  detail::add_to(tape.grad_to_add(K), again.value());
  tape.backward(again, K.value());
  Tape<double> other;
  const DssVars<double> w = p.on(other, true);
  const auto once = ssm_kernel(other, w, 9);
  other.backward(once, once.value());
  for (index_t n = 0; n < 4; ++n) {
    CHECK(v.Lambda_re.grad()(n) == 2 * w.Lambda_re.grad()(n));
    CHECK(v.Lambda_im.grad()(n) == 2 * w.Lambda_im.grad()(n));
  }
  CHECK(v.log_dt.grad()(1, 1) == 2 * w.log_dt.grad()(1, 1));
  CHECK(v.W.grad()(1, 2, 3, 1) == 2 * w.W.grad()(1, 2, 3, 1));
}

TEST_CASE("dss: what cannot be is one clear error") {
  CHECK(error_text<ValueError>([] { parse_dss_version("softmin"); }) ==
        "DSS version: 'softmin' is unknown, expected one of softmax, exp, exp-re-im, exp-no-scale, clip, "
        "clip-no-scale");
  for (const DssVersion version : all_versions) CHECK(parse_dss_version(to_string(version)) == version);

  Tape<double> tape;
  const Dss1<double> p(DssVersion::softmax), q(DssVersion::exp_re_im);
  DssVars<double> v = p.on(tape), w = q.on(tape);
  v.form.version = DssVersion::exp;
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, v, 5); }) ==
        "dss: version exp takes Lambda_re and Lambda_im (N)");
  w.form.version = DssVersion::clip;
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, w, 5); }) == "dss: version clip takes Lambda (N, 2)");

  DssVars<double> wrong = q.on(tape);
  const auto other = random<double>(Extents<1>{5});
  wrong.Lambda_im = tape.input(other);
  CHECK(error_text<ShapeError>([&] { ssm_kernel(tape, wrong, 5); }) == "dss_modes: Lambda_im is (N=5), expected (N=4)");
  wrong = p.on(tape);
  const auto steps = random<double>(Extents<2>{3, 3});
  wrong.log_dt = tape.input(steps);
  CHECK(error_text<ShapeError>([&] { ssm_kernel(tape, wrong, 5); }) == "dss_modes: log_dt is (3, 3), expected (3, 2)");
  wrong = p.on(tape);
  const auto pairs = random<double>(Extents<2>{4, 3});
  wrong.Lambda = tape.input(pairs);
  CHECK(error_text<ShapeError>([&] { ssm_kernel(tape, wrong, 5); }) == "dss: Lambda is (4, 3), expected (4, 2)");
  wrong = p.on(tape);
  wrong.form.epsilon = 0;
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, wrong, 5); }) ==
        "dss_modes: epsilon is 0.000000, expected more than 0");

  Dss1<double> growing({.version = DssVersion::softmax, .softmax_length = 30}, 1, 1, 1);
  growing.Lambda(0, 0) = 0.5;
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, growing.on(tape), 20); }) ==
        "dss_modes: a mode with Re Lambda > 0 is scaled to the last sample of the softmax, 30, the kernel has 20");
  CHECK(error_text<ValueError>([&] { ssm_kernel(tape, growing.on(tape), 30); }).empty());
}

TEST_CASE("dss: no features, no modes, no samples") {
  for (const DssVersion version : all_versions)
    for (const Extents<3>& sizes : {Extents<3>{0, 3, 5}, Extents<3>{2, 0, 5}, Extents<3>{2, 3, 0}}) {
      const Dss1<double> p(version, 2, sizes[0], sizes[1]);
      Tape<double> tape;
      const DssVars<double> v = p.on(tape, true);
      const auto K = ssm_kernel(tape, v, sizes[2]);
      CHECK(K.sizes() == Extents<3>{2, sizes[0], sizes[2]});
      tape.backward(K, K.value());
      for (index_t i = 0; i < K.value().count(); ++i) CHECK(K.value().data()[i] == 0);
      CHECK(detail::all_finite(v.log_dt.grad()));
    }
}
