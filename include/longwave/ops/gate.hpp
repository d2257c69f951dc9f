// gate.hpp - the gated activation of WaveNet's residual blocks: y = t s,  t = tanh(a),  s = sigmoid(b), where a and b
// are the halves of x along the channels.
//
//   da = dy s (1 - t^2),   db = dy t s (1 - s)
//
// x (B, 2 K, L), y (B, K, L). Saves x; forward and backward are one pass each. Source: van den Oord et al. 2016
// (WaveNet), equation 2.
#pragma once

#include "longwave/core/add_rows.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/map.hpp"
#include "longwave/core/math.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

namespace impl {

template <class T>
LONGWAVE_HD T gate_value(T a, T b) {
  return math::tanh(a) * math::sigmoid(b);
}

template <class T>
LONGWAVE_HD void gate_slopes(T& da, T& db, T dy, T a, T b) {
  const T t = math::tanh(a), s = math::sigmoid(b);
  da = dy * s * ((T(1) - t) * (T(1) + t));
  db = dy * t * (s * math::sigmoid(-b));  // s (1 - s) without cancellation
}

// On the device, one position of y each.
template <class T>
struct GateForward {
  static constexpr const char* name = "gate_forward";
  TensorView<T, 3, Cuda> y;
  TensorView<const T, 3, Cuda> x;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = y.size(2), K = y.size(1), row = quotient(i, L), b = quotient(row, K), k = row - b * K,
                  l = i - row * L;
    y(b, k, l) = gate_value(x(b, k, l), x(b, K + k, l));
  }
};

template <class T>
struct GateBackward {
  static constexpr const char* name = "gate_backward";
  TensorView<T, 3, Cuda> dx;
  TensorView<const T, 3, Cuda> dy, x;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t L = dy.size(2), K = dy.size(1), row = quotient(i, L), b = quotient(row, K), k = row - b * K,
                  l = i - row * L;
    gate_slopes(dx(b, k, l), dx(b, K + k, l), dy(b, k, l), x(b, k, l), x(b, K + k, l));
  }
};

// The same for dense x and y (B, K, L), K L = `half` a multiple of a piece: 16 bytes of y each.
template <class T>
struct GateForwardWide {
  static constexpr const char* name = "gate_forward";
  T* y;
  const T* x;
  index_t half;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t at = i * Piece<T>::width, a_at = at + quotient(at, half) * half;
    const Piece<T> a = Piece<T>::load(x + a_at), b = Piece<T>::load(x + a_at + half);
    Piece<T> out;
    for (index_t j = 0; j < Piece<T>::width; ++j) out.at[j] = gate_value(a.at[j], b.at[j]);
    out.store(y + at);
  }
};

template <class T>
struct GateBackwardWide {
  static constexpr const char* name = "gate_backward";
  T* dx;
  const T *dy, *x;
  index_t half;

  LONGWAVE_HD void operator()(index_t i) const {
    const index_t at = i * Piece<T>::width, a_at = at + quotient(at, half) * half;
    const Piece<T> incoming = Piece<T>::load(dy + at), a = Piece<T>::load(x + a_at),
                   b = Piece<T>::load(x + a_at + half);
    Piece<T> da, db;
    for (index_t j = 0; j < Piece<T>::width; ++j) gate_slopes(da.at[j], db.at[j], incoming.at[j], a.at[j], b.at[j]);
    da.store(dx + a_at);
    db.store(dx + a_at + half);
  }
};

template <class T>
bool gate_in_pieces(const TensorView<T, 3, Cuda>& y, const TensorView<T, 3, Cuda>& x) {
  return y.contiguous() && x.contiguous() && y.size(1) * y.size(2) % Piece<T>::width == 0 &&
         Piece<T>::starts_at(y.data()) && Piece<T>::starts_at(x.data());
}

template <class T>
void gate_forward(TensorView<T, 3, Host> y, TensorView<const T, 3, Host> x) {
  const index_t K = y.size(1);
  map_elements<1>([](T& out, T a, T b) { out = gate_value(a, b); }, y, x.slice(1, 0, K), x.slice(1, K, 2 * K));
}
template <class T>
void gate_forward(TensorView<T, 3, Cuda> y, TensorView<const T, 3, Cuda> x) {
  if (gate_in_pieces<const T>(y, x))
    return for_each_index<Cuda>(y.count() / Piece<T>::width,
                                GateForwardWide<T>{y.data(), x.data(), y.size(1) * y.size(2)});
  for_each_index<Cuda>(y.count(), GateForward<T>{y, x});
}

template <class T>
void gate_backward(TensorView<T, 3, Host> dx, TensorView<const T, 3, Host> dy, TensorView<const T, 3, Host> x) {
  const index_t K = dy.size(1);
  map_elements<2>([](T& da, T& db, T incoming, T a, T b) { gate_slopes(da, db, incoming, a, b); }, dx.slice(1, 0, K),
                  dx.slice(1, K, 2 * K), dy, x.slice(1, 0, K), x.slice(1, K, 2 * K));
}
template <class T>
void gate_backward(TensorView<T, 3, Cuda> dx, TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x) {
  if (gate_in_pieces<const T>(dy, x) && gate_in_pieces<const T>(dy, dx))
    return for_each_index<Cuda>(dy.count() / Piece<T>::width,
                                GateBackwardWide<T>{dx.data(), dy.data(), x.data(), dy.size(1) * dy.size(2)});
  for_each_index<Cuda>(dy.count(), GateBackward<T>{dx, dy, x});
}

}  // namespace impl

namespace ops {

struct Gate {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> y, In<T, 3, D> x) {
    check("y", y.sizes(), x.sizes());
    impl::gate_forward(y, x);
  }

  // dx is assigned and may be x's storage; it may be left out.
  template <class T, device D>
  static void backward(Out<T, 3, D> dx, TensorView<const T, 3, D> dy, In<T, 3, D> x) {
    check("dy", dy.sizes(), x.sizes());
    check_gradient("gate", "dx", dx, x.sizes(), "BKL");
    if (wanted(dx)) impl::gate_backward(dx, dy, x);
  }

  // The sizes of y for an x of these sizes.
  static Extents<3> output_sizes(Extents<3> x) {
    if (x[1] % 2 != 0)
      throw_shape_error("gate: x is " + to_string(x, "BKL") +
                        ", expected an even number of channels: it is cut in halves");
    x[1] /= 2;
    return x;
  }

 private:
  static void check(const char* name, const Extents<3>& y, const Extents<3>& x) {
    const Extents<3> expected = output_sizes(x);
    if (!(y == expected))
      throw_shape_error(std::string("gate: ") + name + " is " + to_string(y, "BKL") + ", expected " +
                        to_string(expected, "BKL") + " for x " + to_string(x, "BKL"));
  }
};

}  // namespace ops
}  // namespace longwave
