#include "longwave/diffusion/sampler.hpp"

#include <algorithm>
#include <utility>

#include "check.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/mask.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

const NoiseSchedule& schedule() {
  static const NoiseSchedule s = NoiseSchedule::linear(200, 1e-4, 0.02);
  return s;
}

// The network that knows the answer: eps = (x - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar).
template <class T>
struct Oracle {
  const NoiseSchedule& schedule;
  TensorView<const T, 3> x0;
  Prediction prediction = Prediction::noise;

  Var<T, 3> operator()(Tape<T>& tape, Var<T, 3> x, Var<T, 3>, Var<T, 3>, TensorView<const index_t, 1> steps) const {
    const auto eps = tape.make(x.sizes(), false);
    for (index_t b = 0; b < x.size(0); ++b) {
      const double a = schedule.alpha_bar(steps(b));
      for (index_t c = 0; c < x.size(1); ++c)
        for (index_t l = 0; l < x.size(2); ++l) {
          const double data = double(x0(b, c, l));
          const double z = (double(x.value()(b, c, l)) - std::sqrt(a) * data) / std::sqrt(1 - a);
          eps.output()(b, c, l) = T(prediction == Prediction::noise ? z : std::sqrt(a) * z - std::sqrt(1 - a) * data);
        }
    }
    return eps;
  }
};

// Some function of all that a network is told.
double some_eps(double x, double cond, double mask, index_t t) {
  return std::sin(x + 0.3 * cond * mask) + 0.1 * mask - 0.002 * double(t);
}

template <class T>
Var<T, 3> some_net(Tape<T>& tape, Var<T, 3> x, Var<T, 3> cond, Var<T, 3> mask, TensorView<const index_t, 1> steps) {
  const auto eps = tape.make(x.sizes(), false);
  for (index_t b = 0; b < x.size(0); ++b)
    for (index_t c = 0; c < x.size(1); ++c)
      for (index_t l = 0; l < x.size(2); ++l)
        eps.output()(b, c, l) = T(some_eps(double(x.value()(b, c, l)), double(cond.value()(b, c, l)),
                                           double(mask.value()(b, c, l)), steps(b)));
  return eps;
}

// Sampling as the papers write it, one number at a time. noise: what would be drawn, in order.
struct Naive {
  const NoiseSchedule& s;
  std::vector<index_t> steps;
  bool only_generate_missing;
  double cond, mask;

  double ddpm(const std::vector<double>& noise) const {
    double x = noise[0];
    for (std::size_t i = steps.size(); i-- > 0;) {
      if (only_generate_missing && mask == 1) x = cond;
      const double bar = s.alpha_bar(steps[i]), before = i > 0 ? s.alpha_bar(steps[i - 1]) : 1;
      const double alpha = bar / before, beta = 1 - alpha;
      x = (x - beta / std::sqrt(1 - bar) * some_eps(x, cond, mask, steps[i])) / std::sqrt(alpha);
      if (i > 0) x += std::sqrt(beta * (1 - before) / (1 - bar)) * noise[steps.size() - i];
    }
    return x;
  }

  double ddim(const std::vector<double>& noise, double eta) const {
    double x = noise[0];
    for (std::size_t i = steps.size(); i-- > 0;) {
      if (only_generate_missing && mask == 1) x = cond;
      const double bar = s.alpha_bar(steps[i]), before = i > 0 ? s.alpha_bar(steps[i - 1]) : 1;
      const double eps = some_eps(x, cond, mask, steps[i]);
      const double x0 = (x - std::sqrt(1 - bar) * eps) / std::sqrt(bar);
      const double deviation = eta * std::sqrt((1 - before) / (1 - bar) * (1 - bar / before));
      x = std::sqrt(before) * x0 + std::sqrt(1 - before - deviation * deviation) * eps;
      if (i > 0) x += deviation * noise[steps.size() - i];
    }
    return x;
  }
};

// Least and largest of what a network that is always far off makes.
std::pair<double, double> range_of_wild(const SamplingPlan& plan) {
  const Extents<3> sizes{2, 1, 50};
  const Tensor<double, 3> cond(sizes), mask(sizes);
  const auto wild = [](Tape<double>& tape, Var<double, 3> x, auto, auto, auto) {
    const auto eps = tape.make(x.sizes(), false);
    map_elements<1>([](double& e, double at) { e = -9 * at; }, eps.output(), x.value());
    return eps;
  };
  Sampler<double> sampler(plan, sizes);
  Generator gen(1);
  const auto x = sampler.sample(wild, cond, mask, gen);
  const auto [least, most] = std::minmax_element(x.data(), x.data() + x.count());
  return {*least, *most};
}

}  // namespace

TEMPLATE_TEST_CASE("sampler: with a network that knows the answer it is found, whatever the noise", "", float, double) {
  using T = TestType;
  const NoiseSchedule& s = schedule();
  const NoiseSchedule cosine = NoiseSchedule::cosine(50);
  const Extents<3> sizes{2, 3, 7};
  const auto x0 = random<T>(sizes, 5);
  const Tensor<T, 3> nothing(sizes);  // all to impute
  const auto try_plan = [&](const NoiseSchedule& of, const SamplingPlan& plan) {
    Sampler<T> sampler(plan, sizes);
    Generator gen(3);
    const auto x = sampler.sample(Oracle<T>{of, x0.view()}, x0, nothing, gen);
    return relative_error(x, x0.view());
  };
  // alpha_bar of the last step is 0.9999: an error of x counts once, one of eps a hundredth
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 2e-14;
  const std::vector<index_t> odd = {1, 2, 30, 31, 150};
  for (const double clamp : {double(INFINITY), 10.0}) {
    CHECK(try_plan(s, ddpm(s, {.clamp = clamp})) < tolerance);
    CHECK(try_plan(s, ddpm(s, even_steps(200, 20), {.clamp = clamp})) < tolerance);
    CHECK(try_plan(s, ddpm(s, odd, {.clamp = clamp})) < tolerance);
    for (const double eta : {0.0, 0.5, 1.0}) {
      CHECK(try_plan(s, ddim(s, {.eta = eta, .clamp = clamp})) < tolerance);
      CHECK(try_plan(s, ddim(s, even_steps(200, 20), {.eta = eta, .clamp = clamp})) < tolerance);
      CHECK(try_plan(s, ddim(s, even_steps(200, 1), {.eta = eta, .clamp = clamp})) < tolerance);
      CHECK(try_plan(s, ddim(s, odd, {.eta = eta, .clamp = clamp})) < tolerance);
    }
    CHECK(try_plan(cosine, ddpm(cosine, {.clamp = clamp})) < tolerance);
    CHECK(try_plan(cosine, ddim(cosine, even_steps(50, 10), {.clamp = clamp})) < tolerance);
  }
}

TEMPLATE_TEST_CASE("sampler: a network that tells velocities is understood", "", float, double) {
  using T = TestType;
  const NoiseSchedule& s = schedule();
  const Extents<3> sizes{2, 3, 7};
  const auto x0 = random<T>(sizes, 5);
  const Tensor<T, 3> nothing(sizes);
  constexpr Prediction velocity = Prediction::velocity;
  for (const double clamp : {double(INFINITY), 10.0})
    for (const SamplingPlan& plan :
         {ddpm(s, {.clamp = clamp, .prediction = velocity}),
          ddim(s, even_steps(200, 20), {.eta = 0.5, .clamp = clamp, .prediction = velocity})}) {
      Sampler<T> sampler(plan, sizes);
      Generator gen(3);
      const auto x = sampler.sample(Oracle<T>{s, x0.view(), velocity}, x0, nothing, gen);
      CHECK(relative_error(x, x0.view()) < (sizeof(T) == 4 ? 2e-6 : 2e-14));
    }
}

TEST_CASE("sampler: where everything is known the result is that") {
  const Extents<3> sizes{2, 2, 5};
  const auto cond = random<double>(sizes, 1);
  Tensor<double, 3> all(sizes);
  detail::fill(all.view(), 1.0);
  for (const bool only_missing : {true, false}) {
    Sampler<double> sampler(ddpm(schedule(), even_steps(200, 5)), sizes, {.only_generate_missing = only_missing});
    Generator gen(2);
    CHECK(relative_error(sampler.sample(some_net<double>, cond, all, gen), cond.view()) == 0);
  }
}

TEMPLATE_TEST_CASE("sampler: agrees with the papers' loops", "", float, double) {
  using T = TestType;
  const NoiseSchedule s = NoiseSchedule::linear(30, 1e-3, 0.2);
  const Extents<3> sizes{2, 2, 3};
  const auto cond = random<T>(sizes, 1);
  Tensor<T, 3> mask(sizes);
  Generator draw(4);
  draw_mask(MaskKind::rm, 1, draw, mask.view());
  for (const auto& steps : {even_steps(30, 30), even_steps(30, 4), std::vector<index_t>{2, 3, 11}})
    for (const bool only_missing : {true, false})
      for (const double eta : {-1.0, 0.0, 0.7, 1.0}) {  // -1: DDPM
        const auto S = static_cast<index_t>(steps.size());
        const auto noise = random<T>(Extents<4>{S, 2, 2, 3}, 8);
        Tensor<double, 3> want(sizes);
        for (index_t i = 0; i < want.count(); ++i) {
          std::vector<double> drawn;
          for (index_t n = 0; n < S; ++n) drawn.push_back(double(noise.data()[n * want.count() + i]));
          const Naive naive{s, steps, only_missing, double(cond.data()[i]), double(mask.data()[i])};
          want.data()[i] = eta < 0 ? naive.ddpm(drawn) : naive.ddim(drawn, eta);
        }
        Sampler<T> sampler(eta < 0 ? ddpm(s, steps) : ddim(s, steps, {.eta = eta}), sizes,
                           {.only_generate_missing = only_missing, .restore_known = false});
        const auto x = sampler.sample(some_net<T>, cond, mask, noise.view());
        CHECK(relative_error(x, want.view()) < (sizeof(T) == 4 ? 2e-5 : 1e-13));  // 30 steps of rounding
      }
}

TEST_CASE("sampler: known entries are shown as training shows them, where asked") {
  const NoiseSchedule& s = schedule();
  const Extents<3> sizes{1, 1, 4};
  const auto cond = random<double>(sizes, 1);
  Tensor<double, 3> mask(sizes);
  mask(0, 0, 1) = mask(0, 0, 3) = 1;
  for (const bool as_trained : {false, true}) {
    index_t passes = 0;
    const auto watch = [&](Tape<double>& tape, Var<double, 3> x, Var<double, 3> c, Var<double, 3> m,
                           TensorView<const index_t, 1> steps) {
      const double bar = s.alpha_bar(steps(0)), factor = as_trained ? std::sqrt(bar) + std::sqrt(1 - bar) : 1;
      for (const index_t l : {1, 3}) CHECK(x.value()(0, 0, l) == Approx(factor * cond(0, 0, l)).epsilon(1e-14));
      ++passes;
      return some_net<double>(tape, x, c, m, steps);
    };
    for (const SamplingPlan& plan : {ddpm(s, even_steps(200, 6)), ddim(s, even_steps(200, 3))}) {
      Sampler<double> sampler(plan, sizes, {.known = as_trained ? KnownValues::as_trained : KnownValues::exact});
      Generator gen(2);
      const auto x = sampler.sample(watch, cond, mask, gen);
      for (const index_t l : {1, 3}) CHECK(x(0, 0, l) == cond(0, 0, l));
    }
    CHECK(passes == 9);
  }
  // What add_noise makes of known entries.
  const NoiseLevels<double> levels(s);
  Tensor<double, 3> x_t(sizes), target(sizes), all(sizes);
  detail::fill(all.view(), 1.0);
  Tensor<index_t, 1> steps(1);
  steps(0) = 77;
  add_noise(x_t.view(), target.view(), cond.view(), random<double>(sizes, 2).view(), std::as_const(all).view(), levels,
            std::as_const(steps).view());
  const double factor = ddim(s).steps[199 - 77].known_as_trained;
  for (index_t l = 0; l < 4; ++l) CHECK(x_t(0, 0, l) == Approx(factor * cond(0, 0, l)).epsilon(1e-14));
}

TEST_CASE("sampler: a range holds the predicted data") {
  const NoiseSchedule s = NoiseSchedule::linear(12, 1e-3, 0.2);
  for (const SamplingPlan& plan :
       {ddpm(s, {.least = 0, .most = 0.5}), ddim(s, {.least = 0, .most = 0.5}), ddim(s, {.clamp = 0.5, .least = 0})}) {
    const auto [least, most] = range_of_wild(plan);
    CHECK(least == 0);
    CHECK(most == 0.5);
  }
}

TEST_CASE("sampler: DDIM with eta 1 over all steps is DDPM, but for the last step's noise") {
  const NoiseSchedule s = NoiseSchedule::linear(12, 1e-3, 0.2);
  const Extents<3> sizes{1, 1, 6};
  const Tensor<double, 3> cond(sizes), mask(sizes);
  const auto noise = random<double>(Extents<4>{12, 1, 1, 6}, 3);
  Sampler<double> a(ddpm(s), sizes), b(ddim(s, {.eta = 1}), sizes), c(ddpm(s, {.clamp = 1e100}), sizes);
  const auto x = a.sample(some_net<double>, cond, mask, noise.view());
  CHECK(relative_error(b.sample(some_net<double>, cond, mask, noise.view()), x) < 1e-13);
  CHECK(relative_error(c.sample(some_net<double>, cond, mask, noise.view()), x) < 1e-13);
}

TEST_CASE("sampler: a clamp holds the predicted data, also in the last step") {
  const NoiseSchedule s = NoiseSchedule::linear(12, 1e-3, 0.2);
  for (const SamplingPlan& plan : {ddpm(s, {.clamp = 0.5}), ddim(s, {.clamp = 0.5})}) {
    const auto [least, most] = range_of_wild(plan);
    CHECK(std::max(-least, most) == 0.5);
  }
}

TEST_CASE("sampler: known entries come back untouched, or raw where asked; unknown ones of cond are not read") {
  const Extents<3> sizes{3, 2, 8};
  auto cond = random<double>(sizes, 1);
  Tensor<double, 3> mask(sizes);
  Generator draw(4);
  draw_mask(MaskKind::bm, 3, draw, mask.view());
  for (index_t i = 0; i < mask.count(); ++i)
    if (mask.data()[i] == 0) cond.data()[i] = NAN;
  for (const bool restore : {true, false}) {
    Sampler<double> sampler(ddim(schedule(), even_steps(200, 3)), sizes, {.restore_known = restore});
    Generator gen(2);
    const auto x = sampler.sample(some_net<double>, cond, mask, gen);
    for (index_t i = 0; i < mask.count(); ++i) {
      CHECK(std::isfinite(x.data()[i]));
      if (mask.data()[i] == 1) CHECK((x.data()[i] == cond.data()[i]) == restore);
    }
  }
}

TEST_CASE("sampler: the same generator gives the same sample, another seed another, and parts give the whole") {
  const Extents<3> sizes{2, 1, 9};
  const Tensor<float, 3> cond(sizes), mask(sizes);
  Sampler<float> sampler(ddpm(schedule(), even_steps(200, 6)), sizes);
  Tensor<float, 3> first(sizes);
  Generator a(1), b(1), c(2), d(1);
  copy(first.view(), sampler.sample(some_net<float>, cond, mask, a));
  CHECK(relative_error(sampler.sample(some_net<float>, cond, mask, b), first.view()) == 0);
  CHECK(relative_error(sampler.sample(some_net<float>, cond, mask, c), first.view()) > 0.01);
  sampler.start(cond, mask, d);
  for (index_t i = 0; i < sampler.steps(); ++i) sampler.step(some_net<float>, d);
  CHECK(relative_error(sampler.x(), first.view()) == 0);
  CHECK(a.state().draw == d.state().draw);
}

TEST_CASE("sampler: says how many steps are left, and takes no more than it has") {
  const Extents<3> sizes{1, 1, 4};
  const Tensor<float, 3> cond(sizes), mask(sizes);
  Generator gen(1);
  Sampler<float> sampler(ddim(schedule(), even_steps(200, 2)), sizes);
  CHECK(error_text<ValueError>([&] { sampler.step(some_net<float>, gen); }) ==
        "Sampler: 2 of 2 steps are done; call start() for the next sample");
  sampler.start(cond, mask, gen);
  sampler.step(some_net<float>, gen);
  sampler.step(some_net<float>, gen);
  CHECK_THROWS_AS(sampler.step(some_net<float>, gen), ValueError);
}

TEST_CASE("sampler: errors name the argument") {
  const NoiseSchedule& s = schedule();
  const Extents<3> sizes{2, 1, 4};
  const Tensor<float, 3> cond(sizes), mask(sizes), wrong(2, 1, 5);
  Generator gen(1);
  Sampler<float> sampler(ddpm(s, even_steps(200, 2)), sizes);
  CHECK(error_text<ShapeError>([&] { sampler.sample(some_net<float>, wrong, mask, gen); }) ==
        "Sampler: cond is (B=2, C=1, L=5), expected (B=2, C=1, L=4)");
  CHECK(error_text<ShapeError>([&] { sampler.sample(some_net<float>, cond, wrong, gen); }) ==
        "Sampler: mask is (B=2, C=1, L=5), expected (B=2, C=1, L=4)");
  const Tensor<float, 4> noise(3, 2, 1, 4);
  CHECK(error_text<ShapeError>([&] { sampler.sample(some_net<float>, cond, mask, noise.view()); }) ==
        "Sampler: noise is (S=3, B=2, C=1, L=4), expected (S=2, B=2, C=1, L=4)");
  const auto other = [&](Tape<float>& tape, auto, auto, auto, auto) { return tape.input(wrong); };
  CHECK(error_text<ShapeError>([&] { sampler.sample(other, cond, mask, gen); }) ==
        "Sampler: the network's result is (B=2, C=1, L=5), expected (B=2, C=1, L=4)");
  const Tensor<float, 3> turned(4, 1, 2);
  const auto strided = [&](Tape<float>& tape, auto, auto, auto, auto) {
    return tape.input(turned.view().transpose(0, 2));
  };
  CHECK(error_text<ShapeError>([&] { sampler.sample(strided, cond, mask, gen); }) ==
        "Sampler: the network's result or the noise is not contiguous; copy it first");
  CHECK(error_text<ValueError>([] {
          Sampler<float>(SamplingPlan(), Extents<3>{1, 1, 1});
        }) == "Sampler: the plan has no steps");
  CHECK(error_text<ValueError>([&] { ddim(s, {.eta = 1.5}); }) == "ddim: eta is 1.500000, expected 0 to 1");
  CHECK(error_text<ValueError>([&] { ddim(s, {.clamp = 0}); }) == "ddim: clamp is 0.000000, expected more than 0");
  CHECK(error_text<ValueError>([&] { ddim(s, {.least = 1, .most = 1}); }) ==
        "ddim: x_0 is cut to 1.000000 to 1.000000, expected a range");
  CHECK(error_text<ValueError>([&] {
          Sampler<float>(ddpm(s), sizes, {.only_generate_missing = false, .known = KnownValues::as_trained});
        }) == "Sampler: known values as trained need only_generate_missing; else known entries are noisy");
  CHECK(error_text<ValueError>([&] { ddpm(s, {.clamp = NAN}); }) == "ddpm: clamp is nan, expected more than 0");
  CHECK(error_text<ValueError>([&] {
          ddpm(s, std::vector<index_t>{3, 1});
        }) == "ddpm: step number 1 is 1 after 3, expected increasing steps");
  CHECK(error_text<ValueError>([&] { ddim(s, std::vector<index_t>{200}); }) ==
        "ddim: step number 0 is 200, expected 0 to 199");
}

TEST_CASE("sampler: empty sizes give empty samples") {
  for (const auto& sizes : {Extents<3>{0, 1, 4}, Extents<3>{2, 1, 0}}) {
    const Tensor<float, 3> none(sizes);
    Generator gen(1);
    Sampler<float> sampler(ddpm(schedule(), even_steps(200, 2)), sizes);
    CHECK(sampler.sample(some_net<float>, none, none, gen).sizes() == sizes);
  }
}
