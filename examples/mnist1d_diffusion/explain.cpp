#include "mnist1d_diffusion/explain.hpp"

#include <cstdio>

#include "mnist1d_diffusion/learner.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

using Net = Mnist1dDenoiser<float>;
using Gradient = std::vector<double>;

double product(const Gradient& a, const Gradient& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double norm(const Gradient& a) { return std::sqrt(product(a, a)); }
double cosine(const Gradient& a, const Gradient& b) { return product(a, b) / (norm(a) * norm(b)); }

// The gradients as they stand, which are set to zero.
Gradient take_gradient(Net& net) {
  Gradient all;
  for (const auto& p : parameters<float>(net)) {
    all.insert(all.end(), p.grad, p.grad + p.count);
    std::fill_n(p.grad, p.count, 0.0f);
  }
  return all;
}

double root_mean_square(TensorView<const float, 2> a, TensorView<const float, 2> b) {
  double sum = 0;
  for (index_t i = 0; i < a.count(); ++i) {
    const double d = static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]);
    sum += d * d / static_cast<double>(a.count());
  }
  return std::sqrt(sum);
}

double share_at_limit(TensorView<const float, 2> x) {
  double count = 0;
  for (index_t i = 0; i < x.count(); ++i) count += std::abs(static_cast<double>(x.data()[i])) >= largest_clean ? 1 : 0;
  return count / static_cast<double>(x.count());
}

double weighted_noise_mse(const Answer<float, Host>& answer, const NoiseLevels<float>& levels) {
  double sum = 0;
  const index_t B = answer.target.size(0), P = answer.target.size(1);
  for (index_t b = 0; b < B; ++b) {
    const double ratio = double(levels.noise(answer.steps(b))) / double(levels.signal(answer.steps(b)));
    for (index_t p = 0; p < P; ++p) {
      const double d = ratio * (double(answer.target(b, p)) - double(answer.value.value()(b, p)));
      sum += d * d / static_cast<double>(B * P);
    }
  }
  return sum;
}

}  // namespace

Explanation explain_batch(const Options& options, std::int64_t epochs) {
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const Task task = make_task(options, options.seed);
  Generator weights(seed, Stream::weights), gen(seed, Stream::training);
  Net net({.points = task.points(), .steps = options.timesteps}, weights);
  const NoiseSchedule schedule = NoiseSchedule::linear(options.timesteps, 1e-4, options.beta_end);
  const NoiseLevels<float> levels(schedule);
  PointSampler<float, GaussianNoise> sampler(sampling_plan(options, schedule), {}, options.n_test);
  Tape<float> tape;
  Diffusion<float, Net, GaussianNoise, Host> d{tape, net, {}, levels, PointPrediction::noise, sampler, gen};
  if (epochs > 0) {
    Options training = options;
    training.epochs = epochs;
    train<Host>(
        training, net, task.train, Generator(seed, Stream::shuffles), gen, [](const std::string&) {}, tape,
        [&](Tape<float>&, TensorView<const float, 2> x0, Var<float, 2> c) { return SemiImplicit()(d, x0, c); });
  }
  take_gradient(net);
  Batches<Host> batches(task.train, options.batch_size, Generator(seed, Stream::testing));
  batches.shuffle();
  const PhiloxKey draws = gen.state();

  Explanation e;
  // The same batch and the same numbers for each; back is called with the loss of which the gradient is wanted.
  const auto pass = [&](bool detached, auto&& loss_of, auto&& look) {
    gen.set_state(draws);
    tape.rewind();
    const auto [condition, target] = batches.get(tape, 0);
    const auto parts = SemiImplicit{detached}.parts(d, target, tape.input(condition));
    tape.backward(loss_of(parts));
    look(parts, target);
    return take_gradient(net);
  };
  const auto nothing = [](const auto&, auto) {};
  const auto total_of = [](const auto& p) { return p.forward + SemiImplicit::inverse_weight * p.inverse; };
  const auto inverse_of = [](const auto& p) { return p.inverse; };
  const Gradient total = pass(true, total_of, [&](const auto& p, TensorView<const float, 2> x0) {
    for (index_t b = 0; b < x0.size(0); ++b)
      e.mean_step += static_cast<double>(p.seen.steps(b)) / static_cast<double>(x0.size(0));
    e.forward = static_cast<double>(p.forward.value()());
    e.inverse = static_cast<double>(p.inverse.value()());
    e.total = e.forward + SemiImplicit::inverse_weight * e.inverse;
    e.weighted_noise_mse = weighted_noise_mse(p.again, levels);
    e.clean_error = root_mean_square(p.clean.value(), x0);
    e.recovered_error = root_mean_square(p.recovered.value(), p.clean.value());
    e.clean_cut = share_at_limit(p.clean.value());
  });
  const Gradient forward = pass(
      true, [](const auto& p) { return p.forward; }, nothing);
  const Gradient inverse = pass(true, inverse_of, nothing);
  const Gradient attached = pass(false, inverse_of, nothing);
  e.forward_gradient = norm(forward);
  e.inverse_gradient = norm(inverse);
  e.total_gradient = norm(total);
  e.attached_gradient = norm(attached);
  e.forward_with_inverse = cosine(forward, inverse);
  e.attached_with_inverse = cosine(attached, inverse);
  return e;
}

std::string explanation_text(const Explanation& e, std::int64_t epochs) {
  char text[1600];
  std::snprintf(text, sizeof text,
                "after %lld epochs, one batch\n"
                "  mean step t                                        %8.3f\n"
                "  forward  = mean (eps - eps_hat)^2                  %8.4f\n"
                "  inverse  = mean (recovered - predicted_clean)^2    %8.4f\n"
                "  total    = forward + 0.5 inverse                   %8.4f\n"
                "  mean (1-abar')/abar' (eps' - eps_hat')^2           %8.4f\n"
                "  rms of predicted_clean - x_0                       %8.4f\n"
                "  rms of recovered - predicted_clean                 %8.4f\n"
                "  predicted_clean cut at +-5                         %7.2f%%\n"
                "  |gradient of forward|                              %8.4f\n"
                "  |gradient of inverse|                              %8.4f\n"
                "  |gradient of total|                                %8.4f\n"
                "  cos(gradients of forward and of inverse)           %8.4f\n"
                "  if predicted_clean were not detached:\n"
                "  |gradient of inverse|                              %8.4f\n"
                "  cos(that, gradient of inverse as it is)            %8.4f\n",
                static_cast<long long>(epochs), e.mean_step, e.forward, e.inverse, e.total, e.weighted_noise_mse,
                e.clean_error, e.recovered_error, 100 * e.clean_cut, e.forward_gradient, e.inverse_gradient,
                e.total_gradient, e.forward_with_inverse, e.attached_gradient, e.attached_with_inverse);
  return text;
}

}  // namespace longwave::examples::mnist1d_diffusion
