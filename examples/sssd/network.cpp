#include "sssd/network.hpp"

#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
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

SamplingPlan plan_of(const Options& o, const SamplerChoice& choice) {
  const NoiseSchedule schedule = schedule_of(o);
  const index_t T = schedule.steps();
  const index_t steps = choice.steps > 0 ? choice.steps : choice.name == "ddim" ? std::min<index_t>(20, T) : T;
  if (steps > T)
    throw UsageError("--steps is " + std::to_string(steps) + " and the network was trained with " + std::to_string(T) +
                     " diffusion steps");
  if (choice.name == "ddim")
    return ddim(schedule, even_steps(T, steps), {.eta = choice.eta, .prediction = prediction_of(o)});
  DdpmOptions options;
  options.prediction = prediction_of(o);
  return ddpm(schedule, even_steps(T, steps), options);
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
