#include "longwave/models/sar_focus.hpp"

#include "longwave/autograd/functions/loss.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/stream/session.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Z = complex<double>;

constexpr const char* activation_list[] = {"leakyrelu", "relu",      "gelu",     "tanh",        "sigmoid",    "silu",
                                           "glu",       "hardswish", "hardtanh", "hardsigmoid", "hardshrink", "prelu"};

double activated(const std::string& name, double x, double slope) {
  const double gate = std::clamp(x / 6 + 0.5, 0.0, 1.0);
  if (name == "leakyrelu") return x > 0 ? x : 0.125 * x;
  if (name == "relu") return std::max(x, 0.0);
  if (name == "gelu") return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (name == "tanh") return std::tanh(x);
  if (name == "sigmoid") return 1 / (1 + std::exp(-x));
  if (name == "silu") return x / (1 + std::exp(-x));
  if (name == "hardswish") return x * gate;
  if (name == "hardtanh") return std::clamp(x, -1.0, 1.0);
  if (name == "hardsigmoid") return gate;
  if (name == "hardshrink") return std::abs(x) > 0.5 ? x : 0;
  return x > 0 ? x : slope * x;  // prelu
}

using Matrix = Tensor<double, 2>;  // (features, L)

Matrix linear(const Linear<double>& f, const Matrix& x) {
  Matrix y(f.weight.value.size(0), x.size(1));
  for (index_t o = 0; o < y.size(0); ++o)
    for (index_t l = 0; l < y.size(1); ++l) {
      y(o, l) = f.bias.value(o);
      for (index_t i = 0; i < x.size(0); ++i) y(o, l) += f.weight.value(o, i) * x(i, l);
    }
  return y;
}

// One layer as a dense recurrence of full states: s' = e^{dt w} s + u, y = 2 Re sum C (e^{dt w} - 1) / w s + D u.
// Two-sided: the second half of the kernels runs from the end and starts one sample later.
Matrix layer(SarLayer<double>& f, const std::string& act, const Matrix& u) {
  const auto& k = f.ssm.kernel;
  const index_t H = u.size(0), L = u.size(1), N = k.w_imag.value.size(1), channels = f.ssm.D.value.size(0);
  Matrix y(channels * H, L);
  for (index_t c = 0; c < k.C.value.size(0); ++c)
    for (index_t h = 0; h < H; ++h) {
      const bool back = c >= channels;
      double* row = &y(c % channels * H + h, 0);
      const double dt = std::exp(k.log_dt.value(h, 0));
      for (index_t l = 0; l < L && !back; ++l) row[l] += f.ssm.D.value(c, h) * u(h, l);
      for (index_t n = 0; n < N; ++n) {
        const Z w(-std::exp(k.log_w_real.value(0, n)), -k.w_imag.value(0, n)), a = exp(dt * w);
        const Z weight = Z(k.C.value(c, h, n, 0), k.C.value(c, h, n, 1)) * ((a - Z(1)) / w);
        Z s;
        for (index_t i = 0; i < L; ++i) {
          const index_t l = back ? L - 1 - i : i;
          if (back) row[l] += 2 * (weight * s).re;  // future samples alone
          s = a * s + Z(u(h, l));
          if (!back) row[l] += 2 * (weight * s).re;
        }
      }
    }
  Matrix v(H, L);
  for (index_t h = 0; h < H; ++h)
    for (index_t l = 0; l < L; ++l)
      v(h, l) = act == "glu" ? y(h, l) / (1 + std::exp(-y(H + h, l)))
                             : activated(act, y(h, l), f.slope.value.count() > 0 ? f.slope.value(0) : 0);
  return linear(f.output_linear, v);
}

Matrix model(SarFocus<double>& f, const std::string& act, const Tensor<double, 3>& x, index_t b) {
  Matrix rows(3, x.size(1));
  for (index_t l = 0; l < x.size(1); ++l)
    for (index_t i = 0; i < 3; ++i) rows(i, l) = x(b, l, i);
  Matrix h = linear(f.stack->fc1, rows);
  for (auto& one : f.stack->ssm) {
    const Matrix v = layer(one, act, h);
    for (index_t i = 0; i < h.count(); ++i) h.data()[i] = v.data()[i] + (f.options.residual ? h.data()[i] : 0);
  }
  return linear(f.stack->fc2, h);
}

SarFocusOptions options_with(const std::string& act) {
  SarFocusOptions o;
  o.act_fun = act;
  o.num_layers = 2;
  return o;
}

// Steps over x (B, L, 3), after which come `late` samples of no signal; outputs from `late` on: (B, L, 2).
template <class T>
Tensor<T, 3> stepped(SarFocus<T>& f, const Tensor<T, 3>& x, index_t late) {
  const index_t B = x.size(0), L = x.size(1);
  Tensor<T, 3> y(B, L, 2);
  Session session(f, B);
  for (index_t l = 0; l < L + late; ++l) {
    for (index_t b = 0; b < B; ++b)
      for (index_t i = 0; i < 3; ++i) session.input()(b, i) = l < L || i == 2 ? x(b, l < L ? l : 0, i) : T(0.5);
    session.step();
    for (index_t b = 0; b < B && l >= late; ++b)
      for (index_t i = 0; i < 2; ++i) y(b, l - late, i) = session.output()(b, i);
  }
  return y;
}

// Lines around 1/2, each at one position.
template <class T>
Tensor<T, 3> lines(index_t B, index_t L) {
  auto x = random<T>(Extents(B, L, 3), 9, T(0.2));
  for (index_t b = 0; b < B; ++b)
    for (index_t l = 0; l < L; ++l)
      for (index_t i = 0; i < 3; ++i) x(b, l, i) = i < 2 ? x(b, l, i) + T(0.5) : T(0.25) * static_cast<T>(b);
  return x;
}

template <class T>
SarFocus<T> wide(bool bidirectional = true, index_t layers = 1) {
  auto o = wide_sar_focus();
  o.hidden_state_size = 12;
  o.taps = 9;
  o.bidirectional = bidirectional;
  o.num_layers = layers;
  o.residual = layers > 1;
  Generator gen(3);
  SarFocus<T> f(o, gen);
  for (auto& one : f.filter) {
    gen.normal(one.C.value.view());
    gen.normal(one.rate.value.view());
  }
  return f;
}

}  // namespace

TEST_CASE("sar focus: 150 parameters by name, two groups, the modes' start") {
  Generator gen(1);
  SarFocus<double> f({}, gen);
  CHECK(count_parameters(f) == 150);
  const auto shapes = state_shapes<double>(f);
  CHECK(shapes.size() == 2 + 4 * 7 + 2);
  CHECK(std::vector<std::string>(shapes.begin(), shapes.begin() + 9) ==
        std::vector<std::string>{"fc1.weight 2 3", "fc1.bias 2", "ssm.0.D 1 2", "ssm.0.kernel.C 1 2 4 2",
                                 "ssm.0.kernel.log_dt 2 1", "ssm.0.kernel.log_w_real 1 4", "ssm.0.kernel.w_imag 1 4",
                                 "ssm.0.output_linear.weight 2 2", "ssm.0.output_linear.bias 2"});
  for (const auto& p : parameters<double>(f)) {
    const bool ssm = p.name.ends_with("log_dt") || p.name.ends_with("log_w_real") || p.name.ends_with("w_imag");
    CHECK(p.group.has_weight_decay() == ssm);
    CHECK((!ssm || p.group.weight_decay == 0));
    CHECK(!p.group.has_lr());
  }
  const double imag[] = {17.82535, 4.24413, 1.52789, 0.36378};
  const auto& kernel = f.stack->ssm[0].ssm.kernel;
  for (index_t n = 0; n < 4; ++n) {
    CHECK(kernel.w_imag.value(0, n) == Approx(imag[n]).epsilon(1e-5));
    CHECK(kernel.log_w_real.value(0, n) == Approx(std::log(0.5 + 1e-4)));
  }
  for (index_t h = 0; h < 2; ++h) {
    CHECK(kernel.log_dt.value(h, 0) >= std::log(1e-3));
    CHECK(kernel.log_dt.value(h, 0) <= std::log(0.1));
  }
}

TEST_CASE("sar focus: 8 + n (6 N + 10) + 6 parameters, other frequencies by name") {
  Generator gen(1);
  for (const index_t n : {1, 6})
    for (const index_t N : {2, 16}) {
      SarFocusOptions o;
      o.num_layers = n;
      o.hidden_state_size = 2 * N;
      o.scaling = "linear";
      SarFocus<float> f(o, gen);
      CHECK(count_parameters(f) == 14 + n * (6 * N + 10));
      CHECK(f.stack->ssm[0].ssm.kernel.w_imag.value(0, 1) == Approx(std::numbers::pi));
      o.scaling = "quadratic";
      CHECK(SarFocus<float>(o, gen).stack->ssm[0].ssm.kernel.w_imag.value(0, 1) == Approx(9 / std::numbers::pi));
    }
}

TEST_CASE("sar focus: C holds B, of unit gain for random input and constant signal") {
  Generator gen(4);
  double sum = 0;
  const index_t layers = 200;
  SarFocusOptions o;
  o.num_layers = layers;
  SarFocus<double> f(o, gen);
  for (const auto& one : f.stack->ssm) {  // sum_n |C B_n / w_n|^2 is 1/2 in the mean
    const auto& k = one.ssm.kernel;
    for (index_t h = 0; h < 2; ++h)
      for (index_t n = 0; n < 4; ++n)
        sum += norm2(Z(k.C.value(0, h, n, 0), k.C.value(0, h, n, 1))) /
               norm2(Z(std::exp(k.log_w_real.value(0, n)), k.w_imag.value(0, n)));
  }
  CHECK(sum / (2 * static_cast<double>(layers)) == Approx(0.5).epsilon(0.15));
}

TEST_CASE("sar focus: every activation equals a dense recurrence, and has the right gradients") {
  for (const std::string act : activation_list)
    for (const bool two_sided : {false, true}) {
      auto o = options_with(act);
      o.bidirectional = two_sided;
      o.residual = act == "tanh";
      Generator gen(2);
      SarFocus<double> f(o, gen);
      const index_t L = 13;
      auto x = lines<double>(2, L);
      Tape<double> tape;
      const auto y = f(tape, tape.input(x)).value();
      double error = 0;
      for (index_t b = 0; b < 2; ++b) {
        const Matrix want = model(f, act, x, b);
        for (index_t l = 0; l < L; ++l)
          for (index_t i = 0; i < 2; ++i) error = std::max(error, std::abs(y(b, l, i) - want(i, l)));
      }
      INFO(act << (two_sided ? ", two-sided" : ""));
      CHECK(error < 1e-12);
      // A kink within the step of a difference would show; with these draws there is none.
      CHECK(parameter_error(f, [&](Tape<double>& t) { return f(t, t.input(x)); }) < 1e-6);
      const GradCheck check = grad_check([&](Tape<double>& t, auto v) { return f(t, v); }, x);
      INFO(check.text());
      CHECK(check.error < 1e-7);
    }
}

TEST_CASE("sar focus: the kernel agrees with a dense recurrence over thousands of samples") {
  Generator gen(6);
  SarFocus<double> f({}, gen);
  const index_t L = 3000;
  const auto x = lines<double>(1, L);
  const Matrix want = model(f, "leakyrelu", x, 0);
  Tape<double> tape;
  for (const Algorithm form : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    for (auto& one : f.stack->ssm) one.ssm.options.algorithm = form;
    const auto y = f(tape, tape.input(x)).value();
    double error = 0, largest = 0;
    for (index_t l = 0; l < L; ++l)
      for (index_t i = 0; i < 2; ++i) {
        error = std::max(error, std::abs(y(0, l, i) - want(i, l)));
        largest = std::max(largest, std::abs(want(i, l)));
      }
    CHECK(error < 1e-10 * largest);
  }
}

TEMPLATE_TEST_CASE("sar focus: step == convolution", "", float, double) {
  using T = TestType;
  const double bound = sizeof(T) == 4 ? 1e-4 : 1e-10;
  for (const std::string act : activation_list) {
    Generator gen(2);
    auto o = options_with(act);
    o.batch_norm = act == "relu";
    if (act == "gelu") o.norm = NormKind::layer;
    SarFocus<T> f(o, gen);
    const auto x = lines<T>(3, 150);
    Tape<T> tape;
    INFO(act);
    CHECK(relative_error(stepped(f, x, 0).view(), f(tape, tape.input(x)).value()) < bound);
  }
}

TEMPLATE_TEST_CASE("sar focus: the filters step like they convolve, late by delay()", "", float, double) {
  using T = TestType;
  const double bound = sizeof(T) == 4 ? 1e-4 : 1e-10;
  for (const bool bidirectional : {true, false})
    for (const index_t layers : {1, 3}) {
      auto f = wide<T>(bidirectional, layers);
      CHECK(f.delay() == (bidirectional ? 9 * layers : 0));
      const auto x = lines<T>(2, 60);
      Tape<T> tape;
      // A stream goes on before and after the line, where the next filter of a whole line has no signal.
      const index_t edge = bidirectional ? 9 * (layers - 1) : 0;
      const auto y = f(tape, tape.input(x)).value();
      const auto steps = stepped(f, x, f.delay());
      CHECK(relative_error(steps.view().slice(1, edge, 60 - edge), y.slice(1, edge, 60 - edge)) < bound);
    }
}

TEST_CASE("sar focus: a session goes on where a prefill ends") {
  Generator gen(2);
  SarFocus<double> networks[] = {SarFocus<double>({}, gen), wide<double>(), wide<double>(false, 2)};
  for (auto& f : networks) {
    const index_t B = 2, L = 30;
    const auto x = lines<double>(B, L);
    Tensor<double, 3> rows(B, 3, L);
    copy(rows.view(), TensorView<const double, 3>(x.view()).transpose(1, 2));
    Session all(f, B), ahead(f, B);
    ahead.prefill(rows.view().slice(2, 0, 7));
    ahead.prefill(rows.view().slice(2, 7, 17));
    double error = 0;
    for (index_t l = 0; l < L; ++l) {
      for (Session<SarFocus<double>>* s : {&all, &ahead}) {
        if (s == &ahead && l < 17) continue;
        for (index_t i = 0; i < 3 * B; ++i) s->input()(i / 3, i % 3) = x(i / 3, l, i % 3);
        s->step();
      }
      if (l >= 16) error = std::max(error, relative_error(ahead.output(), all.output()));
    }
    CHECK(error < 1e-10);
  }
}

TEST_CASE("sar focus: filters have the right gradients through the whole model") {
  auto f = wide<double>(true, 2);
  auto x = lines<double>(2, 15);
  CHECK(parameter_error(f, [&](Tape<double>& t) { return f(t, t.input(x)); }) < 1e-6);
}

TEST_CASE("sar focus: batch norm keeps statistics, dropout drops in training alone") {
  Generator gen(2);
  SarFocusOptions o;
  o.batch_norm = true;
  o.dropout = 0.5;
  SarFocus<double> f(o, gen);
  CHECK(count_parameters(f) == 150 + 4 * 4);
  CHECK(state_shapes<double>(f).back() == "bn.3.norm.num_batches_tracked");
  const auto x = lines<double>(2, 20);
  Tape<double> tape;
  Tensor<double, 3> before(2, 20, 2);
  copy(before.view(), f(tape, tape.input(x)).value());
  CHECK(relative_error(f(tape, tape.input(x)).value(), TensorView<const double, 3>(before.view())) == 0);
  tape.train(gen);
  f(tape, tape.input(x));
  tape.evaluate();
  CHECK(relative_error(f(tape, tape.input(x)).value(), TensorView<const double, 3>(before.view())) > 1e-3);
  CHECK(f.stack->norm[0].kind == NormKind::batch);
}

TEST_CASE("sar focus: a chirp's matched filter is learned from other lines") {
  // Lines of random echoes and what focuses them: a chirp whose rate depends on the position, M lags on each side.
  const index_t L = 80, M = 20, B = 5;
  set_num_threads(1);
  Generator gen(8);
  Tensor<double, 3> x(B, L, 3), want(B, L, 2), echoes(B, L, 2);
  const auto draw = [&](double shift) {
    gen.normal(echoes.view(), 0, 0.15);
    for (index_t b = 0; b < B; ++b) {
      const double p = (static_cast<double>(b) + shift) / static_cast<double>(B), q = 2 * p - 1;
      std::vector<Z> sums(static_cast<std::size_t>(L));
      for (index_t lag = -M; lag < M; ++lag) {
        const double phase = 0.07 * (1 + 0.04 * q) * static_cast<double>(lag * lag);
        const double taper = std::cos(std::numbers::pi / 2 * static_cast<double>(lag) / static_cast<double>(M));
        const Z tap = (taper / std::sqrt(20.0)) * Z(std::cos(phase), -std::sin(phase));
        for (index_t l = std::max<index_t>(0, -lag); l < std::min(L, L - lag); ++l)
          sums[static_cast<std::size_t>(l)] += tap * Z(echoes(b, l + lag, 0), echoes(b, l + lag, 1));
      }
      for (index_t l = 0; l < L; ++l) {
        for (index_t i = 0; i < 2; ++i) x(b, l, i) = 0.5 + echoes(b, l, i);
        x(b, l, 2) = p;
        want(b, l, 0) = 0.5 + sums[static_cast<std::size_t>(l)].re;
        want(b, l, 1) = 0.5 + sums[static_cast<std::size_t>(l)].im;
      }
    }
  };
  auto o = wide_sar_focus();
  o.hidden_state_size = o.taps = M;
  SarFocus<double> f(o, gen);
  AdamW<double> optimizer(f, {.lr = 0.05, .weight_decay = 0});
  Tape<double> tape;
  const auto error = [&] {
    tape.rewind();
    return mse(f(tape, tape.input(x)), tape.input(want));
  };
  draw(0.5);
  const double before = error().value()();
  for (int i = 0; i < 300; ++i) {
    draw(0.5);
    optimizer.set_lr(0.05 * (1 - i / 300.0));
    tape.backward(error());
    optimizer.step();
  }
  draw(0.1);  // positions between those that were learned, and one before them
  CHECK(error().value()() < before / 30);
  CHECK(f.filter[0].rate.value(0) > 0.1);  // a chirp's rate goes like the square of the clock's: 0.02 M = 0.4
  set_num_threads(0);
}

TEST_CASE("sar focus: the same bits for 1, 2 and 8 threads") {
  const auto train = [](int threads, bool wide_one) {
    set_num_threads(threads);
    Generator gen(2);
    auto o = wide_one ? wide_sar_focus() : SarFocusOptions();
    if (wide_one) o.hidden_state_size = o.taps = 32;
    SarFocus<float> f(o, gen);
    AdamW<float> optimizer(f, {.lr = 0.01, .weight_decay = 0.01});
    const auto x = lines<float>(5, 700);
    const auto target = random<float>(Extents(5, 700, 2), 3);
    Tape<float> tape;
    for (int i = 0; i < 2; ++i) {
      tape.rewind();
      tape.backward(mse(f(tape, tape.input(x)), tape.input(target)));
      optimizer.step();
    }
    set_num_threads(0);
    std::vector<float> numbers;
    for (const auto& p : parameters<float>(f)) numbers.insert(numbers.end(), p.value, p.value + p.count);
    return numbers;
  };
  for (const bool wide_one : {false, true}) {
    const auto want = train(1, wide_one);
    CHECK(train(2, wide_one) == want);
    CHECK(train(8, wide_one) == want);
  }
}

TEST_CASE("sar focus: empty batches, and what cannot be is named") {
  Generator gen(2);
  SarFocus<float> f({}, gen);
  auto filters = wide<float>();
  Tape<float> tape;
  Tensor<float, 3> none(0, 5, 3), no_line(2, 0, 3), wrong(2, 5, 2);
  for (auto* one : {&f, &filters}) {
    CHECK((*one)(tape, tape.input(none)).sizes() == Extents<3>(0, 5, 2));
    CHECK((*one)(tape, tape.input(no_line)).sizes() == Extents<3>(2, 0, 2));
    CHECK(error_text<ShapeError>([&] { (*one)(tape, tape.input(wrong)); }) ==
          "SarFocus: x is (B=2, L=5, C=2), expected C = 3: I, Q and the position");
  }
  SarFocusOptions o;
  o.bidirectional = true;
  SarFocus<float> two_sided(o, gen);
  CHECK(error_text<ValueError>([&] { two_sided.make_state(1); }) ==
        "SarLayer::make_state: a bidirectional layer needs the whole sequence");
  o.bidirectional = false;
  o.norm = NormKind::instance;
  SarFocus<float> over_lines(o, gen);
  CHECK(error_text<ValueError>([&] { over_lines.make_state(1); }) ==
        "SarFocus::make_state: this norm needs the whole line");
  o.num_layers = 0;
  CHECK(error_text<ValueError>([&] { SarFocus<float>(o, gen); }) == "SarFocus: num_layers is 0, expected at least 1");
  o.num_layers = 1;
  o.hidden_state_size = 7;
  CHECK(error_text<ValueError>([&] { SarFocus<float>(o, gen); }) ==
        "SarLayer: d_state is 7, expected an even number of at least 2 (modes come in conjugate pairs)");
  o.hidden_state_size = 8;
  o.act_fun = "swishy";
  CHECK(error_text<ValueError>([&] { SarFocus<float>(o, gen); }).find("'swishy' is unknown") != std::string::npos);
}
