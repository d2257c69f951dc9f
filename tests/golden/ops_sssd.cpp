// sssd_residual_block, sssd_model.
#include "case.hpp"
#include "longwave/models/sssd.hpp"

namespace longwave::golden {
namespace {

SssdOptions sssd_options(const CaseBase& c, const std::string& block) {
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

// The module without the buffers that the official state dict does not have.
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

const Op sssd_residual_block_op("sssd_residual_block", []<class T>(Case<T>& c) {
  const SssdOptions o = sssd_options(c, "");
  Generator gen(1);
  auto& block = c.template make<SssdBlock<SssdS4<T>>>(o, 2 * o.in_channels, index_t(0), gen);
  Official<SssdBlock<SssdS4<T>>> official{block};
  c.load(official);
  const auto x = c.template in<3>("x");
  c.size_option("B", "in/x", 0);
  c.size_option("L", "in/x", 2);
  const auto out = block(c.tape, x, c.template in<3>("cond"), c.template in<2>("embedding"));
  c.out("x_next", out.x_next);
  c.out("skip", out.skip);
});

const Op sssd_model_op("sssd_model", []<class T>(Case<T>& c) {
  const std::string first = "residual_layer.residual_blocks.0.";
  const SssdOptions o = sssd_options(c, first);
  if (o.num_res_layers > 64) throw_value_error("layers: at most 64 expected");
  c.size_option("C", "in/noisy", 1);
  CaseBase::expect_size("embed[0]", o.diffusion_step_embed_dim_in, c.axis("param/residual_layer.fc_t1.weight", 1));
  CaseBase::expect_size("embed[1]", o.diffusion_step_embed_dim_mid, c.axis("param/residual_layer.fc_t1.weight", 0));
  Generator gen(1);
  auto& net = c.template make<Sssd<T>>(o, gen);
  Official<Sssd<T>> official{net};
  c.load(official);
  const auto noisy = c.template in<3>("noisy");
  c.size_option("B", "in/noisy", 0);
  c.size_option("L", "in/noisy", 2);
  const std::vector<double> stored = c.doubles("in/steps");
  auto& steps = c.template make<Tensor<index_t, 1>>(static_cast<index_t>(stored.size()));
  for (index_t b = 0; b < steps.count(); ++b) steps(b) = static_cast<index_t>(stored[static_cast<std::size_t>(b)]);
  c.out("eps", net(c.tape, noisy, c.template in<3>("cond"), c.template in<3>("mask"), std::as_const(steps).view()));
});

}  // namespace
}  // namespace longwave::golden
