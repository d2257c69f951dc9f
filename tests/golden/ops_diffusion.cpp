// sssd_schedule, sssd_step_embedding.
#include "case.hpp"
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

const Op schedule_op("sssd_schedule", []<class T>(Case<T>& c) {
  const auto s =
      NoiseSchedule::linear(c.size_option("T", "out/Beta", 0), c.config.number("beta_0"), c.config.number("beta_T"));
  c.out("Beta", rounded<T>(s.beta));
  c.out("Alpha", rounded<T>(s.alpha));
  c.out("Alpha_bar", rounded<T>(s.alpha_bar));
  c.out("Sigma", rounded<T>(s.sigma));
});

const Op step_embedding_op("sssd_step_embedding", []<class T>(Case<T>& c) {
  const std::vector<double> stored = c.doubles("in/steps");
  auto& steps = c.template make<Tensor<index_t, 1>>(static_cast<index_t>(stored.size()));
  for (std::size_t b = 0; b < stored.size(); ++b) steps(static_cast<index_t>(b)) = static_cast<index_t>(stored[b]);
  c.config.numbers("steps");
  auto& y = c.template make<Tensor<T, 2>>(steps.size(0), c.size_option("dim", "out/embedding", 1));
  step_embedding(y.view(), steps);
  c.out("embedding", std::as_const(y).view());
});

}  // namespace
}  // namespace longwave::golden
