// sssd_schedule, sssd_step_embedding, sssd_residual_block, sssd_model, sssd_loss, sssd_sampling, on either device.
#pragma once

#include "case.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/schedule.hpp"
#include "longwave/diffusion/step_embedding.hpp"
#include "longwave/models/sssd.hpp"

namespace longwave::golden {

// The option `key`: the size of axis `axis` of a stored parameter.
inline index_t parameter_size(const CaseBase& c, const std::string& key, const std::string& name, std::size_t axis) {
  return c.size_option(key, "param/" + name, axis);
}

// A module without the buffers that the official state dict does not have: l_kernel is our own.
template <class Module>
struct Official {
  Module& module;

  template <class F>
  void for_each_parameter(F&& f) {
    module.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    module.for_each_buffer([&](const std::string& name, auto& buffer) {
      if (!name.ends_with(".l_kernel")) f(name, buffer);
    });
  }
};
template <class Module, class T, device D>
void load_official(CaseOn<T, D>& c, Module& module) {
  Official<Module> official{module};
  c.load(official);
}

// Diffusion steps where the case computes; they live as long as it.
template <class T, device D>
TensorView<const index_t, 1, D> steps_at(CaseOn<T, D>& c, const std::vector<double>& stored) {
  Tensor<index_t, 1> steps(static_cast<index_t>(stored.size()));
  for (index_t b = 0; b < steps.count(); ++b) steps(b) = static_cast<index_t>(stored[static_cast<std::size_t>(b)]);
  if constexpr (std::is_same_v<D, Host>)
    return std::as_const(c.template make<Tensor<index_t, 1>>(std::move(steps))).view();
  else
    return std::as_const(c.template make<Tensor<index_t, 1, D>>(cuda::to_device(steps))).view();
}

// --- what needs no network ----------------------------------------------------------------------------------------

template <class T>
std::vector<double> rounded(const Tensor<double, 1>& values) {
  std::vector<double> out;
  for (index_t i = 0; i < values.size(0); ++i) out.push_back(static_cast<double>(static_cast<T>(values(i))));
  return out;
}

// T, a length of a schedule that nothing in the file shows.
inline index_t schedule_length(const CaseBase& c) {
  CaseBase::expect_length("T", static_cast<double>(c.config.integer("T")));
  return c.config.integer("T");
}

template <class T, device D>
void sssd_schedule(CaseOn<T, D>& c) {
  const auto s =
      NoiseSchedule::linear(c.size_option("T", "out/Beta", 0), c.config.number("beta_0"), c.config.number("beta_T"));
  c.out("Beta", rounded<T>(s.beta));
  c.out("Alpha", rounded<T>(s.alpha));
  c.out("Alpha_bar", rounded<T>(s.alpha_bar));
  c.out("Sigma", rounded<T>(s.sigma));
}

template <class T, device D>
void sssd_step_embedding(CaseOn<T, D>& c) {
  const TensorView<const index_t, 1, D> steps = steps_at(c, c.doubles("in/steps"));
  c.config.numbers("steps");  // the same again
  Tensor<T, 2, D> y(steps.size(0), c.size_option("dim", "out/embedding", 1));
  step_embedding(y.view(), steps);
  c.out("embedding", std::as_const(y).view());
}

// --- the network with its numbers from the file -------------------------------------------------------------------

template <class T, device D>
Sssd<T, D>& sssd_network(CaseOn<T, D>& c) {
  const std::string first = "residual_layer.residual_blocks.0.";
  const std::vector<double> embed = c.config.numbers("embed");
  if (embed.size() != 3) throw_value_error("embed: three sizes expected");
  const index_t lmax = c.config.integer("lmax"), layers = c.config.integer("layers");
  CaseBase::expect_length("lmax", static_cast<double>(lmax));
  if (layers > 64) throw_value_error("layers: at most 64 expected");
  SssdOptions o{.in_channels = parameter_size(c, "C", "init_conv.0.conv.weight_v", 1),
                .num_res_layers = layers,
                .res_channels = parameter_size(c, "res", first + "res_conv.weight_v", 0),
                .skip_channels = parameter_size(c, "skip", first + "skip_conv.weight_v", 0),
                .diffusion_step_embed_dim_in = c.axis("param/residual_layer.fc_t1.weight", 1),
                .diffusion_step_embed_dim_mid = c.axis("param/residual_layer.fc_t1.weight", 0),
                .diffusion_step_embed_dim_out = c.axis("param/residual_layer.fc_t2.weight", 0),
                .s4_lmax = lmax,
                .s4_bidirectional = c.config.integer("bidirectional") != 0,
                .s4_layernorm = c.config.integer("layernorm") != 0};
  o.out_channels = o.in_channels;
  CaseBase::expect_size("embed[0]", static_cast<index_t>(embed[0]), o.diffusion_step_embed_dim_in);
  CaseBase::expect_size("embed[1]", static_cast<index_t>(embed[1]), o.diffusion_step_embed_dim_mid);
  CaseBase::expect_size("embed[2]", static_cast<index_t>(embed[2]), o.diffusion_step_embed_dim_out);
  o.s4_d_state = c.size_option("d_state", 2 * c.axis("param/" + first + "S41.s4_layer.kernel.kernel.w", 1));
  Generator gen(1);
  Sssd<T, D>& net = c.template make<Sssd<T, D>>(o, gen);
  load_official(c, net);
  return net;
}

template <class T, device D>
void sssd_loss(CaseOn<T, D>& c) {
  Sssd<T, D>& net = sssd_network(c);
  const auto& levels = c.template make<NoiseLevels<T, D>>(NoiseSchedule::linear(schedule_length(c), 1e-4, 0.02));
  std::vector<double> stored;
  for (const std::int64_t t : c.integers("in/steps")) stored.push_back(static_cast<double>(t));
  const TensorView<const index_t, 1, D> steps = steps_at(c, stored);
  c.size_option("B", "in/x0", 0);
  c.size_option("L", "in/x0", 2);
  const TrainingSample<T, D> sample{.x0 = c.template values<3>("in/x0"),
                                    .mask = c.template values<3>("in/mask"),
                                    .cond = c.template values<3>("in/cond")};
  c.out("loss", training_loss<T, D>(c.tape, net, sample, levels, c.template values<3>("in/noise"), steps,
                                    {.only_generate_missing = c.config.integer("only_generate_missing") != 0}));
}

template <class T, device D>
void sssd_sampling(CaseOn<T, D>& c) {
  Sssd<T, D>& net = sssd_network(c);
  const auto noise = c.template values<4>("in/noise");
  const auto schedule = NoiseSchedule::linear(c.size_option("T", "in/noise", 0), 1e-4, c.config.number("beta_T"));
  c.size_option("B", "in/cond", 0);
  c.size_option("L", "in/cond", 2);
  const auto cond = c.template values<3>("in/cond");
  Sampler<T, D> sampler(
      ddpm(schedule), cond.sizes(),
      {.only_generate_missing = c.config.integer("only_generate_missing") != 0, .restore_known = false});
  c.out("x", sampler.sample(net, cond, c.template values<3>("in/mask"), noise));
}

// --- a block, and the network from its configuration --------------------------------------------------------------

inline SssdOptions sssd_options(const CaseBase& c, const std::string& block) {
  const std::vector<double> embed = c.config.numbers("embed");
  if (embed.size() != 3) throw_value_error("embed: three sizes expected");
  SssdOptions o;
  o.in_channels = o.out_channels = c.config.integer("C");
  o.num_res_layers = c.config.integer("layers");
  o.res_channels = c.size_option("res", "param/" + block + "res_conv.weight_v", 0);
  o.skip_channels = c.size_option("skip", "param/" + block + "skip_conv.weight_v", 0);
  o.diffusion_step_embed_dim_in = static_cast<index_t>(embed[0]);
  o.diffusion_step_embed_dim_mid = static_cast<index_t>(embed[1]);
  o.diffusion_step_embed_dim_out = c.axis("param/" + block + "fc_t.weight", 1);
  CaseBase::expect_size("embed[2]", static_cast<index_t>(embed[2]), o.diffusion_step_embed_dim_out);
  o.s4_d_state = c.size_option("d_state", 2 * c.axis("param/" + block + "S41.s4_layer.kernel.kernel.w", 1));
  CaseBase::expect_length("lmax", static_cast<double>(c.config.integer("lmax")));
  o.s4_lmax = c.config.integer("lmax");
  o.s4_bidirectional = c.config.integer("bidirectional") != 0;
  o.s4_layernorm = c.config.integer("layernorm") != 0;
  return o;
}

template <class T, device D>
void sssd_residual_block(CaseOn<T, D>& c) {
  const SssdOptions o = sssd_options(c, "");
  Generator gen(1);
  auto& block = c.template make<SssdBlock<SssdS4<T, D>>>(o, 2 * o.in_channels, index_t(0), gen);
  load_official(c, block);
  const auto x = c.template in<3>("x");
  c.size_option("B", "in/x", 0);
  c.size_option("L", "in/x", 2);
  const auto out = block(c.tape, x, c.template in<3>("cond"), c.template in<2>("embedding"));
  c.out("x_next", out.x_next);
  c.out("skip", out.skip);
}

template <class T, device D>
void sssd_model(CaseOn<T, D>& c) {
  const std::string first = "residual_layer.residual_blocks.0.";
  const SssdOptions o = sssd_options(c, first);
  if (o.num_res_layers > 64) throw_value_error("layers: at most 64 expected");
  c.size_option("C", "in/noisy", 1);
  CaseBase::expect_size("embed[0]", o.diffusion_step_embed_dim_in, c.axis("param/residual_layer.fc_t1.weight", 1));
  CaseBase::expect_size("embed[1]", o.diffusion_step_embed_dim_mid, c.axis("param/residual_layer.fc_t1.weight", 0));
  Generator gen(1);
  auto& net = c.template make<Sssd<T, D>>(o, gen);
  load_official(c, net);
  const auto noisy = c.template in<3>("noisy");
  c.size_option("B", "in/noisy", 0);
  c.size_option("L", "in/noisy", 2);
  const TensorView<const index_t, 1, D> steps = steps_at(c, c.doubles("in/steps"));
  c.out("eps", net(c.tape, noisy, c.template in<3>("cond"), c.template in<3>("mask"), steps));
}

}  // namespace longwave::golden
