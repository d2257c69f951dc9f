// readout.hpp - what a decoder looks at: M positions of a sequence, or sums or means of all that came before them.
//
//   x (B, H, L), y (B, H, M); n_b = lengths[b], or L without lengths; 0 <= j < M, t_j = n_b - M + j
//   last    y_j = x_{t_j}                         dx scatters dy, zero elsewhere
//   first   y_j = x_j
//   sum     y_j = sum_{l<=t_j} x_l                dx_l = sum_{j: t_j >= l} dy_j,  0 from n_b on
//   mean    y_j = sum_{l<=t_j} x_l / (t_j + 1)    the same with dy_j / (t_j + 1)
//
// Positions from n_b on are padding: they are not read and their gradient is 0. Sums are carried in double. A length
// below M or above L is an error; on the device, where lengths are read by the kernel, it counts as M or L.
// The means at the last M positions are those of Gu et al.'s sequence decoder, M = 1 its "pool".
#pragma once

#include <string>

#include "longwave/core/arena.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/readout.hpp"

namespace longwave {

enum class ReadoutMode { last, first, sum, mean };

namespace impl {

// What a row of n valid numbers, step s apart, gives: y[j] at stride q. Running sums are in double, with 16 lanes for
// the long part that all of the outputs share.
template <class T>
void readout_row(T* y, index_t q, const T* x, index_t s, index_t n, index_t M, ReadoutMode mode) {
  if (mode == ReadoutMode::last || mode == ReadoutMode::first) {
    const T* from = mode == ReadoutMode::last ? x + (n - M) * s : x;
    for (index_t j = 0; j < M; ++j) y[j * q] = from[j * s];
    return;
  }
  constexpr int lanes = 16;
  double lane[lanes] = {}, sum = 0;
  index_t l = 0;
  for (; l + lanes <= n - M; l += lanes)
    for (int k = 0; k < lanes; ++k) lane[k] += static_cast<double>(x[(l + k) * s]);
  for (const double part : lane) sum += part;
  for (; l < n - M; ++l) sum += static_cast<double>(x[l * s]);
  for (index_t j = 0; j < M; ++j, ++l) {
    sum += static_cast<double>(x[l * s]);
    y[j * q] = static_cast<T>(mode == ReadoutMode::mean ? sum / static_cast<double>(l + 1) : sum);
  }
}

template <class T>
void readout_row_backward(T* dx, index_t s, index_t L, const T* dy, index_t q, index_t n, index_t M, ReadoutMode mode) {
  const bool places = mode == ReadoutMode::last || mode == ReadoutMode::first;
  const index_t begin = mode == ReadoutMode::first ? 0 : n - M;  // of the positions that the outputs stand for
  for (index_t l = begin + M; l < L; ++l) dx[l * s] = 0;
  double sum = 0;
  for (index_t j = M - 1; j >= 0; --j) {
    const double in = static_cast<double>(dy[j * q]);
    sum += mode == ReadoutMode::mean ? in / static_cast<double>(begin + j + 1) : in;
    dx[(begin + j) * s] = places ? dy[j * q] : static_cast<T>(sum);
  }
  const T before = places ? T(0) : static_cast<T>(sum);
  for (index_t l = 0; l < begin; ++l) dx[l * s] = before;
}

// f(b, h, n_b) for every sequence.
template <class F>
void each_sequence(const Extents<3>& x, TensorView<const index_t, 1, Host> lengths, F f) {
  const index_t H = x[1], L = x[2];
  parallel_blocks(x[0] * H, (index_t(1) << 14) / (L + 1), [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) f(i / H, i % H, lengths.data() == nullptr ? L : lengths(i / H));
  });
}

template <class T>
void readout_forward(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x,
                     TensorView<const index_t, 1, Host> lengths, ReadoutMode mode) {
  each_sequence(x.sizes(), lengths, [&](index_t b, index_t h, index_t n) {
    readout_row(y.data() + b * y.stride(0) + h * y.stride(1), y.stride(2), x.data() + b * x.stride(0) + h * x.stride(1),
                x.stride(2), n, y.size(2), mode);
  });
}

template <class T>
void readout_backward(TensorView<T, 3, Host> dx, TensorView<const T, 3, Host> dy,
                      TensorView<const index_t, 1, Host> lengths, ReadoutMode mode) {
  each_sequence(dx.sizes(), lengths, [&](index_t b, index_t h, index_t n) {
    readout_row_backward(dx.data() + b * dx.stride(0) + h * dx.stride(1), dx.stride(2), dx.size(2),
                         dy.data() + b * dy.stride(0) + h * dy.stride(1), dy.stride(2), n, dy.size(2), mode);
  });
}

inline void check_lengths(const char* op, TensorView<const index_t, 1, Host> lengths, index_t B, index_t low,
                          index_t L) {
  if (lengths.data() == nullptr) return;
  check_shape(op, "lengths", lengths, Extents<1>{B}, "B");
  for (index_t b = 0; b < B; ++b)
    if (lengths(b) < low || lengths(b) > L)
      throw_value_error(std::string(op) + ": lengths[" + std::to_string(b) + "] is " + std::to_string(lengths(b)) +
                        ", expected " + std::to_string(low) + " to L=" + std::to_string(L));
}

}  // namespace impl

namespace ops {

struct Readout {
  // lengths (B) may be left out (a default view): then all L positions are valid.
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x, In<index_t, 1, D> lengths, ReadoutMode mode) {
    check(y.sizes(), "y", x.sizes(), lengths);
    impl::readout_forward(y, x, lengths, mode);
  }

  template <class T, device D>  // dx is assigned
  static void backward(TensorView<T, 3, D> dx, In<T, 3, D> dy, In<index_t, 1, D> lengths, ReadoutMode mode) {
    if (!wanted(dx)) return;
    check(dy.sizes(), "dy", dx.sizes(), lengths);
    impl::readout_backward(dx, dy, lengths, mode);
  }

 private:
  template <device D>
  static void check(const Extents<3>& y, const char* name, const Extents<3>& x,
                    TensorView<const index_t, 1, D> lengths) {
    if (y[0] != x[0] || y[1] != x[1] || y[2] > x[2])
      throw_shape_error(std::string("readout: ") + name + " is " + to_string(y, "BHM") + ", x is " +
                        to_string(x, "BHL") + "; they share B and H, and M is at most L");
    impl::check_lengths("readout", lengths, x[0], y[2], x[2]);
  }
};

}  // namespace ops
}  // namespace longwave
