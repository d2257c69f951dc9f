// dss_kernel, dss_layer.
#include "case.hpp"
#include "longwave/nn/dss.hpp"

namespace longwave::golden {
namespace {

// The sizes that the configuration states are those of the stored W (C, H, N, 2); directions: kernels per channel.
void check_sizes(CaseBase& c, const std::string& W, index_t kernels_per_channel) {
  if (c.shape(W).size() != 4) throw_shape_error(W + " is " + detail::shape_text(c.shape(W)) + ", expected 4 axes");
  if (c.config.has("C")) c.expect_size("C", c.config.integer("C") * kernels_per_channel, c.shape(W)[0]);
  if (c.config.has("H")) c.size_option("H", W, 1);
  if (c.config.has("N")) c.size_option("N", W, 2);
  c.config.text("Lambda_init", "");  // how the stored Lambda was drawn
}

DssForm form_of(CaseBase& c) {
  return {.version = parse_dss_version(c.config.text("version", "softmax")),
          .epsilon = c.config.number("epsilon", 1e-7),
          .max_real_Lambda = c.config.number("max_real_Lambda", 1e-4)};
}

const Op dss_kernel_op("dss_kernel", []<class T>(Case<T>& c) {
  check_sizes(c, "param/W", 1);
  const DssForm form = form_of(c);
  const index_t steps = c.config.flag("sep_dt_re_im", true) ? 2 : 1;
  DssVars<T> p;
  p.form = form;
  p.log_dt = c.template param<2>("log_dt", Extents<2>{c.count("param/log_dt") / steps, steps});
  if (form.logarithmic()) {
    p.Lambda_re = c.template param<1>("Lambda_log_neg_re");
    p.Lambda_im = c.template param<1>(form.version == DssVersion::exp_re_im ? "Lambda_log_im" : "Lambda_im");
  } else {
    p.Lambda = c.template param<2>("Lambda");
  }
  p.W = c.template param<4>("W");
  c.out("K", ssm_kernel(c.tape, p, c.size_option("L", "out/K", 2)));
});

Activation activation_of(const Config& config, const std::string& key, const std::string& otherwise) {
  return config.has(key) ? parse_activation(config.text(key)) : parse_activation(otherwise);
}

const Op dss_layer_op("dss_layer", []<class T>(Case<T>& c) {
  const DssForm form = form_of(c);
  DssOptions o{.channels = c.config.integer("C", 1),
               .bidirectional = c.config.flag("bidirectional", false),
               .activation = activation_of(c.config, "activation", "none"),
               .final_act = activation_of(c.config, "postact", "none"),
               .weight_norm = c.config.flag("weight_norm", false),
               .l_max = c.config.integer("max_kernel_length", 0),
               .kernel = {.version = form.version,
                          .sep_dt_re_im = c.config.flag("sep_dt_re_im", true),
                          .epsilon = form.epsilon,
                          .max_real_Lambda = form.max_real_Lambda}};
  if (c.config.has("hyper_act")) o.hyper_act = parse_activation(c.config.text("hyper_act"));
  c.config.flag("checkpoint", false);  // whether the parameters are those of a fresh model
  check_sizes(c, "param/kernel.W", (o.bidirectional ? 2 : 1) * (o.hyper_act ? 2 : 1));
  o.d_model = c.shape("param/kernel.W")[1];
  o.d_state = c.shape("param/kernel.W")[2];
  Generator gen(1);
  auto& layer = c.template make<DSS<T>>(o, gen);
  c.load(layer);
  const bool transposed = c.config.flag("transposed", true);
  const int time = transposed ? 2 : 1;
  if (c.config.has("B")) c.size_option("B", "in/u", 0);
  if (c.config.has("L")) c.size_option("L", "in/u", static_cast<std::size_t>(time));
  if (transposed)
    c.out("y", layer(c.tape, c.template in<3>("u")));
  else
    c.out_transposed("y", layer(c.tape, c.template in_transposed<3>("u", 1, 2)), 1, 2);
});

}  // namespace
}  // namespace longwave::golden
