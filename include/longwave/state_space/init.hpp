// init.hpp - where state-space layers start: modes A, inputs B and rank corrections P by name, steps dt. In double.
//
//   name                     modes, n = 0..N/2-1                       B
//   legs, legt, fourier ...  every measure of hippo.hpp, by nplr.hpp   V^* B, Im B cut to [-B_clip, B_clip]
//   diag-NAME                A = -Re - i Im, without P                 B_init
//   dplr-NAME                the same, P complex normal x P_scale      B_init
//   hippo                    copies of legs, then of fourier
//   diag                     copies of diag-inv, then of diag-lin
//   all                      legs, fourier, diag-inv, diag-lin
//
//   NAME       Im                          Re
//   lin        pi n                        1/2
//   inv        (N/pi) (N/(2n+1) - 1)       1/2
//   inv2       (N/pi) (N/(n+1) - 1)        1/2
//   quad       (2n+1)^2 / pi               1/2
//   rand       e^N(0, 1)                   1/2
//   real       0                           n + 1, not scaled
//   legs       -Im of legs' NPLR form      1/2, and B from there
//
//   real_random   Re = U(0, 1) for 1/2; N/2 U(0, 1) for real       real_scale, imag_scale   factors of Re and Im
//   imag_random   n replaced by N/2 U(0, 1) in the formulas
//   B_init        constant 1, random (complex normal), alternating (-1)^n, unit-cw e^{-2 pi i n/N}, unit-ccw
//   normalize     B / sqrt(2 sum_n |B_n / A_n|^2): unit variance of the output for random C and constant input
//
// S copies (n_ssm) are split evenly among the parts of a combination, in order; the features of a layer then take the
// copies in turn, feature h copy h mod S. Measures of low rank fill the first rows of P, the others are 0.
// Sources: Gu et al. 2022 (S4D), section 4, and 2023 (How to train your HiPPO); Gupta et al. 2022 (DSS), section 3.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/state_space/nplr.hpp"

namespace longwave {

struct SsmInitOptions {
  std::string init = "legs";
  index_t d_state = 64;  // N, twice the number of modes
  index_t rank = 1;
  index_t n_ssm = 1;                   // S
  std::optional<double> B_clip = 2.0;  // none: the exact HiPPO system
  // diag- and dplr- only
  bool real_random = false, imag_random = false;
  double real_scale = 1, imag_scale = 1;
  std::string B_init = "constant";
  double B_scale = 1, P_scale = 1;
  bool normalize = false;
};

struct SsmInit {
  Tensor<complex<double>, 2> A, B;  // (S, N/2)
  Tensor<complex<double>, 3> P;     // (rank, S, N/2)
  Tensor<complex<double>, 2> C;     // (S, N/2): V^* e_0, what a layer without random numbers takes for C
};

namespace detail {

inline constexpr const char* diagonal_inits[] = {"lin", "inv", "inv2", "quad", "rand", "real", "legs"};

inline std::string canonical_diagonal_init(const std::string& name) {
  static constexpr const char* aliases[][2] = {{"linear", "lin"},     {"inverse", "inv"}, {"inverse2", "inv2"},
                                               {"quadratic", "quad"}, {"random", "rand"}, {"hippo", "legs"}};
  for (const auto& alias : aliases)
    if (name == alias[0]) return alias[1];
  return name;
}

[[noreturn]] LONGWAVE_COLD inline void throw_unknown_init(const std::string& name) {
  std::string names;
  for (const char* one : diagonal_inits) names += (names.empty() ? "" : ", ") + std::string(one);
  throw_value_error("ssm_init: unknown init '" + name + "', expected hippo, diag, all, diag-NAME or dplr-NAME with " +
                    "NAME one of " + names + ", or a measure: " + measure_list());
}

inline bool is_diagonal_init(const std::string& init) { return init.starts_with("diag-") || init.starts_with("dplr-"); }

inline std::vector<std::string> init_parts(const std::string& init) {
  if (init == "hippo") return {"legs", "fourier"};
  if (init == "diag") return {"diag-inv", "diag-lin"};
  if (init == "all") return {"legs", "fourier", "diag-inv", "diag-lin"};
  return {init};
}

inline void check_ssm_init(const SsmInitOptions& o, std::size_t parts) {
  const auto fail = [](const std::string& what) { throw_value_error("ssm_init: " + what); };
  if (o.d_state < 2 || o.d_state % 2 != 0)
    fail("d_state is " + std::to_string(o.d_state) + ", expected an even number of at least 2: modes come in pairs");
  if (o.rank < 1) fail("rank is " + std::to_string(o.rank) + ", expected at least 1");
  const auto n = static_cast<index_t>(parts);
  if (o.n_ssm < 1 || o.n_ssm % n != 0)
    fail("n_ssm is " + std::to_string(o.n_ssm) + ", expected a multiple of " + std::to_string(n) +
         (n > 1 ? ", for init '" + o.init + "' has as many parts" : ""));
  if (!(o.real_scale >= 0 && o.imag_scale >= 0))
    fail("real_scale is " + std::to_string(o.real_scale) + " and imag_scale " + std::to_string(o.imag_scale) +
         ", expected at least 0");
  if (o.B_clip && !(*o.B_clip >= 0)) fail("B_clip is " + std::to_string(*o.B_clip) + ", expected none or at least 0");
}

// Complex normal numbers of variance 1, times scale.
inline void fill_complex_normal(TensorView<complex<double>, 2> z, double scale, Generator& gen) {
  Tensor<double, 3> parts(z.size(0), z.size(1), 2);
  gen.normal(parts.view(), 0, scale * (std::numbers::sqrt2 / 2));
  for (index_t i = 0; i < z.size(0); ++i)
    for (index_t j = 0; j < z.size(1); ++j) z(i, j) = {parts(i, j, 0), parts(i, j, 1)};
}

// One part of the copies, from views of the whole.
struct InitPart {
  TensorView<complex<double>, 2> A, B, C;  // (s, N/2)
  TensorView<complex<double>, 3> P;        // (rank, s, N/2)

  index_t copies() const { return A.size(0); }
  index_t modes() const { return A.size(1); }
};

inline void init_hippo(const InitPart& to, Measure measure, const SsmInitOptions& o) {
  const Nplr one = nplr(measure, o.d_state, o.rank, o.B_clip);
  for (index_t s = 0; s < to.copies(); ++s)
    for (index_t n = 0; n < to.modes(); ++n) {
      to.A(s, n) = one.A(n);
      to.B(s, n) = one.B(n);
      to.C(s, n) = conj(one.V(0, n));
      for (index_t r = 0; r < o.rank; ++r) to.P(r, s, n) = one.P(r, n);
    }
}

// Im of mode n, which may be a fraction where imag_random replaces it.
inline double imaginary_part(const std::string& name, double n, double N) {
  constexpr double pi = std::numbers::pi;
  if (name == "lin") return pi * n;
  if (name == "inv") return N / pi * (N / (2 * n + 1) - 1);
  if (name == "inv2") return N / pi * (N / (n + 1) - 1);
  if (name == "quad") return (2 * n + 1) * (2 * n + 1) / pi;
  return 0;  // real
}

inline void init_diagonal_A(const InitPart& to, const std::string& name, const SsmInitOptions& o, const Nplr* legs,
                            Generator& gen) {
  const auto N = static_cast<double>(o.d_state);
  Tensor<double, 2> re(to.copies(), to.modes()), im(to.copies(), to.modes());
  if (o.real_random) gen.uniform(re.view());
  if (name == "rand")
    gen.normal(im.view());
  else if (o.imag_random)
    gen.uniform(im.view(), 0, N / 2);
  for (index_t s = 0; s < to.copies(); ++s)
    for (index_t n = 0; n < to.modes(); ++n) {
      const double place = o.imag_random ? im(s, n) : static_cast<double>(n);
      const double imag = name == "rand"    ? std::exp(im(s, n))
                          : legs != nullptr ? -legs->A(n).im
                                            : imaginary_part(name, place, N);
      const double real = name == "real" ? (o.real_random ? N / 2 * re(s, n) : static_cast<double>(n + 1))
                                         : o.real_scale * (o.real_random ? re(s, n) : 0.5);
      to.A(s, n) = {-real, -o.imag_scale * imag};
    }
}

inline void init_diagonal_B(const InitPart& to, const SsmInitOptions& o, const Nplr* legs, Generator& gen) {
  const double turn = 2 * std::numbers::pi / static_cast<double>(o.d_state);
  if (o.B_init == "random")
    fill_complex_normal(to.B, 1, gen);
  else if (o.B_init != "constant" && o.B_init != "alternating" && o.B_init != "unit-cw" && o.B_init != "unit-ccw")
    throw_value_error("ssm_init: unknown B_init '" + o.B_init +
                      "', expected one of constant, random, alternating, unit-cw, unit-ccw");
  for (index_t s = 0; s < to.copies(); ++s) {
    double gain = 0;
    for (index_t n = 0; n < to.modes(); ++n) {
      complex<double>& b = to.B(s, n);
      const complex<double> unit = exp(complex<double>(0, turn * static_cast<double>(n)));
      if (legs != nullptr)
        b = legs->B(n);
      else if (o.B_init == "constant")
        b = 1;
      else if (o.B_init == "alternating")
        b = n % 2 == 0 ? 1 : -1;
      else if (o.B_init != "random")
        b = o.B_init == "unit-cw" ? conj(unit) : unit;
      b = o.B_scale * b;
      gain += 2 * norm2(b) / norm2(to.A(s, n));
    }
    if (o.normalize && gain > 0)
      for (index_t n = 0; n < to.modes(); ++n) to.B(s, n) = (1 / std::sqrt(gain)) * to.B(s, n);
  }
}

inline void init_diagonal(const InitPart& to, const std::string& init, const SsmInitOptions& o, Generator& gen) {
  const std::string name = canonical_diagonal_init(init.substr(5));
  if (std::find(std::begin(diagonal_inits), std::end(diagonal_inits), name) == std::end(diagonal_inits))
    throw_unknown_init(init);
  const std::optional<Nplr> legs =
      name == "legs" ? std::optional(nplr(Measure::legs, o.d_state, 1, o.B_clip)) : std::nullopt;
  init_diagonal_A(to, name, o, legs ? &*legs : nullptr, gen);
  init_diagonal_B(to, o, legs ? &*legs : nullptr, gen);
  for (index_t s = 0; s < to.copies(); ++s) to.C(s, 0) = 1;
  if (init.starts_with("dplr-"))
    for (index_t r = 0; r < o.rank; ++r) fill_complex_normal(to.P[r], o.P_scale, gen);
}

}  // namespace detail

inline SsmInit ssm_init(const SsmInitOptions& o, Generator& gen) {
  const std::vector<std::string> parts = detail::init_parts(o.init);
  detail::check_ssm_init(o, parts.size());
  const index_t S = o.n_ssm, M = o.d_state / 2, each = S / static_cast<index_t>(parts.size());
  SsmInit all{Tensor<complex<double>, 2>(S, M), Tensor<complex<double>, 2>(S, M),
              Tensor<complex<double>, 3>(o.rank, S, M), Tensor<complex<double>, 2>(S, M)};
  index_t begin = 0;
  for (const std::string& part : parts) {
    const index_t end = begin + each;
    const detail::InitPart to{all.A.view().slice(0, begin, end), all.B.view().slice(0, begin, end),
                              all.C.view().slice(0, begin, end), all.P.view().slice(1, begin, end)};
    begin = end;
    if (detail::is_diagonal_init(part)) {
      detail::init_diagonal(to, part, o, gen);
    } else if (const std::optional<Measure> measure = find_measure(part)) {
      detail::init_hippo(to, *measure, o);
    } else {
      detail::throw_unknown_init(part);
    }
  }
  return all;
}

// dt (H, 1), or (H, N) for a step per mode: log-uniform in [dt_min, dt_max]. Deterministic: evenly spaced logarithms
// over the features, dt_min first and dt_max last.
inline Tensor<double, 2> dt_init(Extents<2> sizes, double dt_min, double dt_max, bool deterministic, Generator& gen) {
  if (!(dt_min > 0 && dt_min <= dt_max && std::isfinite(dt_max)))
    throw_value_error("dt_init: dt_min is " + std::to_string(dt_min) + " and dt_max " + std::to_string(dt_max) +
                      ", expected 0 < dt_min <= dt_max");
  Tensor<double, 2> dt(sizes);
  const double low = std::log(dt_min), high = std::log(dt_max);
  if (!deterministic) gen.uniform(dt.view(), low, high);
  for (index_t h = 0; h < sizes[0]; ++h)
    for (index_t n = 0; n < sizes[1]; ++n) {
      const double part = sizes[0] > 1 ? static_cast<double>(h) / static_cast<double>(sizes[0] - 1) : 0;
      dt(h, n) = std::clamp(std::exp(deterministic ? low + part * (high - low) : dt(h, n)), dt_min, dt_max);
    }
  return dt;
}

// DSS's Lambda (N): all modes, no pairs.
//   hippo_skew_pos_imag   -1/2 + i times the N largest frequencies of legs of size 2N, descending
//   randn                 complex normal of variance 1: real parts of either sign
inline Tensor<complex<double>, 1> dss_lambda_init(const std::string& name, index_t N, Generator& gen) {
  if (N < 1) throw_value_error("dss_lambda_init: N is " + std::to_string(N) + ", expected at least 1");
  Tensor<complex<double>, 1> Lambda(N);
  if (name == "hippo_skew_pos_imag") {
    const Tensor<double, 1> frequencies = skew_frequencies(N);
    for (index_t n = 0; n < N; ++n) Lambda(n) = {-0.5, frequencies(n)};
  } else if (name == "randn") {
    detail::fill_complex_normal(Lambda.view().reshape(Extents<2>{1, N}), 1, gen);
  } else {
    throw_value_error("dss_lambda_init: unknown init '" + name + "', expected hippo_skew_pos_imag or randn");
  }
  return Lambda;
}

}  // namespace longwave
