// complex.hpp - complex numbers usable in device code, layout-compatible with std::complex<T>.
// Plain products and quotients: no recovery of infinities, so they stay a few instructions.
#pragma once

#include <cmath>
#include <complex>

#include "longwave/core/config.hpp"

namespace longwave {

template <class T>
struct complex {
  T re{};
  T im{};

  complex() = default;
  LONGWAVE_HD constexpr complex(T real, T imaginary = T(0)) : re(real), im(imaginary) {}
  constexpr complex(const std::complex<T>& z) : re(z.real()), im(z.imag()) {}
  constexpr operator std::complex<T>() const { return {re, im}; }
  template <class U>
  LONGWAVE_HD constexpr explicit complex(const complex<U>& z) : re(static_cast<T>(z.re)), im(static_cast<T>(z.im)) {}

  LONGWAVE_HD constexpr complex& operator+=(complex z) { return *this = *this + z; }
  LONGWAVE_HD constexpr complex& operator-=(complex z) { return *this = *this - z; }
  LONGWAVE_HD constexpr complex& operator*=(complex z) { return *this = *this * z; }

  LONGWAVE_HD friend constexpr complex operator-(complex a) { return {-a.re, -a.im}; }
  LONGWAVE_HD friend constexpr complex operator+(complex a, complex b) { return {a.re + b.re, a.im + b.im}; }
  LONGWAVE_HD friend constexpr complex operator-(complex a, complex b) { return {a.re - b.re, a.im - b.im}; }
  LONGWAVE_HD friend constexpr complex operator*(complex a, complex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  LONGWAVE_HD friend constexpr complex operator*(T a, complex b) { return {a * b.re, a * b.im}; }
  LONGWAVE_HD friend constexpr complex operator/(complex a, complex b) {
    const T scale = T(1) / (b.re * b.re + b.im * b.im);
    return {(a.re * b.re + a.im * b.im) * scale, (a.im * b.re - a.re * b.im) * scale};
  }
  LONGWAVE_HD friend constexpr bool operator==(complex a, complex b) { return a.re == b.re && a.im == b.im; }
};

template <class T>
LONGWAVE_HD constexpr complex<T> conj(complex<T> z) {
  return {z.re, -z.im};
}

template <class T>
LONGWAVE_HD constexpr T norm2(complex<T> z) {  // |z|^2
  return z.re * z.re + z.im * z.im;
}

template <class T>
LONGWAVE_HD complex<T> exp(complex<T> z) {
  using std::cos, std::exp, std::sin;
  const T r = exp(z.re);
  return {r * cos(z.im), r * sin(z.im)};
}

// e^z - 1 without cancellation for small z: e^x cos y - 1 = expm1(x) - 2 e^x sin(y/2)^2.
template <class T>
LONGWAVE_HD complex<T> expm1(complex<T> z) {
  using std::exp, std::expm1, std::sin;
  const T r = exp(z.re);
  const T half = sin(z.im / 2);
  return {expm1(z.re) - 2 * r * half * half, r * sin(z.im)};
}

static_assert(sizeof(complex<float>) == sizeof(std::complex<float>));
static_assert(sizeof(complex<double>) == sizeof(std::complex<double>));

}  // namespace longwave
