// fill.hpp - the device's forms of core/fill.hpp, which includes this. Defined in longwave::cuda.
//
// Filling and copying move bits, so their kernels know sizes of elements (2, 4, 8, 16 bytes) and no types. Views of any
// strides, negative ones too. A copy between views whose dense axes differ goes through tiles of shared memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "longwave/cuda/elements.hpp"

namespace longwave {

namespace cuda {

struct Pair64 {  // 16 bytes on an address that need not be a multiple of 16
  std::uint64_t first, second;
};

template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 2, std::uint16_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::conditional_t<sizeof(T) == 8, std::uint64_t, Pair64>>>;

template <class Word>  // std::uint16_t, std::uint32_t, std::uint64_t or Pair64
void fill_words(const Elements<Word, 1>& x, Word value);
template <class Word>
void copy_words(const Elements<Word, 2>& to_from);

// Operands sum, a, b: sum = a + b; sum may be one of them.
template <class T>
void add_elements(const Elements<T, 3>& sum_a_b);
// Waits for the answer: not for a captured graph.
template <class T>
bool all_finite(const Elements<T, 1>& x);

namespace detail {

template <class T, int N>
TensorView<Bits<std::remove_const_t<T>>, N, Cuda> as_bits(TensorView<T, N, Cuda> x) {
  using Value = std::remove_const_t<T>;
  static_assert(sizeof(Value) == sizeof(Bits<Value>), "elements of 2, 4, 8 or 16 bytes");
  return {reinterpret_cast<Bits<Value>*>(const_cast<Value*>(x.data())), x.sizes(), x.strides()};
}

}  // namespace detail
}  // namespace cuda

namespace detail {

template <class T, int N>
void fill(TensorView<T, N, Cuda> x, std::type_identity_t<T> value) {
  cuda::Bits<T> word;
  std::memcpy(&word, &value, sizeof(T));
  cuda::fill_words(cuda::Elements<cuda::Bits<T>, 1>(cuda::detail::as_bits(x)), word);
}

template <class T, int N>
void add_to(TensorView<T, N, Cuda> sum, In<T, N, Cuda> x) {
  cuda::add_elements(cuda::Elements<T, 3>(sum, sum, x));
}

template <class T, int N>
void add(TensorView<T, N, Cuda> sum, In<T, N, Cuda> a, In<T, N, Cuda> b) {
  cuda::add_elements(cuda::Elements<T, 3>(sum, a, b));
}

template <class T, int N>
bool all_finite(TensorView<const T, N, Cuda> x) {
  return cuda::all_finite(
      cuda::Elements<T, 1>(TensorView<T, N, Cuda>(const_cast<T*>(x.data()), x.sizes(), x.strides())));
}

}  // namespace detail

template <class T, int N>
void copy(TensorView<T, N, Cuda> to, In<T, N, Cuda> from) {
  check_same_shape("copy", "to", to, "from", from);
  cuda::copy_words(cuda::Elements<cuda::Bits<T>, 2>(cuda::detail::as_bits(to), cuda::detail::as_bits(from)));
}

}  // namespace longwave
