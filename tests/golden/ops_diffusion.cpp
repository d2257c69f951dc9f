// sssd_schedule, sssd_step_embedding, sssd_loss, sssd_sampling.
#include "bodies_sssd.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/schedule.hpp"
#include "longwave/diffusion/step_embedding.hpp"

namespace longwave::golden {
namespace {

template <class T>
std::vector<double> rounded(const Tensor<double, 1>& values) {
  std::vector<double> out;
  for (index_t i = 0; i < values.size(0); ++i) out.push_back(static_cast<double>(static_cast<T>(values(i))));
  return out;
}

Tensor<index_t, 1> steps_of(const std::vector<double>& stored) {
  Tensor<index_t, 1> steps(static_cast<index_t>(stored.size()));
  for (index_t b = 0; b < steps.count(); ++b) steps(b) = static_cast<index_t>(stored[static_cast<std::size_t>(b)]);
  return steps;
}

// T, a length of a schedule that nothing in the file shows.
index_t schedule_length(const CaseBase& c) {
  CaseBase::expect_length("T", static_cast<double>(c.config.integer("T")));
  return c.config.integer("T");
}

const Op schedule_op("sssd_schedule", []<class T>(Case<T>& c) {
  const auto s =
      NoiseSchedule::linear(c.size_option("T", "out/Beta", 0), c.config.number("beta_0"), c.config.number("beta_T"));
  c.out("Beta", rounded<T>(s.beta));
  c.out("Alpha", rounded<T>(s.alpha));
  c.out("Alpha_bar", rounded<T>(s.alpha_bar));
  c.out("Sigma", rounded<T>(s.sigma));
});

const Op step_embedding_op("sssd_step_embedding", []<class T>(Case<T>& c) {
  const Tensor<index_t, 1> steps = steps_of(c.doubles("in/steps"));
  c.config.numbers("steps");  // the same again
  Tensor<T, 2> y(steps.size(0), c.size_option("dim", "out/embedding", 1));
  step_embedding(y.view(), steps);
  c.out("embedding", std::as_const(y).view());
});

const Op loss_op("sssd_loss", []<class T>(Case<T>& c) {
  Sssd<T>& net = sssd_network(c);
  const NoiseLevels<T> levels(NoiseSchedule::linear(schedule_length(c), 1e-4, 0.02));
  std::vector<double> stored;
  for (const std::int64_t t : c.integers("in/steps")) stored.push_back(static_cast<double>(t));
  const auto& steps = c.template make<Tensor<index_t, 1>>(steps_of(stored));
  c.size_option("B", "in/x0", 0);
  c.size_option("L", "in/x0", 2);
  const TrainingSample<T> sample{.x0 = c.template values<3>("in/x0"),
                                 .mask = c.template values<3>("in/mask"),
                                 .cond = c.template values<3>("in/cond")};
  c.out("loss", training_loss<T>(c.tape, net, sample, levels, c.template values<3>("in/noise"), steps.view(),
                                 {.only_generate_missing = c.config.integer("only_generate_missing") != 0}));
});

const Op sampling_op("sssd_sampling", []<class T>(Case<T>& c) {
  Sssd<T>& net = sssd_network(c);
  const auto noise = c.template values<4>("in/noise");
  const auto schedule = NoiseSchedule::linear(c.size_option("T", "in/noise", 0), 1e-4, c.config.number("beta_T"));
  c.size_option("B", "in/cond", 0);
  c.size_option("L", "in/cond", 2);
  const auto cond = c.template values<3>("in/cond");
  Sampler<T> sampler(ddpm(schedule), cond.sizes(),
                     {.only_generate_missing = c.config.integer("only_generate_missing") != 0, .restore_known = false});
  c.out("x", sampler.sample(net, cond, c.template values<3>("in/mask"), noise));
});

}  // namespace
}  // namespace longwave::golden
