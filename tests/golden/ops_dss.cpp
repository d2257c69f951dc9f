// dss_kernel.
#include "case.hpp"
#include "longwave/state_space/kernel_dss.hpp"

namespace longwave::golden {
namespace {

const Op dss_kernel_op("dss_kernel", []<class T>(Case<T>& c) {
  const DssForm form{.version = parse_dss_version(c.config.text("version", "softmax")),
                     .epsilon = c.config.number("epsilon", 1e-7),
                     .max_real_Lambda = c.config.number("max_real_Lambda", 1e-4)};
  c.config.text("Lambda_init", "");  // how the stored Lambda was drawn
  for (const auto& [key, axis] : {std::pair("C", 0), std::pair("H", 1), std::pair("N", 2)})
    if (c.config.has(key)) c.size_option(key, "param/W", static_cast<std::size_t>(axis));
  const index_t steps = c.config.flag("sep_dt_re_im", true) ? 2 : 1;
  const index_t stored = c.count("param/log_dt");
  DssVars<T> p{.log_dt = c.template param<2>("log_dt", Extents<2>{stored / steps, steps}),
               .Lambda = {},
               .Lambda_re = {},
               .Lambda_im = {},
               .W = c.template param<4>("W"),
               .form = form};
  if (form.logarithmic()) {
    p.Lambda_re = c.template param<1>("Lambda_log_neg_re");
    p.Lambda_im = c.template param<1>(form.version == DssVersion::exp_re_im ? "Lambda_log_im" : "Lambda_im");
  } else {
    p.Lambda = c.template param<2>("Lambda");
  }
  c.out("K", ssm_kernel(c.tape, p, c.size_option("L", "out/K", 2)));
});

}  // namespace
}  // namespace longwave::golden
