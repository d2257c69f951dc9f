// network.hpp - one interface over the networks of this program on one device: a loss to train with, draws to impute
// with, and what checkpoints hold. Values are coded (dataset.hpp): numbers for those that regress, places in the
// vocabulary for the categorical one.
#pragma once

#include <memory>
#include <vector>

#include "longwave/autograd/tape.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/sampler.hpp"
#include "longwave/nn/module.hpp"
#include "sssd/dataset.hpp"

namespace longwave::examples::sssd {

// What the data ask of a network.
struct NetworkShape {
  index_t channels = 0, length = 0;
  index_t classes = 0;  // events: size of the vocabulary
};
NetworkShape shape_of(const Coding& coding, index_t length);

// Of the values coded for a network of this kind: what the noise and the sampler work on.
float encode(ModelKind kind, const Coding& coding, float value, index_t channel);
float decode(ModelKind kind, const Coding& coding, float coded, index_t channel);

NoiseSchedule schedule_of(const Options& options);
Prediction prediction_of(const Options& options);

struct SamplerChoice {
  std::string name = "ddpm";     // or one of sampler_names
  std::int64_t steps = 0;        // 0: all for ddpm, else 20. Classes of events: rounds; 0: 8, to generate one per event
  double eta = 0;                // ddim
  std::string spacing = "even";  // of the steps (longwave/diffusion/schedule.hpp)
  std::string known = "exact";   // known values on the way, or "trained": as the network saw them in training
  std::vector<double> clip = {};  // least and most of the predicted values, coded; empty: any
  bool vary = false;              // classes of events: drawn from their distributions instead of the most probable ones
};
inline constexpr const char* sampler_names[] = {"ddpm", "ddim", "dpm++", "dpm++sde"};
inline constexpr const char* spacing_names[] = {"even", "leading", "trailing", "quadratic", "log_snr"};

SamplingPlan plan_of(const Options& options, const SamplerChoice& choice);
KnownValues known_of(const Options& options, const SamplerChoice& choice);

// "ddim:steps=20,eta=1,spacing=quadratic,known=trained,clip=0/1"; UsageError.
SamplerChoice parse_sampler(const std::string& text);

template <device D>
class Network {
 public:
  virtual ~Network() = default;

  // Mean over what is missing; noise and diffusion steps are drawn from `gen`.
  virtual Var<float, 0, D> loss(Tape<float, D>& tape, const TrainingSample<float, D>& sample, Generator& gen) = 0;

  // Gets ready for draws of sizes (B, C, L); from here on the parameters stay as they are.
  virtual void prepare_draws(const Options& options, const SamplerChoice& choice, Extents<3> sizes) = 0;
  // One draw of each series, known entries as in cond; valid until the next.
  virtual TensorView<const float, 3, D> draw(TensorView<const float, 3, D> cond, TensorView<const float, 3, D> mask,
                                             Generator& gen) = 0;

  virtual std::vector<ParameterRef<float, D>> parameters() = 0;
  virtual std::vector<ParameterRef<float, D>> state() = 0;  // to be called anew after loading into it
};

// Random start values from `init`. Throws ValueError where the options and the data do not fit.
template <device D>
std::unique_ptr<Network<D>> make_network(const Options& options, const NetworkShape& shape, Generator& init);

}  // namespace longwave::examples::sssd
