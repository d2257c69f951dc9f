// modes.hpp - random modes and inputs of a diagonal state-space layer, and its recurrence in plain double loops: the
// oracle of every sequence form.
#pragma once

#include <vector>

#include "check.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave::test {

template <class T>
struct DiagonalCase {
  Tensor<complex<double>, 2> x, c;
  Tensor<T, 3> u;
  Tensor<T, 1> skip;
  Tensor<T, 4> state;

  // Decay per step between 1e-3 and 0.1, phases up to several radians.
  DiagonalCase(index_t B, index_t H, index_t N, index_t L, std::uint64_t seed = 1)
      : x(H, N),
        c(H, N),
        u(random<T>(Extents<3>{B, H, L}, seed)),
        skip(random<T>(Extents<1>{H}, seed + 1)),
        state(random<T>(Extents<4>{B, 2, N, H}, seed + 2)) {
    Tensor<double, 3> draw(H, N, 4);
    Generator(seed + 3).uniform(draw.view());
    for (index_t h = 0; h < H; ++h)
      for (index_t n = 0; n < N; ++n) {
        x(h, n) = {-0.001 - 0.1 * draw(h, n, 0), 4 * draw(h, n, 1)};
        c(h, n) = {2 * draw(h, n, 2) - 1, 2 * draw(h, n, 3) - 1};
      }
  }

  DiagonalInputs<T> inputs(bool with_state = true) const {
    return {u, x, c, skip, with_state ? state.view() : TensorView<const T, 4>()};
  }
};

struct DiagonalResult {
  Tensor<double, 3> y;
  Tensor<double, 4> state;
};

// s = exp(x) s + u;  y = 2 Re sum c s + D u, one step after the other.
template <class T>
DiagonalResult naive_recurrence(const DiagonalInputs<T>& in) {
  DiagonalResult r{Tensor<double, 3>(in.B(), in.H(), in.L()), Tensor<double, 4>(in.B(), 2, in.N(), in.H())};
  for (index_t b = 0; b < in.B(); ++b)
    for (index_t h = 0; h < in.H(); ++h) {
      std::vector<std::complex<double>> s(static_cast<std::size_t>(in.N()));
      for (index_t n = 0; n < in.N(); ++n)
        if (in.state_in.data() != nullptr)
          s[static_cast<std::size_t>(n)] = {in.state_in(b, 0, n, h), in.state_in(b, 1, n, h)};
      for (index_t l = 0; l < in.L(); ++l) {
        const double u = in.u(b, h, l);
        double y = static_cast<double>(in.skip_of(h)) * u;
        for (index_t n = 0; n < in.N(); ++n) {
          auto& z = s[static_cast<std::size_t>(n)];
          z = std::exp(std::complex<double>(in.x(h, n))) * z + u;
          y += 2 * (std::complex<double>(in.c(h, n)) * z).real();
        }
        r.y(b, h, l) = y;
      }
      for (index_t n = 0; n < in.N(); ++n) {
        r.state(b, 0, n, h) = s[static_cast<std::size_t>(n)].real();
        r.state(b, 1, n, h) = s[static_cast<std::size_t>(n)].imag();
      }
    }
  return r;
}

inline const char* name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::fft:
      return "fft";
    case Algorithm::scan:
      return "scan";
    case Algorithm::chunk:
      return "chunk";
    default:
      return "auto";
  }
}

inline constexpr Algorithm all_forms[] = {Algorithm::fft, Algorithm::scan, Algorithm::chunk};

// Rounding grows with the decay time, not with the length; measured 2e-6 (float) and 1e-14 (double) at worst here.
template <class T>
inline constexpr double form_tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;

}  // namespace longwave::test
