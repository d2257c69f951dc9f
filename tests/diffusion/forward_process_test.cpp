#include "longwave/diffusion/forward_process.hpp"

#include "check.hpp"
#include "longwave/diffusion/mask.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

NoiseSchedule schedule() { return NoiseSchedule::linear(50, 1e-3, 0.1); }

Tensor<index_t, 1> some_steps(index_t B) {
  Tensor<index_t, 1> steps(B);
  for (index_t b = 0; b < B; ++b) steps(b) = 49 - 7 * b;
  return steps;
}

// Random zeros and ones, at least one of each where there is room.
template <class T>
Tensor<T, 3> some_mask(Extents<3> sizes) {
  Tensor<T, 3> mask(sizes);
  Generator(9).bernoulli(mask.view(), T(0.5));
  if (mask.count() > 1) mask.data()[0] = 0, mask.data()[1] = 1;
  return mask;
}

}  // namespace

TEMPLATE_TEST_CASE("diffuse: mixes data and noise by each sample's step", "", float, double) {
  using T = TestType;
  const auto s = schedule();
  const NoiseLevels<T> levels(s);
  for (const auto& sizes :
       {Extents<3>{4, 2, 5}, Extents<3>{1, 1, 1}, Extents<3>{3, 1, 67}, Extents<3>{0, 2, 3}, Extents<3>{2, 0, 3}}) {
    const auto x0 = random<T>(sizes, 1), z = random<T>(sizes, 2);
    const auto steps = some_steps(sizes[0]);
    Tensor<T, 3> x_t(sizes), strided(sizes[2], sizes[1], sizes[0]);
    Tensor<double, 3> want(sizes);
    for (index_t b = 0; b < sizes[0]; ++b)
      for (index_t c = 0; c < sizes[1]; ++c)
        for (index_t l = 0; l < sizes[2]; ++l)
          want(b, c, l) = std::sqrt(s.alpha_bar(steps(b))) * double(x0(b, c, l)) +
                          std::sqrt(1 - s.alpha_bar(steps(b))) * double(z(b, c, l));
    diffuse(x_t.view(), x0, z, levels, steps);
    diffuse(strided.view().transpose(0, 2), x0, z, levels, steps);
    CHECK(relative_error(x_t, want) < (sizeof(T) == 4 ? 3e-7 : 5e-16));  // three roundings
    CHECK(relative_error(strided.view().transpose(0, 2), x_t.view()) == 0);
  }
}

TEST_CASE("diffuse: rows of features as well, and in place") {
  const auto s = schedule();
  const NoiseLevels<double> levels(s);
  const auto x0 = random<double>(Extents<2>{3, 41}, 1), z = random<double>(Extents<2>{3, 41}, 2);
  const auto steps = some_steps(3);
  Tensor<double, 2> x_t(3, 41);
  diffuse(x_t.view(), x0, z, levels, steps);
  CHECK(x_t(2, 40) == Approx(levels.signal(35) * x0(2, 40) + levels.noise(35) * z(2, 40)));
  auto place = z.clone();
  diffuse(place.view(), x0, place.view(), levels, steps);
  CHECK(relative_error(place, x_t) == 0);
}

TEMPLATE_TEST_CASE("add_noise: known entries are data or noise as the options say", "", float, double) {
  using T = TestType;
  const auto s = schedule();
  const NoiseLevels<T> levels(s);
  const Extents<3> sizes{3, 2, 11};
  const auto x0 = random<T>(sizes, 1), eps = random<T>(sizes, 2), mask = some_mask<T>(sizes);
  const auto steps = some_steps(3);
  for (const ForwardOptions options :
       {ForwardOptions{true, false, Prediction::noise}, ForwardOptions{true, true, Prediction::velocity},
        ForwardOptions{false, false, Prediction::velocity}}) {
    Tensor<T, 3> x_t(sizes), z(sizes);
    add_noise(x_t.view(), z.view(), x0, eps, mask, levels, steps, options);
    for (index_t b = 0; b < 3; ++b)
      for (index_t c = 0; c < 2; ++c)
        for (index_t l = 0; l < 11; ++l) {
          const double m = double(mask(b, c, l)), x = double(x0(b, c, l)), e = double(eps(b, c, l));
          const double noise = options.only_generate_missing ? x * m + e * (1 - m) : e;
          const double a = s.alpha_bar(steps(b));
          const double mixed = std::sqrt(a) * x + std::sqrt(1 - a) * noise;
          const double target = std::sqrt(a) * noise - std::sqrt(1 - a) * x;
          if (options.prediction == Prediction::noise)
            CHECK(z(b, c, l) == T(noise));
          else
            CHECK(double(z(b, c, l)) == Approx(target).epsilon(1e-6).margin(3e-7));
          CHECK(double(x_t(b, c, l)) ==
                Approx(options.consistent_known && m == 1 ? x : mixed).epsilon(1e-6).margin(3e-7));
        }
  }
}

TEST_CASE("predict_x0: finds the data again, cut to the clamp") {
  const auto s = schedule();
  const NoiseLevels<double> levels(s);
  const Extents<2> sizes{4, 9};
  const auto x0 = random<double>(sizes, 1), eps = random<double>(sizes, 2);
  const auto steps = some_steps(4);
  Tensor<double, 2> x_t(sizes);
  diffuse(x_t.view(), x0, eps, levels, steps);
  Tape<double> tape;
  const auto free = predict_x0(tape.input(eps), x_t, levels, steps);
  const auto cut = predict_x0(tape.input(eps), x_t, levels, steps, 0.5);
  CHECK(relative_error(free.value(), x0.view()) < 1e-14);
  for (index_t b = 0; b < 4; ++b)
    for (index_t i = 0; i < 9; ++i) CHECK(cut.value()(b, i) == Approx(std::clamp(x0(b, i), -0.5, 0.5)));
}

TEST_CASE("predict_x0: the gradient agrees with finite differences, and is 0 where it was cut") {
  const auto s = schedule();
  const NoiseLevels<double> levels(s);
  auto eps = random<double>(Extents<2>{3, 7}, 2);
  const auto x_t = random<double>(Extents<2>{3, 7}, 3);
  const auto steps = some_steps(3);
  for (const double clamp : {1.0, 1e300}) {
    const GradCheck check =
        grad_check([&](Tape<double>&, auto e) { return predict_x0(e, x_t.view(), levels, steps.view(), clamp); }, eps);
    INFO(check.text());
    CHECK(check.error < 1e-8);
  }
}

TEMPLATE_TEST_CASE("noise_loss: a mean over what is to be imputed, or over all", "", float, double) {
  using T = TestType;
  for (const auto& sizes : {Extents<3>{2, 3, 7}, Extents<3>{1, 1, 1}, Extents<3>{5, 1, 131}}) {
    const auto eps_hat = random<T>(sizes, 1), z = random<T>(sizes, 2);
    auto mask = some_mask<T>(sizes), observed = some_mask<T>(sizes);
    Generator(11).bernoulli(observed.view(), T(0.7));
    if (mask.count() == 1) mask.data()[0] = 0;
    observed.data()[0] = 1;
    double missing = 0, count = 0, all = 0, seen = 0, seen_count = 0;
    for (index_t i = 0; i < mask.count(); ++i) {
      const double d = double(eps_hat.data()[i]) - double(z.data()[i]), m = double(mask.data()[i]);
      const double o = double(observed.data()[i]);
      all += d * d;
      missing += d * d * (1 - m);
      count += 1 - m;
      seen += d * d * (1 - m) * o;
      seen_count += (1 - m) * o;
    }
    Tape<T> tape;
    const auto x = tape.input(eps_hat);
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
    CHECK(double(noise_loss(x, z, mask).value()()) == Approx(missing / count).epsilon(tolerance));
    CHECK(double(noise_loss(x, z, mask, {.only_generate_missing = false}).value()()) ==
          Approx(all / double(mask.count())).epsilon(tolerance));
    CHECK(double(noise_loss(x, z, mask, {}, observed).value()()) == Approx(seen / seen_count).epsilon(tolerance));
  }
}

TEST_CASE("noise_loss: gradients agree with finite differences; known entries have none, even where they are NaN") {
  const Extents<3> sizes{2, 2, 5};
  auto eps_hat = random<double>(sizes, 1);
  auto z = random<double>(sizes, 2);
  const auto mask = some_mask<double>(sizes);
  auto observed = random<double>(sizes, 5);
  Generator(5).bernoulli(observed.view(), 0.6);
  observed.data()[0] = 1;
  for (const bool missing : {true, false})
    for (const bool some : {true, false}) {
      const GradCheck check = grad_check(
          [&](Tape<double>&, auto e) {
            return noise_loss(e, z.view(), mask.view(), {.only_generate_missing = missing},
                              some ? observed.view() : TensorView<const double, 3>());
          },
          eps_hat);
      INFO(check.text());
      CHECK(check.error < 1e-8);
    }
  for (index_t i = 0; i < mask.count(); ++i)
    if (mask.data()[i] == 1) z.data()[i] = NAN;
  Tape<double> tape;
  const auto x = tape.variable(eps_hat.view());
  const auto loss = noise_loss(x, z, mask);
  tape.backward(loss);
  CHECK(std::isfinite(loss.value()()));
  for (index_t i = 0; i < mask.count(); ++i) CHECK((x.grad().data()[i] == 0) == (mask.data()[i] == 1));
}

TEST_CASE("training_loss: feeds the network what the forward process makes, and draws every step") {
  const auto s = schedule();
  const NoiseLevels<double> levels(s);
  const Extents<3> sizes{3, 2, 6};
  const auto x0 = random<double>(sizes, 1), noise = random<double>(sizes, 2), mask = some_mask<double>(sizes);
  const auto steps = some_steps(3);
  Tensor<double, 3> x_t(sizes), z(sizes);
  add_noise(x_t.view(), z.view(), x0, noise, mask, levels, steps);
  Tape<double> tape;
  const auto net = [&](Tape<double>& on, Var<double, 3> x, Var<double, 3> cond, Var<double, 3> m,
                       TensorView<const index_t, 1> t) {
    CHECK(relative_error(x.value(), x_t.view()) == 0);
    CHECK(relative_error(cond.value(), x0.view()) == 0);
    CHECK(relative_error(m.value(), mask.view()) == 0);
    CHECK(relative_error(t, steps.view()) == 0);
    return on.input(x0);
  };
  const auto loss = training_loss<double>(tape, net, TrainingSample<double>{x0, mask, {}}, levels, noise, steps);
  CHECK(loss.value()() == noise_loss(tape.input(x0), z, mask).value()());

  index_t count[50] = {};
  const auto other = [&](Tape<double>& on, auto, auto, auto, TensorView<const index_t, 1> t) {
    for (index_t b = 0; b < 3; ++b) ++count[t(b)];
    return on.input(x0);
  };
  Generator gen(3);
  for (int i = 0; i < 2000; ++i) {
    tape.rewind();
    training_loss(tape, other, TrainingSample<double>{x0, mask, {}}, levels, gen);
  }
  for (const index_t n : count) CHECK(std::abs(double(n) - 120) < 66);  // deviation 11: six of them
}

TEST_CASE("forward process: errors name the argument") {
  const auto s = schedule();
  const NoiseLevels<float> levels(s);
  Tensor<float, 3> x(2, 1, 4), other(2, 1, 5);
  Tensor<index_t, 1> steps(2), three(3);
  CHECK(error_text<ShapeError>([&] { diffuse(other.view(), x, x, levels, steps); }) ==
        "diffuse: x_t and x0 differ in shape: x_t is (2, 1, 5), x0 is (2, 1, 4)");
  CHECK(error_text<ShapeError>([&] { diffuse(x.view(), x, other, levels, steps); }) ==
        "diffuse: z and x0 differ in shape: z is (2, 1, 5), x0 is (2, 1, 4)");
  CHECK(error_text<ShapeError>([&] { diffuse(x.view(), x, x, levels, three); }) ==
        "diffuse: steps is (B=3), expected (B=2)");
  steps(1) = 50;
  CHECK(error_text<ValueError>([&] { diffuse(x.view(), x, x, levels, steps); }) ==
        "diffuse: the step of sample 1 is 50, expected 0 to 49");
  steps(1) = 0;
  CHECK(error_text<ShapeError>([&] { add_noise(x.view(), x.view(), x, x, other, levels, steps); }) ==
        "add_noise: mask and x0 differ in shape: mask is (2, 1, 5), x0 is (2, 1, 4)");
  CHECK(error_text<ValueError>([&] {
          add_noise(x.view(), x.view(), x, x, x, levels, steps, {false, true});
        }) == "add_noise: consistent_known needs only_generate_missing; else sampling noises known entries");
  Tape<float> tape;
  const auto eps = tape.input(x);
  CHECK(error_text<ShapeError>([&] { noise_loss(eps, other, x); }) ==
        "noise_loss: z and eps_hat differ in shape: z is (2, 1, 5), eps_hat is (2, 1, 4)");
  Tensor<float, 3> ones(2, 1, 4);
  detail::fill(ones.view(), 1.0f);
  CHECK(error_text<ValueError>([&] { noise_loss(eps, x, ones); }) ==
        "noise_loss: the mask has nothing to impute, so there is nothing to learn from");
  CHECK(error_text<ShapeError>([&] { predict_x0(eps, other.view(), levels, steps.view()); }) ==
        "predict_x0: eps and x_t differ in shape: eps is (2, 1, 4), x_t is (2, 1, 5)");
  CHECK(error_text<ValueError>([&] { predict_x0(eps, x.view(), levels, steps.view(), 0.0); }) ==
        "predict_x0: clamp is 0.000000, expected more than 0");
  Generator gen(1);
  CHECK(error_text<ValueError>([&] { draw_steps(gen, steps.view(), 0); }) == "draw_steps: T is 0, expected at least 1");
}
