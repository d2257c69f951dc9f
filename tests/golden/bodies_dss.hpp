// dss_kernel, on either device.
#pragma once

#include "case.hpp"
#include "longwave/state_space/kernel_dss.hpp"

namespace longwave::golden {

// The sizes that the configuration states are those of the stored W (C, H, N, 2).
inline void check_sizes(CaseBase& c) {
  const std::string W = "param/W";
  if (c.shape(W).size() != 4) throw_shape_error(W + " is " + detail::shape_text(c.shape(W)) + ", expected 4 axes");
  if (c.config.has("C")) c.size_option("C", W, 0);
  if (c.config.has("H")) c.size_option("H", W, 1);
  if (c.config.has("N")) c.size_option("N", W, 2);
  c.config.text("Lambda_init", "");  // how the stored Lambda was drawn
}

inline DssForm form_of(CaseBase& c) {
  return {.version = parse_dss_version(c.config.text("version", "softmax")),
          .epsilon = c.config.number("epsilon", 1e-7),
          .max_real_Lambda = c.config.number("max_real_Lambda", 1e-4)};
}

template <class T, device D>
void dss_kernel(CaseOn<T, D>& c) {
  check_sizes(c);
  const DssForm form = form_of(c);
  const index_t steps = c.config.flag("sep_dt_re_im", true) ? 2 : 1;
  DssVars<T, D> p;
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
}

}  // namespace longwave::golden
