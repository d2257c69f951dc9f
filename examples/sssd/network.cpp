#include "sssd/network.hpp"

#include <algorithm>
#include <charconv>

#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/dpm_solver.hpp"
#include "sssd/network_on.hpp"

namespace longwave::examples::sssd {

NetworkShape shape_of(const Coding& coding, index_t length) {
  return {static_cast<index_t>(coding.channels.size()), length, static_cast<index_t>(coding.ids.size())};
}

float encode(ModelKind kind, const Coding& coding, float value, index_t channel) {
  if (kind != ModelKind::categorical) return coding.encode(value, channel);
  const index_t place = coding.class_of(static_cast<double>(value));
  return place < 0 ? 0.0f : static_cast<float>(place);  // events that training lacks are refused before (check_ids)
}

float decode(ModelKind kind, const Coding& coding, float coded, index_t channel) {
  if (kind != ModelKind::categorical) return coding.decode(coded, channel);
  return static_cast<float>(coding.ids[static_cast<std::size_t>(std::lround(coded))]);
}

NoiseSchedule schedule_of(const Options& o) {
  const Options::Diffusion& d = o.diffusion;
  if (d.schedule == "cosine") return NoiseSchedule::cosine(d.T);
  if (d.schedule == "quadratic") return NoiseSchedule::quadratic(d.T, d.beta_0, d.beta_T);
  return NoiseSchedule::linear(d.T, d.beta_0, d.beta_T);
}

Prediction prediction_of(const Options& o) {
  return o.diffusion.prediction == "velocity" ? Prediction::velocity : Prediction::noise;
}

namespace {

template <class Plan>
Plan with_range(Plan options, const SamplerChoice& choice) {
  if (choice.clip.empty()) return options;
  if (choice.clip.size() != 2 || !(choice.clip[0] < choice.clip[1]))
    throw UsageError("--clip wants the least and the most of the predicted values, such as 0 1");
  options.least = choice.clip[0];
  options.most = choice.clip[1];
  return options;
}

double number_of(const std::string& sampler, const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw UsageError("sampler \"" + sampler + "\": \"" + text + "\" is not a number");
  return number;
}

template <class Names>
std::string one_of(const std::string& sampler, const std::string& text, const Names& names) {
  std::string list;
  for (const char* name : names) {
    if (text == name) return text;
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  throw UsageError("sampler \"" + sampler + "\": \"" + text + "\" is not one of " + list);
}

void set_key(const std::string& sampler, const std::string& key, const std::string& value, SamplerChoice& choice) {
  constexpr const char* known_names[] = {"exact", "trained"};
  if (key == "steps") {
    const double steps = number_of(sampler, value);
    if (!(steps >= 1 && steps <= 1e6 && steps == std::floor(steps)))
      throw UsageError("sampler \"" + sampler + "\": steps is " + value + ", expected a whole number from 1");
    choice.steps = static_cast<std::int64_t>(steps);
  } else if (key == "eta") {
    choice.eta = number_of(sampler, value);
  } else if (key == "spacing") {
    choice.spacing = one_of(sampler, value, spacing_names);
  } else if (key == "known") {
    choice.known = one_of(sampler, value, known_names);
  } else if (key == "clip") {
    const std::size_t slash = std::min(value.find('/'), value.size());
    choice.clip = {number_of(sampler, value.substr(0, slash)),
                   number_of(sampler, slash < value.size() ? value.substr(slash + 1) : "")};
  } else {
    throw UsageError("sampler \"" + sampler + "\": \"" + key + "\" is not one of steps, eta, spacing, known, clip");
  }
}

}  // namespace

SamplerChoice parse_sampler(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  SamplerChoice choice;
  choice.name = one_of(text, text.substr(0, colon), sampler_names);
  for (std::size_t at = colon + 1; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    const std::size_t equal = std::min(item.find('='), item.size());
    set_key(text, item.substr(0, equal), equal < item.size() ? item.substr(equal + 1) : "", choice);
    at = end + 1;
  }
  return choice;
}

KnownValues known_of(const Options& o, const SamplerChoice& choice) {
  if (choice.known != "trained" || o.train.consistent_known) return KnownValues::exact;
  if (o.train.only_generate_missing == 0)
    throw UsageError("--known trained is for networks that were trained with only_generate_missing 1");
  return KnownValues::as_trained;
}

SamplingPlan plan_of(const Options& o, const SamplerChoice& choice) {
  const NoiseSchedule schedule = schedule_of(o);
  const index_t T = schedule.steps();
  const index_t steps = choice.steps > 0 ? choice.steps : choice.name == "ddpm" ? T : std::min<index_t>(20, T);
  if (steps > T)
    throw UsageError("--steps is " + std::to_string(steps) + " and the network was trained with " + std::to_string(T) +
                     " diffusion steps");
  const std::vector<index_t> at = spaced_steps(schedule, steps, spacing(choice.spacing));
  const Prediction prediction = prediction_of(o);
  if (choice.name == "ddim")
    return ddim(schedule, at, with_range(DdimOptions{.eta = choice.eta, .prediction = prediction}, choice));
  if (choice.name == "ddpm") return ddpm(schedule, at, with_range(DdpmOptions{.prediction = prediction}, choice));
  return dpm_solver(
      schedule, at,
      with_range(DpmSolverOptions{.stochastic = choice.name == "dpm++sde", .prediction = prediction}, choice));
}

RevealOptions rounds_of(const SamplerChoice& choice, index_t length) {
  if (!choice.vary) return {.rounds = choice.steps > 0 ? choice.steps : 8};
  return reveal_drawing(choice.steps > 0 ? choice.steps : length);
}

SssdOptions sssd_options(const Options& o, const NetworkShape& shape) {
  const Options::Wavenet& w = o.wavenet;
  if (w.in_channels != 0 && w.in_channels != shape.channels)
    throw_value_error("wavenet_config.in_channels is " + std::to_string(w.in_channels) + ", the data have " +
                      std::to_string(shape.channels) + " channels");
  return {.in_channels = shape.channels,
          .out_channels = shape.channels,
          .num_res_layers = w.num_res_layers,
          .res_channels = w.res_channels,
          .skip_channels = w.skip_channels,
          .diffusion_step_embed_dim_in = w.embed_in,
          .diffusion_step_embed_dim_mid = w.embed_mid,
          .diffusion_step_embed_dim_out = w.embed_out,
          .s4_lmax = w.s4_lmax > 0 ? w.s4_lmax : shape.length,
          .s4_d_state = w.s4_d_state,
          .s4_dropout = w.s4_dropout,
          .s4_bidirectional = w.s4_bidirectional == 1,
          .s4_layernorm = w.s4_layernorm == 1,
          .dilation_cycle = w.dilation_cycle};
}

}  // namespace longwave::examples::sssd
