#include "longwave/nn/s4_diag.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/shape.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class Kernel>
Kernel make_kernel(KernelShape shape, S4Options options = {}, std::uint64_t seed = 1) {
  Generator gen(seed);
  return Kernel(shape, options, gen);
}

std::string error_of(KernelShape shape, S4Options options) {
  return error_text<ValueError>([&] { make_kernel<DiagKernel<double>>(shape, options); });
}

const double pi = std::acos(-1.0);

}  // namespace

static_assert(kernel_module<DiagKernel<float>>);
static_assert(kernel_module<DiagKernel<double, Host, Dss>>);

TEST_CASE("S4Diag: parameters carry the official names, order, shapes, learning rates and decay") {
  auto kernel = make_kernel<DiagKernel<float>>({.channels = 2, .d_model = 6, .d_state = 8}, {.n_ssm = 3});
  std::string names, shapes;
  kernel.for_each_parameter([&](const std::string& name, auto& p) {
    names += name + " ";
    shapes += to_string(p.value.sizes());
    CHECK(p.group.trainable);
    CHECK(p.group.has_lr() == (name != "C"));
    CHECK(p.group.has_weight_decay() == (name != "C"));
    if (name != "C") CHECK(p.group.lr == 1e-3);
    if (name != "C") CHECK(p.group.weight_decay == 0);
  });
  CHECK(names == "C inv_dt B A_real A_imag ");
  CHECK(shapes == "(2, 6, 4, 2)(6, 1)(1, 3, 4, 2)(3, 4)(3, 4)");

  auto real = make_kernel<DiagKernel<float>>({.d_model = 6, .d_state = 5},
                                             {.init = "diag-real", .dt_tie = false, .is_real = true});
  names = shapes = "";
  real.for_each_parameter([&](const std::string& name, auto& p) {
    names += name + " ";
    shapes += to_string(p.value.sizes());
  });
  CHECK(names == "C inv_dt B A_real ");
  CHECK(shapes == "(1, 6, 5, 1)(6, 5)(1, 6, 5, 1)(6, 5)");
  for (index_t n = 0; n < 5; ++n)
    CHECK(real.parameters.A_real.value(5, n) == Approx(std::log(static_cast<double>(n + 1))).margin(1e-7));
}

TEST_CASE("S4Diag: learning rates, one by one or one for the layer, 0 for constants") {
  const auto rates = [](KernelShape shape, S4Options o) {
    auto kernel = make_kernel<DiagKernel<float>>(shape, o);
    std::string text;
    kernel.for_each_parameter([&](const std::string& name, auto& p) {
      text += name + (p.group.trainable ? "" : " fixed") +
              (p.group.has_lr() ? " " + std::to_string(p.group.lr).substr(0, 5) : " -") + ", ";
    });
    return text;
  };
  const KernelShape shape{.d_model = 2, .d_state = 4};
  CHECK(rates(shape, {.lr_dt = 0, .lr_A = ParameterGroup::unset, .lr_B = 0.002, .lr_C = 0.005}) ==
        "C 0.005, inv_dt fixed 0.000, B 0.002, A_real -, A_imag -, ");
  CHECK(rates({.d_model = 2, .d_state = 4, .lr = 0.004}, {.lr_dt = 0}) ==
        "C 0.004, inv_dt 0.004, B 0.004, A_real 0.004, A_imag 0.004, ");
  auto frozen = make_kernel<DiagKernel<double>>(shape, {.lr_dt = 0, .lr_A = 0, .lr_B = 0});
  Tape<double> tape;
  const auto vars = frozen.on(tape).parameters;
  CHECK(!vars.inv_dt.needs_grad());
  CHECK(!vars.A_imag.needs_grad());
  CHECK(!vars.B.needs_grad());
  CHECK(vars.C.needs_grad());
  CHECK(parameters<double>(frozen).size() == 1);
  CHECK(state<double>(frozen).size() == 5);
}

TEST_CASE("S4Diag: the system at the start, under every way to store it") {
  // f, g, h differ, dt, A and B do not; what is stored of A is at least 1e-4.
  for (const Transform dt : {Transform::exp, Transform::none, Transform::sigmoid, Transform::softplus})
    for (const Transform real : {Transform::exp, Transform::none, Transform::sigmoid, Transform::softplus})
      for (const Transform imag : {Transform::exp, Transform::none, Transform::softplus})
        for (const bool fast : {false, true}) {
          auto kernel = make_kernel<DiagKernel<double>>({.d_model = 3, .d_state = 8, .dt_min = 1e-4, .dt_max = 0.9},
                                                        {.deterministic = true,
                                                         .dt_transform = dt,
                                                         .real_transform = real,
                                                         .imag_transform = imag,
                                                         .dt_fast = fast});
          Tape<double> tape;
          const ContinuousSystem<> s = kernel.on(tape).parameters.system(1);
          INFO(name_of(dt) << " " << name_of(real) << " " << name_of(imag) << " " << fast);
          const double steps[] = {1e-4, std::sqrt(1e-4 * 0.9), 0.9};
          for (index_t h = 0; h < 3; ++h)
            for (index_t n = 0; n < 4; ++n) {
              CHECK(s.dt(h, n) == Approx(steps[h]).epsilon(1e-10));
              CHECK(s.A(h, n).re == Approx(-0.5).epsilon(1e-12));
              CHECK(s.A(h, n).im == Approx(-std::max(1e-4, pi * static_cast<double>(n))).epsilon(1e-11));
              CHECK(s.B(h, n) == complex<double>(1));
              CHECK(s.C(0, h, n) == complex<double>(n == 0 ? 1 : 0));
            }
        }
  auto relu = make_kernel<DiagKernel<double>>({.d_model = 1, .d_state = 4}, {.deterministic = true,
                                                                             .dt_transform = Transform::relu,
                                                                             .real_transform = Transform::relu,
                                                                             .imag_transform = Transform::relu});
  Tape<double> tape;
  const ContinuousSystem<> s = relu.on(tape).parameters.system(1);
  CHECK(s.A(0, 0).re == Approx(-0.5001));
  CHECK(s.A(0, 0).im == Approx(-2e-4));  // not on relu's flat side
}

TEST_CASE("S4Diag: dt is log-uniform, C complex normal of variance 1, the seed repeats") {
  const KernelShape shape{.channels = 2, .d_model = 512, .d_state = 64, .dt_min = 1e-3, .dt_max = 1e-1};
  auto one = make_kernel<DiagKernel<double>>(shape), again = make_kernel<DiagKernel<double>>(shape);
  auto other = make_kernel<DiagKernel<double>>(shape, {}, 2);
  CHECK(relative_error(one.parameters.C.value, again.parameters.C.value) == 0);
  CHECK(relative_error(one.parameters.inv_dt.value, again.parameters.inv_dt.value) == 0);
  CHECK(relative_error(one.parameters.C.value, other.parameters.C.value) > 0.1);
  double low = 1, high = -100, mean = 0, square = 0;
  const auto& inv_dt = one.parameters.inv_dt.value;
  for (index_t h = 0; h < 512; ++h) {
    low = std::min(low, inv_dt(h, 0));
    high = std::max(high, inv_dt(h, 0));
    mean += inv_dt(h, 0) / 512;
  }
  CHECK(low >= std::log(1e-3) - 1e-12);
  CHECK(high <= std::log(1e-1) + 1e-12);
  CHECK(std::abs(mean - std::log(1e-2)) < 4 * std::log(100.0) / std::sqrt(12.0 * 512));  // 4 standard deviations
  const auto& C = one.parameters.C.value;
  for (index_t i = 0; i < C.count(); ++i) square += C.data()[i] * C.data()[i] / static_cast<double>(C.count() / 2);
  CHECK(std::abs(square - 1) < 4 * std::sqrt(1.0 / static_cast<double>(C.count() / 2)));
}

TEST_CASE("S4Diag: combinations and HiPPO starts reach the copies in turn") {
  auto kernel = make_kernel<DiagKernel<double>>({.d_model = 4, .d_state = 4}, {.init = "diag", .n_ssm = 2});
  Tape<double> tape;
  const ContinuousSystem<> s = kernel.on(tape).parameters.system(1);
  for (index_t h = 0; h < 4; ++h)  // diag-inv, diag-lin, diag-inv, diag-lin
    CHECK(s.A(h, 1).im == Approx(h % 2 == 0 ? -4 / pi * (4.0 / 3 - 1) : -pi));
  auto legs = make_kernel<DiagKernel<double>>({.d_model = 1, .d_state = 4}, {.init = "legs"});
  Tape<double> other;
  const ContinuousSystem<> hippo = legs.on(other).parameters.system(1);
  CHECK(hippo.A(0, 0).im == Approx(-4.60329301).epsilon(1e-8));
  CHECK(hippo.A(0, 1).im == Approx(-0.55650112).epsilon(1e-8));
  CHECK(hippo.A(0, 0).re == Approx(-0.5).epsilon(1e-10));
}

TEST_CASE("S4Diag: what cannot be is one clear error") {
  const KernelShape shape{.d_model = 6, .d_state = 8};
  CHECK(error_of({.d_model = 0}, {}) == "S4Diag: d_model is 0, expected at least 1");
  CHECK(error_of({.d_state = 7}, {}) ==
        "S4Diag: d_state is 7, expected an even number of at least 2 (modes come in conjugate pairs)");
  CHECK(error_of({.d_model = 2, .d_state = 7}, {.is_real = true}) == "");
  CHECK(error_of(shape, {.n_ssm = 4}) == "S4Diag: n_ssm is 4, expected 0 or a divisor of d_model, which is 6");
  CHECK(error_of(shape, {.n_ssm = -1}) == "S4Diag: n_ssm is -1, expected 0 or a divisor of d_model, which is 6");
  CHECK(error_of(shape, {.lr_A = -1}) == "S4Diag: a learning rate is -1.000000, expected at least 0");
  CHECK(error_of(shape, {.imag_transform = Transform::sigmoid}) ==
        "imag_transform: sigmoid cannot start at 3.141593, its values are between 0 and 1");
  CHECK(error_of({.d_model = 6, .d_state = 8, .dt_max = 2},
                 {.deterministic = true, .dt_transform = Transform::sigmoid}) ==
        "dt_transform: sigmoid cannot start at 2.000000, its values are between 0 and 1");
  CHECK(error_of(shape, {.init = "diag-cubic"}).find("ssm_init: unknown init 'diag-cubic', expected") == 0);
  CHECK(error_of(shape, {.B_init = "ones"}).find("ssm_init: unknown B_init 'ones', expected") == 0);
  CHECK(error_of({.dt_min = 0.1, .dt_max = 0.01}, {}).find("S4Diag: dt_min is 0.1") == 0);
}

TEMPLATE_TEST_CASE("S4Diag: the layer's steps are its forward, in pieces too", "", Zoh, Bilinear, Dss) {
  const index_t B = 2, H = 4, L = 19;
  Generator gen(3);
  S4Diag<double, Host, TestType> layer({.d_model = H, .d_state = 6, .channels = 2, .kernel = {.n_ssm = 2}}, gen);
  const auto u = random<double>(Extents<3>{B, H, L}, 4);
  Tape<double> tape;
  const auto y = layer(tape, tape.input(u));
  auto state = layer.make_state(B, StepOptions{.length = L});
  Tensor<double, 2> in(B, H), out(B, H);
  double error = 0;
  for (index_t l = 0; l < L; ++l) {
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < H; ++h) in(b, h) = u(b, h, l);
    layer.step(in.view(), state, out.view());
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < H; ++h) error = std::max(error, std::abs(out(b, h) - y.value()(b, h, l)));
  }
  CHECK(error < 1e-12);
  if (std::is_same_v<TestType, Dss>) return;  // pieces are other lengths, and so other kernels
  const auto whole = tape.input(u);
  const auto first = layer.forward(tape, contiguous(slice(whole, 2, 0, 7)), {});
  const auto second = layer.forward(tape, contiguous(slice(whole, 2, 7, L)), first.state);
  CHECK(relative_error(first.y.value(), y.value().slice(2, 0, 7)) < 1e-12);
  CHECK(relative_error(second.y.value(), y.value().slice(2, 7, L)) < 1e-12);
}

TEST_CASE("S4Diag: a two-sided layer with every option trains all of its parameters") {
  Generator gen(3);
  S4Diag<double> layer({.d_model = 4,
                        .d_state = 6,
                        .bidirectional = true,
                        .kernel = {.n_ssm = 2, .dt_transform = Transform::softplus, .dt_tie = false, .dt_fast = true}},
                       gen);
  Tape<double> tape;
  const auto u = random<double>(Extents<3>{2, 4, 13}, 4);
  const auto y = layer(tape, tape.input(u));
  tape.backward(y, random<double>(y.sizes(), 5).view());
  layer.for_each_parameter([&](const std::string& name, auto& p) {
    INFO(name);
    CHECK(detail::all_finite(std::as_const(p.grad).view()));
    double square = 0;
    for (index_t i = 0; i < p.grad.count(); ++i) square += p.grad.data()[i] * p.grad.data()[i];
    CHECK(square > 0);
  });
}
