#include "compare/forms.hpp"

namespace longwave::compare {

namespace {

const Form& form_of(Algorithm algorithm) {
  for (const Form& form : forms())
    if (form.algorithm == algorithm) return form;
  throw_value_error("longwave_compare: no form for this algorithm");
}

}  // namespace

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {"s4", "S4", "S4 kernel (Cauchy, generating function), then FFT convolution", {}},
      {"s4d", "S4D", "S4D kernel (Vandermonde), then FFT convolution", Algorithm::fft},
      {"dss", "DSS", "DSS kernel (softmax), then FFT convolution", {}},
      {"scan", "scan", "S4D as a recurrence, step by step", Algorithm::scan},
      {"chunk", "chunk", "S4D as a recurrence in chunks", Algorithm::chunk},
  };
  return all;
}

const Form& form_named(const std::string& name) {
  std::string names;
  for (const Form& form : forms()) {
    if (form.name == name) return form;
    names += (names.empty() ? "" : ", ") + std::string(form.name);
  }
  throw_value_error("no form is named \"" + name + "\", expected one of " + names);
}

const Form& chosen_forward(const Sizes& s, bool on_cuda) {
  return form_of(on_cuda ? impl::chosen_forward<float, Cuda>(s.B, s.N / 2, s.L) : choose_forward(s.B, s.N / 2, s.L));
}
const Form& chosen_backward(const Sizes& s, bool on_cuda) {
  return form_of(on_cuda ? impl::chosen_backward<float, Cuda>(s.B, s.N / 2, s.L) : choose_backward(s.B, s.N / 2, s.L));
}

}  // namespace longwave::compare
