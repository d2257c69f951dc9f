// fft_tile.cuh - a complex transform of N = 128 .. 8192 points within a block: N/16 threads of 16 points each, which
// exchange them through shared memory.
//
//   forward   points t + k N/16 in thread t  ->  spectrum, in an order of its own: what thread t holds in v[0 .. 15]
//   inverse   that order -> points t + k N/16, N times too large
//
// Made for convolutions: a product of spectra needs no order, so neither way reverses digits. Passes of radix 16 split
// N into parts of N/16, N/256, ..; what is left, 2 to 16 points that follow one another, is the last pass. Each pass
// reads and writes the same places, and a thread's places are the same in the first pass forward and the last pass
// back.
#pragma once

#include "kernels/launch.cuh"
#include "longwave/core/complex.hpp"

namespace longwave::cuda::detail {

inline constexpr int tile_points = 16;  // of one thread

__device__ inline complex<float> half_turns(float x) {  // e^{i pi x}
  complex<float> z;
  sincospif(x, &z.im, &z.re);
  return z;
}
__device__ inline complex<double> half_turns(double x) {
  complex<double> z;
  sincospi(x, &z.im, &z.re);
  return z;
}

// z e^{-2 pi i m/16}, or its conjugate for the inverse; m is known when compiled.
template <bool inverse, class T>
__device__ complex<T> turn_sixteenth(complex<T> z, int m) {
  constexpr T eighth = T(0.70710678118654752440), cosine = T(0.92387953251128675613), sine = T(0.38268343236508977173);
  constexpr T way = inverse ? T(1) : T(-1);
  switch (m % 16) {
    case 0:
      return z;
    case 1:
      return z * complex<T>(cosine, way * sine);
    case 2:
      return {eighth * (z.re - way * z.im), eighth * (z.im + way * z.re)};
    case 3:
      return z * complex<T>(sine, way * cosine);
    case 4:
      return {-way * z.im, way * z.re};
    case 6:
      return {eighth * (-z.re - way * z.im), eighth * (way * z.re - z.im)};
    default:
      return z * complex<T>(-cosine, -way * sine);  // 9
  }
}

template <bool inverse, class T>
__device__ void transform_four(complex<T>& a, complex<T>& b, complex<T>& c, complex<T>& d) {
  const complex<T> even = a + c, odd = a - c, sum = b + d, turned = turn_sixteenth<inverse>(b - d, 4);
  a = even + sum;
  b = odd + turned;
  c = even - sum;
  d = odd - turned;
}

// A transform of R points at v, in place and in order.
template <int R, bool inverse, class T>
__device__ void transform_points(complex<T>* v) {
  if constexpr (R == 2) {
    const complex<T> difference = v[0] - v[1];
    v[0] += v[1];
    v[1] = difference;
  } else if constexpr (R == 4) {
    transform_four<inverse>(v[0], v[1], v[2], v[3]);
  } else {
    constexpr int A = R / 4;  // point j + A m -> bin i + 4 k: fours over m, then A points over j
    complex<T> bins[R];
#pragma unroll
    for (int j = 0; j < A; ++j) {
      complex<T> m[4] = {v[j], v[j + A], v[j + 2 * A], v[j + 3 * A]};
      transform_four<inverse>(m[0], m[1], m[2], m[3]);
#pragma unroll
      for (int i = 0; i < 4; ++i) bins[A * i + j] = turn_sixteenth<inverse>(m[i], i * j * (16 / R));
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      transform_points<A, inverse>(bins + A * i);
#pragma unroll
      for (int k = 0; k < A; ++k) v[i + 4 * k] = bins[A * i + k];
    }
  }
}

// t, for a compiler that is not to know it: sines for the way there are not kept for the way back, registers are
// scarcer.
__device__ inline int opaque(int t) {
  asm volatile("" : "+r"(t));
  return t;
}

// f(k, e^{i pi (start + k step)}) for k = 0 .. 15. Powers are at most six products away from an exact sine, so their
// phase is good to a few units in the last place.
template <class T, class F>
__device__ void for_turns(T start, T step, F f) {
  const complex<T> one = half_turns(step), two = one * one, three = two * one, four = half_turns(4 * step);
  complex<T> at = half_turns(start);
#pragma unroll
  for (int k = 0; k < tile_points; k += 4) {
    f(k, at);
    f(k + 1, at * one);
    f(k + 2, at * two);
    f(k + 3, at * three);
    at = at * four;
  }
}

// v_k e^{i pi k step}
template <class T>
__device__ void turn_points(complex<T> (&v)[tile_points], T step) {
  const complex<T> one = half_turns(step), two = one * one, three = two * one, four = half_turns(4 * step);
  v[1] = v[1] * one;
  v[2] = v[2] * two;
  v[3] = v[3] * three;
  complex<T> at = four;
#pragma unroll
  for (int k = 4; k < tile_points; k += 4) {
    v[k] = v[k] * at;
    v[k + 1] = v[k + 1] * (at * one);
    v[k + 2] = v[k + 2] * (at * two);
    v[k + 3] = v[k + 3] * (at * three);
    at = at * four;
  }
}

template <class T, int N>
struct Tile {
  static constexpr int threads = N / tile_points;
  static constexpr int room = N + N / 16;                          // numbers of shared memory
  static constexpr int rows = threads >= 128 ? 1 : 128 / threads;  // transforms of one block
  static constexpr int bytes = rows * room * int(sizeof(complex<T>));

  using Points = complex<T>[tile_points];

  // One number in 17 is left out, so that threads 16 points apart meet different banks.
  static constexpr LONGWAVE_HD int place(int point) { return point + point / 16; }

  template <int length = N>
  static __device__ void forward(Points& v, complex<T>* shared, int t) {
    if constexpr (length > 16) {
      constexpr int step = length / 16;
      const int j = t % step, first = t / step * length + j;
      if constexpr (length < N) load<step>(v, shared + place(first));
      transform_points<16, false>(v);
      turn_points(v, T(-2 * j) / T(length));
      store<step>(v, shared + place(first));
      __syncthreads();
      forward<length / 16>(v, shared, t);
    } else {
      load<1>(v, shared + place(16 * t));
#pragma unroll
      for (int i = 0; i < tile_points; i += length) transform_points<length, false>(v + i);
    }
  }

  template <int length = N>
  static __device__ void inverse(Points& v, complex<T>* shared, int t) {
    if constexpr (length > 16) {
      inverse<length / 16>(v, shared, t);
      constexpr int step = length / 16;
      const int j = t % step, first = t / step * length + j;
      load<step>(v, shared + place(first));
      turn_points(v, T(2 * j) / T(length));
      transform_points<16, true>(v);
      if constexpr (length < N) {
        store<step>(v, shared + place(first));
        __syncthreads();
      }
    } else {
#pragma unroll
      for (int i = 0; i < tile_points; i += length) transform_points<length, true>(v + i);
      store<1>(v, shared + place(16 * t));
      __syncthreads();
    }
  }

 private:
  // Point first + k step lies place(k step) after point first: nothing is carried over a border of 16.
  template <int step>
  static __device__ void load(Points& v, const complex<T>* first) {
#pragma unroll
    for (int k = 0; k < tile_points; ++k) v[k] = first[place(k * step)];
  }
  template <int step>
  static __device__ void store(const Points& v, complex<T>* first) {
#pragma unroll
    for (int k = 0; k < tile_points; ++k) first[place(k * step)] = v[k];
  }
};

}  // namespace longwave::cuda::detail
