// simd.hpp - one register of numbers as a value, through the vector extension that GCC and clang share.
// Used where a loop must keep several registers alive at once; plain loops are left to the vectoriser.
#pragma once

#include <cstring>

#include "longwave/core/extents.hpp"

namespace longwave::simd {

// Bytes of one vector register of the target this file is compiled for, and how many of them there are.
#if defined(__AVX512F__)
inline constexpr int register_bytes = 64, registers = 32;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32, registers = 16;
#else
inline constexpr int register_bytes = 16, registers = 16;
#endif

template <class T>
struct LanesOf {
  typedef T type __attribute__((vector_size(register_bytes)));
};

// register_bytes / sizeof(T) numbers; +, -, * work lane by lane and with a scalar.
template <class T>
using Lanes = typename LanesOf<T>::type;

template <class T>
inline constexpr int width = register_bytes / static_cast<int>(sizeof(T));

// V is Lanes<T>, or T itself where one loop serves registers and the rest. Any alignment.
template <class V, class T>
inline V load_as(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class T>
inline void store_as(T* p, V v) {
  std::memcpy(p, &v, sizeof v);
}

template <class T>
inline Lanes<T> load(const T* p) {
  return load_as<Lanes<T>>(p);
}

template <class T>
inline void store(T* p, Lanes<T> v) {
  store_as<Lanes<T>>(p, v);
}

template <class T>
inline Lanes<T> broadcast(T x) {
  return Lanes<T>{} + x;
}

}  // namespace longwave::simd
