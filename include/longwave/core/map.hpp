// map.hpp - one function of single numbers over the elements of several equally shaped views on the host.
//
//   map_elements<1>([](float& y, float x) { y = x * x; }, y, x);          // the first 1 views are written, the rest
//   read
//
// Rows are walked a cache line at a time: a loop of constant length over local copies, which GCC and clang turn into
// SIMD code from -O2 on whatever the views' strides are, and which allows an output to be one of the inputs. The end
// of a row and strided elements go through the same loop, so a value does not depend on where its element lies.
#pragma once

#include <utility>

#include "longwave/core/rows.hpp"

namespace longwave {

namespace detail {

template <class T>
inline constexpr int map_lanes = sizeof(T) < 64 ? static_cast<int>(64 / sizeof(T)) : 1;

// Elements [at, at + n) of one operand's row as dense numbers: in place where they are dense, else copied to `room`.
// A repeated element (step 0) is copied only for the `first` piece of a row.
template <class T>
const T* gather(T (&room)[map_lanes<T>], const T* data, index_t step, index_t at, index_t n, bool first) {
  if (step == 1 && n == map_lanes<T>) return data + at;
  if (step == 0) {
    if (first) std::fill_n(room, map_lanes<T>, *data);
  } else {
    for (index_t i = 0; i < n; ++i) room[i] = data[(at + i) * step];
  }
  return room;
}

template <int Outputs, class F, class T, std::size_t... Y, std::size_t... X>
void map_row(F& f, T* const (&data)[sizeof...(Y) + sizeof...(X)], const Row<sizeof...(Y) + sizeof...(X)>& row,
             std::index_sequence<Y...>, std::index_sequence<X...>) {
  constexpr int lanes = map_lanes<T>;
  T room[sizeof...(X) + 1][lanes] = {};
  for (index_t at = 0; at < row.length; at += lanes) {
    const index_t n = std::min<index_t>(lanes, row.length - at);
    const T* in[sizeof...(X) + 1] = {
        gather(room[X], data[Outputs + X] + row.offset[Outputs + X], row.step[Outputs + X], at, n, at == 0)...,
        room[0]};
    T out[Outputs][lanes];
    for (int j = 0; j < lanes; ++j) f(out[Y][j]..., in[X][j]...);
    for (int k = 0; k < Outputs; ++k) {
      T* to = data[k] + row.offset[k] + at * row.step[k];
      if (row.step[k] == 1 && n == lanes)
        for (int j = 0; j < lanes; ++j) to[j] = out[k][j];
      else
        for (index_t j = 0; j < n; ++j) to[j * row.step[k]] = out[k][j];
    }
  }
}

}  // namespace detail

// f(y_1&, .., y_Outputs&, x_1, ..) for every position of views of one shape, in any order and in parallel. f is also
// called on zeros or earlier numbers beyond a row's end; those results are dropped.
template <int Outputs, class F, class T, int N, class... Views>
void map_elements(F f, TensorView<T, N, Host> first, Views... others) {
  constexpr int K = 1 + static_cast<int>(sizeof...(Views));
  T* const data[K] = {first.data(), const_cast<T*>(others.data())...};
  const Extents<N> strides[K] = {first.strides(), others.strides()...};
  parallel_rows(first.sizes(), strides, [&](const Row<K>& row) {
    detail::map_row<Outputs>(f, data, row, std::make_index_sequence<Outputs>(),
                             std::make_index_sequence<K - Outputs>());
  });
}

}  // namespace longwave
