// ssm_kernel_diag, on either device.
#pragma once

#include "case.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/state_space/kernel_diag.hpp"

namespace longwave::golden {

// Complex parameters have their pairs in a last axis of 2, real ones no such axis: 1 here.
template <class T, device D>
Var<T, 4, D> pairs(CaseOn<T, D>& c, const std::string& name) {
  const auto& shape = c.shape("param/" + name);
  if (shape.size() == 4) return c.template param<4>(name);
  if (shape.size() != 3) throw_shape_error("param/" + name + " is " + detail::shape_text(shape));
  return c.template param<4>(name, Extents<4>{shape[0], shape[1], shape[2], 1});
}

template <class T, device D>
SsmVars<T, D> system_parameters(CaseOn<T, D>& c) {
  const Config& o = c.config;
  SsmVars<T, D> p;
  p.transforms = {transform_of(o.text("dt_transform"), "dt_transform"),
                  transform_of(o.text("real_transform"), "real_transform"),
                  transform_of(o.text("imag_transform"), "imag_transform"),
                  o.flag("dt_fast", false),
                  o.number("bandlimit", 0),
                  o.flag("is_real", false)};
  p.inv_dt = c.template param<2>("inv_dt");
  p.A_real = c.template param<2>("A_real");
  p.A_imag = c.template optional_param<2>("A_imag");
  p.B = pairs(c, "B");
  p.C = pairs(c, "C");
  if (c.has("param/P")) p.P = pairs(c, "P");
  return p;
}

// Stored (B, H, N, 2), or (B, H, N) for real modes; as ssm() takes it: (B, 2, N, H).
template <class T, device D>
Var<T, 4, D> state_of(CaseOn<T, D>& c) {
  const auto& shape = c.shape("in/state");
  if (shape.size() == 4) return contiguous(c.template in_transposed<4>("state", 1, 3));
  if (shape.size() != 3) throw_shape_error("in/state is " + detail::shape_text(shape));
  const auto real = c.template in_transposed<3>("state", 1, 2);
  const Extents<4> sizes{shape[0], 1, shape[2], shape[1]};
  const Var<T, 4, D> zero = c.tape.make(sizes, false);
  detail::fill(zero.output(), T(0));
  return concat(1, reshape(contiguous(real), sizes), zero);
}

template <class Disc, class T, device D>
void diagonal_kernel(CaseOn<T, D>& c, const SsmVars<T, D>& p) {
  const DiagVars<T, D, Disc> vars{p};
  const index_t L = c.size_option("L", "out/K", 2);
  const double rate = c.config.number("rate", 1);
  c.out("K", ssm_kernel(c.tape, vars, L, rate));
  if (!c.has("in/state")) return;
  if (!vars.input_weights) throw Unsupported("a state of the softmax form");
  const Var<T, 4, D> state = state_of(c);
  const ModeSizes s = vars.sizes();
  const Var<T, 3, D> silence = c.tape.make(Extents<3>{state.size(0), s.H, L}, false);
  detail::fill(silence.output(), T(0));
  const auto y = ssm(silence, vars, {}, {.rate = rate}, state).y;
  c.out("K_state", reshape(y, Extents<4>{state.size(0), s.C, s.H, L}));
}

template <class T, device D>
void ssm_kernel_diag(CaseOn<T, D>& c) {
  const SsmVars<T, D> p = system_parameters(c);
  const std::string disc = c.config.text("disc");
  if (disc == "zoh")
    diagonal_kernel<Zoh>(c, p);
  else if (disc == "bilinear")
    diagonal_kernel<Bilinear>(c, p);
  else if (disc == "dss")
    diagonal_kernel<Dss>(c, p);
  else
    throw Unsupported("disc = " + disc);
}

}  // namespace longwave::golden
