// The network of the cases sssd_loss and sssd_sampling, with its numbers from the file.
#pragma once

#include "case.hpp"
#include "longwave/models/sssd.hpp"

namespace longwave::golden {

// The option `key`: the size of axis `axis` of a stored parameter.
inline index_t parameter_size(const CaseBase& c, const std::string& key, const std::string& name, std::size_t axis) {
  return c.size_option(key, "param/" + name, axis);
}

// What the official state dict holds: l_kernel is our own.
template <class T, device D>
struct OfficialSssd {
  Sssd<T, D>& net;

  template <class F>
  void for_each_parameter(F&& f) {
    net.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    net.for_each_buffer([&](const std::string& name, auto& buffer) {
      if (!name.ends_with(".l_kernel")) f(name, buffer);
    });
  }
};

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
  OfficialSssd<T, D> official{net};
  c.load(official);
  return net;
}

}  // namespace longwave::golden
