// dtype.hpp - element types as files name them, and the conversion of raw elements to the type that is asked for.
//
// Conversions: any real type to a floating one (rounded to nearest), integers and booleans to integers where the
// value fits, real to complex. Never done in silence: floating to integer, complex to real, integers that do not fit.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/core/bfloat16.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/core/extents.hpp"

namespace longwave {

static_assert(std::endian::native == std::endian::little, "files are read as little-endian memory");

using Bytes = std::span<const std::byte>;

enum class DType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64, c64, c128 };

struct DTypeInfo {
  DType dtype;
  const char* name;  // as in safetensors
  index_t bytes;
};

inline constexpr DTypeInfo dtype_infos[] = {
    {DType::boolean, "BOOL", 1}, {DType::u8, "U8", 1},   {DType::i8, "I8", 1},     {DType::u16, "U16", 2},
    {DType::i16, "I16", 2},      {DType::u32, "U32", 4}, {DType::i32, "I32", 4},   {DType::u64, "U64", 8},
    {DType::i64, "I64", 8},      {DType::f16, "F16", 2}, {DType::bf16, "BF16", 2}, {DType::f32, "F32", 4},
    {DType::f64, "F64", 8},      {DType::c64, "C64", 8}, {DType::c128, "C128", 16}};

inline const char* dtype_name(DType dtype) { return dtype_infos[static_cast<int>(dtype)].name; }
inline index_t dtype_bytes(DType dtype) { return dtype_infos[static_cast<int>(dtype)].bytes; }

namespace detail {

struct Half {  // IEEE binary16
  std::uint16_t bits;
  operator float() const {
    const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16;
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    // Exponents of 2^-112 less, set right by an exact product that also handles subnormals.
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f));
  }
};

struct Boolean {  // a byte; any value but 0 is true
  std::uint8_t bits;
  operator int() const { return bits != 0; }
};

template <class T>
struct DTypeOf;
// clang-format off
template <> struct DTypeOf<bool> { static constexpr DType value = DType::boolean; };
template <> struct DTypeOf<bfloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<complex<float>> { static constexpr DType value = DType::c64; };
template <> struct DTypeOf<complex<double>> { static constexpr DType value = DType::c128; };
// clang-format on
template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct DTypeOf<T> {
  static constexpr bool is_signed = std::is_signed_v<T>;
  static constexpr DType value = sizeof(T) == 1   ? (is_signed ? DType::i8 : DType::u8)
                                 : sizeof(T) == 2 ? (is_signed ? DType::i16 : DType::u16)
                                 : sizeof(T) == 4 ? (is_signed ? DType::i32 : DType::u32)
                                                  : (is_signed ? DType::i64 : DType::u64);
};

// f(S{}) with the C++ type of the elements in the file.
template <class F>
void with_element_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean:
      return f(Boolean{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::i8:
      return f(std::int8_t{});
    case DType::u16:
      return f(std::uint16_t{});
    case DType::i16:
      return f(std::int16_t{});
    case DType::u32:
      return f(std::uint32_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::u64:
      return f(std::uint64_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::f16:
      return f(Half{});
    case DType::bf16:
      return f(bfloat16{});
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::c64:
      return f(complex<float>{});
    case DType::c128:
      return f(complex<double>{});
  }
}

template <class S>
inline constexpr bool is_complex = false;
template <class S>
inline constexpr bool is_complex<complex<S>> = true;

template <class S>
S load_element(const std::byte* from, bool swap_bytes) {
  std::byte raw[sizeof(S)];
  std::memcpy(raw, from, sizeof(S));
  if (swap_bytes) {
    constexpr std::size_t part = is_complex<S> ? sizeof(S) / 2 : sizeof(S);
    for (std::size_t i = 0; i < sizeof(S); i += part) std::reverse(raw + i, raw + i + part);
  }
  S value;
  std::memcpy(&value, raw, sizeof(S));
  return value;
}

template <class T, class S>
inline constexpr bool converts =
    std::is_integral_v<T> ? std::is_integral_v<S> || std::is_same_v<S, Boolean> : !is_complex<S> || is_complex<T>;

// out = value; false where an integer does not fit.
template <class T, class S>
bool convert_element(S value, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto wide = static_cast<std::int64_t>(value);
    out = wide != 0;
    return wide == 0 || wide == 1;
  } else if constexpr (std::is_integral_v<T> && std::is_integral_v<S>) {
    out = static_cast<T>(value);
    return std::in_range<T>(value);
  } else if constexpr (is_complex<S>) {
    out = T(value);
    return true;
  } else if constexpr (is_complex<T>) {
    out = T(static_cast<decltype(out.re)>(value));
    return true;
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    out = T(static_cast<float>(value));
    return true;
  } else {
    out = static_cast<T>(value);
    return true;
  }
}

// n elements of a file's dtype to T. Returns what is wrong, "" when nothing is.
template <class T>
[[nodiscard]] std::string convert_elements(const std::byte* from, DType dtype, bool swap_bytes, index_t n, T* out) {
  std::string wrong;
  if (dtype == DTypeOf<T>::value && !swap_bytes && !std::is_same_v<T, bool>) {
    if (n > 0) std::memcpy(static_cast<void*>(out), from, static_cast<std::size_t>(n) * sizeof(T));
    return wrong;
  }
  with_element_type(dtype, [&]<class S>(S) {
    if constexpr (converts<T, S>) {
      for (index_t i = 0; i < n; ++i) {
        if (convert_element(load_element<S>(from + i * static_cast<index_t>(sizeof(S)), swap_bytes), out[i])) continue;
        wrong = "element " + std::to_string(i) + " does not fit into " + dtype_name(DTypeOf<T>::value) +
                "; read it as " + dtype_name(dtype);
        return;
      }
    } else {
      wrong = std::string("it holds ") + dtype_name(dtype) + ", which does not convert to " +
              dtype_name(DTypeOf<T>::value) + " without loss; read it as " + dtype_name(dtype);
    }
  });
  return wrong;
}

// Bytes of a tensor of this shape; -1 where the number of elements or bytes overflows, whatever the order of the
// factors (so that Extents::count() cannot overflow either), or a size is negative.
inline index_t shape_bytes(const std::vector<index_t>& shape, DType dtype) {
  index_t bytes = dtype_bytes(dtype);
  bool empty = false;
  for (const index_t size : shape) {
    if (size < 0) return -1;
    if (size == 0) empty = true;
    if (size > 0 && __builtin_mul_overflow(bytes, size, &bytes)) return -1;
  }
  return empty ? 0 : bytes;
}

inline std::string shape_text(const std::vector<index_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

template <int N>
bool to_extents(const std::vector<index_t>& shape, Extents<N>& out) {
  if (shape.size() != N) return false;
  for (int i = 0; i < N; ++i) out[i] = shape[static_cast<std::size_t>(i)];
  return true;
}

}  // namespace detail

template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<T>::value;

}  // namespace longwave
