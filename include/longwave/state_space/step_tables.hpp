// step_tables.hpp - tables for stepping (step.hpp) from a kernel's parameters on a tape.
//
// Kernels that are not diagonal overload make_step_tables<T>(vars, options) for their vars; what it returns has
// modes() and step() as StepTables.
#pragma once

#include "longwave/state_space/ssm.hpp"
#include "longwave/state_space/step.hpp"

namespace longwave {

namespace detail {

// Where a kernel's parameters are.
template <class V>
struct VarsDevice {
  using type = Host;
};
template <class V>
  requires requires(const V& vars, const DiagonalModes<Cuda>& modes, const ModeCall& call) {
    vars.forward(modes, call);
  }
struct VarsDevice<V> {
  using type = Cuda;
};
template <class V>
using vars_device = typename VarsDevice<V>::type;

template <class T, int N>
TensorView<const T, N> on_host(const Tensor<T, N>& x) {
  return x;
}
template <class T, int N>
Tensor<T, N> on_host(const Tensor<T, N, Cuda>& x) {
  return cuda::to_host(x);
}

}  // namespace detail

// Tables lie where the parameters do; they are made on the host, once.
template <class T, diagonal_vars V>
StepTables<T, detail::vars_device<V>> make_step_tables(const V& vars, const StepOptions& options) {
  using D = detail::vars_device<V>;
  const ModeSizes s = vars.sizes();
  if (!(options.rate > 0))
    throw_value_error("make_step_tables: rate is " + std::to_string(options.rate) + ", expected more than 0");
  if constexpr (requires { vars.needs_length(); })
    if (vars.needs_length() && options.length < 1)
      throw_value_error("make_step_tables: this kernel depends on its length, name the length that it was trained for");
  Tensor<complex<double>, 2, D> x(s.H, s.N), b(V::input_weights ? s.H : 0, s.N);
  Tensor<complex<double>, 3, D> c(s.C, s.H, s.N);
  const auto weights = V::input_weights ? b.view() : TensorView<complex<double>, 2, D>();
  vars.forward(DiagonalModes<D>{x.view(), weights, c.view()}, ModeCall{options.length, options.rate});
  const auto x_host = detail::on_host(x), b_host = detail::on_host(b);
  const auto c_host = detail::on_host(c);
  const TensorView<const complex<double>, 2> modes = x_host;
  if (detail::is_anchored(vars) && impl::any_growing(modes))
    throw_value_error("make_step_tables: modes that grow (Re x > 0) and are anchored at the last sample have no state");
  StepTables<T> tables(
      modes, V::input_weights ? TensorView<const complex<double>, 2>(b_host) : TensorView<const complex<double>, 2>(),
      c_host);
  if constexpr (std::is_same_v<D, Host>)
    return tables;
  else
    return to_device(tables);
}

}  // namespace longwave
