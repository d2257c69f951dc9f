// step_tables.hpp - tables for stepping (step.hpp) from a kernel's parameters on a tape.
//
// Kernels that are not diagonal overload make_step_tables<T>(vars, options) for their vars; what it returns has
// modes() and step() as StepTables.
#pragma once

#include "longwave/state_space/ssm.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

template <class T, diagonal_vars V>
StepTables<T> make_step_tables(const V& vars, const StepOptions& options) {
  const ModeSizes s = vars.sizes();
  if (!(options.rate > 0))
    throw_value_error("make_step_tables: rate is " + std::to_string(options.rate) + ", expected more than 0");
  if constexpr (requires { vars.needs_length(); })
    if (vars.needs_length() && options.length < 1)
      throw_value_error("make_step_tables: this kernel depends on its length, name the length that it was trained for");
  Tensor<complex<double>, 2> x(s.H, s.N), b(V::input_weights ? s.H : 0, s.N);
  Tensor<complex<double>, 3> c(s.C, s.H, s.N);
  const DiagonalModes<> modes{x.view(), V::input_weights ? b.view() : TensorView<complex<double>, 2>(), c.view()};
  vars.forward(modes, ModeCall{options.length, options.rate});
  if (detail::is_anchored(vars) && impl::any_growing(x.view()))
    throw_value_error("make_step_tables: modes that grow (Re x > 0) and are anchored at the last sample have no state");
  return StepTables<T>(modes.x, modes.b, modes.c);
}

}  // namespace longwave
