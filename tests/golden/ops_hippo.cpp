// State-space matrices and initialisations: nothing goes in, so the options say everything.
#include "case.hpp"
#include "longwave/state_space/init.hpp"

namespace longwave::golden {
namespace {

template <int N>
std::vector<double> as_reals(TensorView<const complex<double>, N> z) {
  std::vector<double> reals;
  const auto flat = z.flat();
  for (index_t i = 0; i < flat.size(0); ++i) {
    reals.push_back(flat(i).re);
    reals.push_back(flat(i).im);
  }
  return reals;
}

std::vector<double> sizes_of(const complex<double>* z, index_t count) {
  std::vector<double> sizes;
  for (index_t i = 0; i < count; ++i) sizes.push_back(std::sqrt(norm2(z[i])));
  return sizes;
}

// The SSSD code has a legt and a fourier of its own; fout there, if asked for, is the newer code's.
Measure measure_of(const Config& config) {
  const std::string name = config.text("measure"), variant = config.text("variant", "s4");
  if (variant != "s4" && variant != "sssd") throw Unsupported("variant = " + variant);
  const bool own = variant == "sssd" && (name == "legt" || name == "fourier");
  return parse_measure(own ? name + "_sssd" : name);
}

const Op hippo_transition_op("hippo_transition", []<class T>(Case<T>& c) {
  const Measure measure = measure_of(c.config);
  const Transition t = transition(measure, c.size_option("N", "out/B", 0));
  c.out("A", to_doubles(t.A.view()));
  c.out("B", to_doubles(t.B.view()));
});

const Op hippo_nplr_eigs_op("hippo_nplr_eigs", []<class T>(Case<T>& c) {
  const index_t N = c.config.integer("N"), rank = c.config.integer("rank");
  c.expect_size("N", N, 2 * c.axis("out/A", 0));
  c.expect_size("rank", rank, c.axis("out/P", 0));
  const Measure measure = measure_of(c.config);
  const Nplr d = nplr(measure, N, rank), clipped = nplr(measure, N, rank, 2.0);
  Tensor<complex<double>, 2> B_conj_P(rank, N / 2);
  for (index_t r = 0; r < rank; ++r)
    for (index_t n = 0; n < N / 2; ++n) B_conj_P(r, n) = d.B(n) * conj(d.P(r, n));
  c.out("A", as_reals(d.A.view()));
  c.out("B", as_reals(d.B.view()));
  c.out("P", as_reals(d.P.view()));
  c.out("B_clipped", as_reals(clipped.B.view()));
  c.out("abs_B", sizes_of(d.B.data(), d.B.count()));
  c.out("abs_P", sizes_of(d.P.data(), d.P.count()));
  c.out("B_conj_P", as_reals(std::as_const(B_conj_P).view()));
});

const Op ssm_init_op("ssm_init", []<class T>(Case<T>& c) {
  SsmInitOptions o;
  const std::string init = c.config.text("init");
  o.init = init.starts_with("diag") || init.starts_with("dplr") ? init : "diag-" + init;
  o.n_ssm = c.size_option("H", "out/A", 0);
  o.d_state = c.config.integer("N");
  c.expect_size("N", o.d_state, 2 * c.axis("out/A", 1));
  o.B_init = c.config.text("B_init", o.B_init);
  o.normalize = c.config.flag("normalize", o.normalize);
  o.real_scale = c.config.number("real_scale", o.real_scale);
  o.imag_scale = c.config.number("imag_scale", o.imag_scale);
  o.B_scale = c.config.number("B_scale", o.B_scale);
  Generator gen(0);
  const SsmInit s = ssm_init(o, gen);
  c.out("A", as_reals(s.A.view()));
  if (c.has("out/B")) c.out("B", as_reals(s.B.view()));
});

const Op dss_init_op("dss_init", []<class T>(Case<T>& c) {
  Generator gen(0);
  const index_t N = c.size_option("N", "out/Lambda", 0);
  const Tensor<complex<double>, 1> Lambda = dss_lambda_init("hippo_skew_pos_imag", N, gen);
  c.out("Lambda", as_reals(Lambda.view()));
});

}  // namespace
}  // namespace longwave::golden
