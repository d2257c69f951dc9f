// fft_fftw.hpp - one-dimensional transforms by FFTW 3, for float (fftw3f) and double (fftw3).
//
// Forward: X_k = sum_j x_j e^{-2 pi i jk/n}; inverse without the factor 1/n. Plans are made once per (length, kind,
// precision), behind a lock because FFTW's planner is not thread-safe, and then executed by any number of threads on
// arrays of their own. FFTW demands that these are aligned like the ones it planned with: give it rows of Scratch,
// which start on 64 bytes. Nothing is allocated once a length is known.
//
// Plans are estimated, not measured. Measured ones ran 1.2 to 2 times faster here, but took 0.3 to 2 s for each
// length and differ between runs, so that a resumed training would no longer repeat its numbers bit for bit;
// padded_length avoids the lengths where estimates are worst.
//
// FFTW is under the GPL: this header is included only where LONGWAVE_FFTW is defined, see fft_fallback.hpp. All
// translation units of a program must agree on that macro.
#pragma once

#include <fftw3.h>

#include <cassert>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "longwave/core/arena.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/core/error.hpp"
#include "longwave/cpu/fft_length.hpp"

namespace longwave::impl {

enum class FftKind { forward, inverse, real_forward, real_inverse };

// FFTW's functions for one precision.
template <class T>
struct Fftw;

template <>
struct Fftw<float> {
  using Plan = fftwf_plan;
  static fftwf_complex* pairs(complex<float>* p) { return reinterpret_cast<fftwf_complex*>(p); }
  static Plan plan(int n, FftKind kind, complex<float>* a, complex<float>* b) {
    constexpr unsigned flags = FFTW_ESTIMATE | FFTW_DESTROY_INPUT;
    switch (kind) {
      case FftKind::forward:
        return fftwf_plan_dft_1d(n, pairs(a), pairs(b), FFTW_FORWARD, flags);
      case FftKind::inverse:
        return fftwf_plan_dft_1d(n, pairs(a), pairs(b), FFTW_BACKWARD, flags);
      case FftKind::real_forward:
        return fftwf_plan_dft_r2c_1d(n, &a->re, pairs(b), flags);
      case FftKind::real_inverse:
        return fftwf_plan_dft_c2r_1d(n, pairs(a), &b->re, flags);
    }
    return nullptr;
  }
  static void destroy(Plan p) { fftwf_destroy_plan(p); }
  static void execute(Plan p, complex<float>* a, complex<float>* b) { fftwf_execute_dft(p, pairs(a), pairs(b)); }
  static void execute(Plan p, float* x, complex<float>* X) { fftwf_execute_dft_r2c(p, x, pairs(X)); }
  static void execute(Plan p, complex<float>* X, float* x) { fftwf_execute_dft_c2r(p, pairs(X), x); }
};

template <>
struct Fftw<double> {
  using Plan = fftw_plan;
  static fftw_complex* pairs(complex<double>* p) { return reinterpret_cast<fftw_complex*>(p); }
  static Plan plan(int n, FftKind kind, complex<double>* a, complex<double>* b) {
    constexpr unsigned flags = FFTW_ESTIMATE | FFTW_DESTROY_INPUT;
    switch (kind) {
      case FftKind::forward:
        return fftw_plan_dft_1d(n, pairs(a), pairs(b), FFTW_FORWARD, flags);
      case FftKind::inverse:
        return fftw_plan_dft_1d(n, pairs(a), pairs(b), FFTW_BACKWARD, flags);
      case FftKind::real_forward:
        return fftw_plan_dft_r2c_1d(n, &a->re, pairs(b), flags);
      case FftKind::real_inverse:
        return fftw_plan_dft_c2r_1d(n, pairs(a), &b->re, flags);
    }
    return nullptr;
  }
  static void destroy(Plan p) { fftw_destroy_plan(p); }
  static void execute(Plan p, complex<double>* a, complex<double>* b) { fftw_execute_dft(p, pairs(a), pairs(b)); }
  static void execute(Plan p, double* x, complex<double>* X) { fftw_execute_dft_r2c(p, x, pairs(X)); }
  static void execute(Plan p, complex<double>* X, double* x) { fftw_execute_dft_c2r(p, pairs(X), x); }
};

template <class T>
class FftwPlans {
 public:
  using Plan = typename Fftw<T>::Plan;

  // The plan for (n, kind), made at its first use and kept until the program ends.
  static Plan get(index_t n, FftKind kind) {
    static FftwPlans plans;
    const std::lock_guard<std::mutex> lock(plans.planner_);
    const auto known = plans.plans_.find({n, kind});
    return known != plans.plans_.end() ? known->second : plans.add(n, kind);
  }

  ~FftwPlans() {
    for (const auto& entry : plans_) Fftw<T>::destroy(entry.second);
  }

 private:
  FftwPlans() = default;

  Plan add(index_t n, FftKind kind) {
    if (n < 1 || n > std::numeric_limits<int>::max())
      throw_value_error("fft: FFTW transforms 1 to 2^31-1 points, not " + std::to_string(n));
    Scratch scratch;
    auto* a = scratch.take<complex<T>>(n + 1);
    auto* b = scratch.take<complex<T>>(n + 1);
    const Plan plan = Fftw<T>::plan(static_cast<int>(n), kind, a, b);
    if (plan == nullptr) throw_value_error("fft: FFTW has no plan for length " + std::to_string(n));
    plans_.emplace(std::pair(n, kind), plan);
    return plan;
  }

  std::mutex planner_;
  std::map<std::pair<index_t, FftKind>, Plan> plans_;
};

inline bool starts_on_64_bytes(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % alignment == 0; }

// n complex numbers to n complex numbers. Inputs and outputs differ, start on 64 bytes; inputs are overwritten.
template <class T>
class ComplexFft {
 public:
  explicit ComplexFft(index_t n)
      : forward_(FftwPlans<T>::get(n, FftKind::forward)), inverse_(FftwPlans<T>::get(n, FftKind::inverse)) {}

  void forward(complex<T>* out, complex<T>* in) const {
    assert(starts_on_64_bytes(out) && starts_on_64_bytes(in));
    Fftw<T>::execute(forward_, in, out);
  }
  void inverse(complex<T>* out, complex<T>* in) const {
    assert(starts_on_64_bytes(out) && starts_on_64_bytes(in));
    Fftw<T>::execute(inverse_, in, out);
  }

 private:
  typename Fftw<T>::Plan forward_, inverse_;
};

// n real numbers x to the n/2 + 1 first of X, and back. The same rules.
template <class T>
class RealFft {
 public:
  explicit RealFft(index_t n)
      : forward_(FftwPlans<T>::get(n, FftKind::real_forward)), inverse_(FftwPlans<T>::get(n, FftKind::real_inverse)) {}

  void forward(complex<T>* X, T* x) const {
    assert(starts_on_64_bytes(X) && starts_on_64_bytes(x));
    Fftw<T>::execute(forward_, x, X);
  }
  void inverse(T* x, complex<T>* X) const {
    assert(starts_on_64_bytes(X) && starts_on_64_bytes(x));
    Fftw<T>::execute(inverse_, X, x);
  }

 private:
  typename Fftw<T>::Plan forward_, inverse_;
};

// A good length >= n for a complex transform that may be padded, chosen by timing estimated plans. Up to 8192 points:
// a power of two times a small odd number (800 takes less time than 784). Above, estimated plans stride badly through
// high powers of two (16384 points: 43 us, 16800: 26 us), so 2^9 is the highest.
inline index_t padded_length(index_t n) {
  constexpr index_t large = 8192;
  if (n <= large) {
    index_t best = large;
    for (index_t length : {1, 3, 5, 9, 15, 25, 27, 45}) {
      while (length < n) length *= 2;
      best = std::min(best, length);
    }
    return best;
  }
  for (index_t part = (n + 31) / 32;; ++part) {
    part = smooth_length(part);
    if (part % 32 != 0) return part * 32;
  }
}

}  // namespace longwave::impl
