// hippo.hpp - transition matrices x' = A x + B u that remember the past of u, and what makes them normal (nplr.hpp).
// Small pure functions in double; rows i and columns j from 0, A (N, N), B (N), P (rank, N).
//
//   measure        A_ij                                             B_i               P_r, so that A + sum P P^T is
//   normal legs           -sqrt((2i+1)(2j+1)) below, -(i+1) on, 0 above    sqrt(2i+1)        sqrt(i + 1/2) legt -r_i
//   r_j, times (-1)^(i-j) above the diagonal    r_i / sqrt 2      r on odd i; r on even i
//                  with r_i = sqrt(i + 1/2)
//   fourier, fout  pi R - b b^T                                     b                 b
//   fourier_decay  pi R - b b^T / 2                                 b / 2             b / sqrt 2
//   fourier2       2 pi R - 2 b b^T                                 2 b               sqrt 2 b
//   foud           2 pi R - I / 2                                   b                 0
//   legsd          legs + B B^T / 2                                 sqrt(2i+1) / 2    0
//   lagt           -1 below, -1/2 on, 0 above the diagonal          1                 sqrt(1/2)
//   tlagt          -1 below, -1 on, 0 above                         1                 sqrt(1/2)
//   glagt          -1 below, -(1 + beta)/2 on, 0 above              sqrt(beta)        sqrt(1/2)         beta = 0.01
//   lmu            (2i+1) (-1 above, (-1)^(i-j+1) below and on)     (2i+1) (-1)^i     none
//   random         N(0, 1) / N                                      N(0, 1)           none
//   diagonal       -e^N(0, 1) on the diagonal                       N(0, 1)           none
//   legt_sssd      2 legt                                           2 legt            sqrt 2 legt
//   fourier_sssd   -2 pi R - [i - j even]                           [i even]          [i odd]; [i even]
//
// R: blocks of two, block k rotates by k: R_{2k,2k+1} = -k, R_{2k+1,2k} = k. b = (1, 0, sqrt 2, 0, sqrt 2, 0, ...).
// The last two are as in the SSSD code, which neither halves legt nor shares this fourier.
// Sources: Gu et al. 2020 (HiPPO), 2022 (S4, appendix C) and 2023 (How to train your HiPPO); Voelker et al. 2019 (LMU).
#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

enum class Measure {
  legs,
  legt,
  fourier,
  fourier_decay,
  fourier2,
  foud,
  legsd,
  lagt,
  tlagt,
  glagt,
  lmu,
  random,
  diagonal,
  legt_sssd,
  fourier_sssd
};

namespace detail {

struct MeasureName {
  std::string_view name;
  Measure measure;
};

inline constexpr MeasureName measure_names[] = {
    {"legs", Measure::legs},
    {"legt", Measure::legt},
    {"fourier", Measure::fourier},
    {"fout", Measure::fourier},
    {"fourier_decay", Measure::fourier_decay},
    {"fourier2", Measure::fourier2},
    {"foud", Measure::foud},
    {"legsd", Measure::legsd},
    {"lagt", Measure::lagt},
    {"tlagt", Measure::tlagt},
    {"glagt", Measure::glagt},
    {"lmu", Measure::lmu},
    {"random", Measure::random},
    {"diagonal", Measure::diagonal},
    {"legt_sssd", Measure::legt_sssd},
    {"fourier_sssd", Measure::fourier_sssd},
};

}  // namespace detail

inline std::string to_string(Measure measure) {
  for (const auto& entry : detail::measure_names)
    if (entry.measure == measure) return std::string(entry.name);
  return "?";
}

inline std::optional<Measure> find_measure(std::string_view name) {
  for (const auto& entry : detail::measure_names)
    if (entry.name == name) return entry.measure;
  return std::nullopt;
}

inline std::string measure_list() {
  std::string list;
  for (const auto& entry : detail::measure_names) list += (list.empty() ? "" : ", ") + std::string(entry.name);
  return list;
}

inline Measure parse_measure(std::string_view name) {
  const std::optional<Measure> measure = find_measure(name);
  if (!measure) throw_value_error("unknown measure '" + std::string(name) + "', expected one of " + measure_list());
  return *measure;
}

// Dense matrices: the decomposition (nplr.hpp) takes O(N^3) time, 1.5 s at 1024, and 60 N^2 bytes.
inline constexpr index_t max_hippo_state = 2048;

struct Transition {
  Tensor<double, 2> A;  // (N, N)
  Tensor<double, 1> B;  // (N)
};

namespace detail {

inline void check_hippo_size(Measure measure, index_t N, bool pairs) {
  const std::string what = "hippo " + to_string(measure) + ": N is " + std::to_string(N);
  if (N < 1 || N > max_hippo_state)
    throw_value_error(what + ", expected 1 to " + std::to_string(max_hippo_state) +
                      "; larger states have the initialisations lin, inv and quad, which need no decomposition");
  if (pairs && N % 2 != 0) throw_value_error(what + ", expected an even number: the states come in pairs");
}

inline bool is_fourier(Measure m) {
  return m == Measure::fourier || m == Measure::fourier_decay || m == Measure::fourier2 || m == Measure::foud ||
         m == Measure::fourier_sssd;
}

template <class A, class B>
Transition tabulate(index_t N, A a, B b) {
  Transition t{Tensor<double, 2>(N, N), Tensor<double, 1>(N)};
  for (index_t i = 0; i < N; ++i) {
    t.B(i) = b(static_cast<double>(i));
    for (index_t j = 0; j < N; ++j) t.A(i, j) = a(static_cast<double>(i), static_cast<double>(j));
  }
  return t;
}

inline bool is_even(double i) { return std::fmod(i, 2) == 0; }

inline double rotation(double i, double j) {  // R_ij
  if (is_even(i) && j == i + 1) return -i / 2;
  return is_even(j) && i == j + 1 ? j / 2 : 0;
}
inline double fourier_input(double i) {  // b_i
  return i == 0 ? 1 : is_even(i) ? std::numbers::sqrt2 : 0;
}

inline Transition legs(index_t N, bool normal) {
  return tabulate(
      N,
      [=](double i, double j) {
        const double product = std::sqrt((2 * i + 1) * (2 * j + 1));
        return (i > j ? -product : i == j ? -(i + 1) : 0) + (normal ? product / 2 : 0);
      },
      [=](double i) { return std::sqrt(2 * i + 1) / (normal ? 2 : 1); });
}

inline Transition legt(index_t N, double scale) {
  return tabulate(
      N,
      [=](double i, double j) {
        const double product = scale * std::sqrt((2 * i + 1) * (2 * j + 1));
        return i >= j || is_even(j - i) ? -product : product;
      },
      [=](double i) { return scale * std::sqrt(2 * i + 1); });
}

inline Transition fourier(index_t N, double turn, double drop, double diagonal, double input) {
  return tabulate(
      N,
      [=](double i, double j) {
        return std::numbers::pi * turn * rotation(i, j) - drop * fourier_input(i) * fourier_input(j) -
               (i == j ? diagonal : 0);
      },
      [=](double i) { return input * fourier_input(i); });
}

inline Transition fourier_sssd(index_t N) {
  return tabulate(
      N,
      [](double i, double j) {
        return -2 * std::numbers::pi * rotation(i, j) - (is_even(i) == is_even(j) ? 1.0 : 0.0);
      },
      [](double i) { return is_even(i) ? 1.0 : 0.0; });
}

inline Transition laguerre(index_t N, double diagonal, double input) {
  return tabulate(
      N, [=](double i, double j) { return i > j    ? -1.0
                                          : i == j ? diagonal
                                                   : 0.0; }, [=](double) { return input; });
}

inline Transition lmu(index_t N) {
  return tabulate(
      N, [](double i, double j) { return (2 * i + 1) * (i < j || is_even(i - j) ? -1 : 1); },
      [](double i) { return (2 * i + 1) * (is_even(i) ? 1 : -1); });
}

inline Transition drawn(index_t N, bool diagonal, Generator& gen) {
  Transition t{Tensor<double, 2>(N, N), Tensor<double, 1>(N)};
  if (diagonal) {
    Tensor<double, 1> logarithms(N);
    gen.normal(logarithms.view());
    for (index_t i = 0; i < N; ++i) t.A(i, i) = -std::exp(logarithms(i));
  } else {
    gen.normal(t.A.view(), 0, 1 / static_cast<double>(N));
  }
  gen.normal(t.B.view());
  return t;
}

}  // namespace detail

// gen: for random and diagonal only.
inline Transition transition(Measure measure, index_t N, Generator* gen = nullptr) {
  detail::check_hippo_size(measure, N, detail::is_fourier(measure));
  constexpr double beta = 0.01;
  switch (measure) {
    case Measure::legs:
      return detail::legs(N, false);
    case Measure::legsd:
      return detail::legs(N, true);
    case Measure::legt:
      return detail::legt(N, 0.5);
    case Measure::legt_sssd:
      return detail::legt(N, 1);
    case Measure::fourier:
      return detail::fourier(N, 1, 1, 0, 1);
    case Measure::fourier_decay:
      return detail::fourier(N, 1, 0.5, 0, 0.5);
    case Measure::fourier2:
      return detail::fourier(N, 2, 2, 0, 2);
    case Measure::foud:
      return detail::fourier(N, 2, 0, 0.5, 1);
    case Measure::fourier_sssd:
      return detail::fourier_sssd(N);
    case Measure::lagt:
      return detail::laguerre(N, -0.5, 1);
    case Measure::tlagt:
      return detail::laguerre(N, -1, 1);
    case Measure::glagt:
      return detail::laguerre(N, -(1 + beta) / 2, std::sqrt(beta));
    case Measure::lmu:
      return detail::lmu(N);
    case Measure::random:
    case Measure::diagonal:
      break;
  }
  if (gen == nullptr) throw_value_error("hippo " + to_string(measure) + ": the matrix is drawn, a Generator is needed");
  return detail::drawn(N, measure == Measure::diagonal, *gen);
}

// P (rank, N) with A + sum_r P_r P_r^T = a multiple of I plus a skew matrix. Rows beyond those needed are 0.
inline Tensor<double, 2> rank_correction(Measure measure, index_t N, index_t rank = 1) {
  detail::check_hippo_size(measure, N, detail::is_fourier(measure));
  if (measure == Measure::lmu || measure == Measure::random || measure == Measure::diagonal)
    throw_value_error("hippo " + to_string(measure) + ": has no correction of low rank");
  const bool two = measure == Measure::legt || measure == Measure::legt_sssd || measure == Measure::fourier_sssd;
  if (rank < (two ? 2 : 1))
    throw_value_error("hippo " + to_string(measure) + ": rank is " + std::to_string(rank) + ", expected at least " +
                      (two ? "2" : "1"));
  Tensor<double, 2> P(rank, N);
  for (index_t n = 0; n < N; ++n) {
    const auto i = static_cast<double>(n);
    const index_t row = two && n % 2 == 0 ? 1 : 0;  // the first row has the odd, the second the even places
    switch (measure) {
      case Measure::legs:
      case Measure::legt:
        P(row, n) = std::sqrt(i + 0.5);
        break;
      case Measure::legt_sssd:
        P(row, n) = std::sqrt(2 * i + 1);
        break;
      case Measure::fourier_sssd:
        P(row, n) = 1;
        break;
      case Measure::fourier:
        P(row, n) = detail::fourier_input(i);
        break;
      case Measure::fourier_decay:
        P(row, n) = detail::fourier_input(i) / std::numbers::sqrt2;
        break;
      case Measure::fourier2:
        P(row, n) = detail::fourier_input(i) * std::numbers::sqrt2;
        break;
      case Measure::lagt:
      case Measure::tlagt:
      case Measure::glagt:
        P(row, n) = std::numbers::sqrt2 / 2;
        break;
      default:
        break;  // foud, legsd: normal as they are
    }
  }
  return P;
}

}  // namespace longwave
