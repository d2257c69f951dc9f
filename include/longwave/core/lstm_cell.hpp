// lstm_cell.hpp - one unit of an LSTM at one step, for every device. The equations are in ops/lstm.hpp.
#pragma once

#include "longwave/core/math.hpp"

namespace longwave {

template <class T>
struct LstmCell {
  T c, h;
};

// gates: z_i, z_f, z_g, z_o, which become i, f, g, o.
template <class T>
LONGWAVE_HD inline LstmCell<T> lstm_cell(T (&gates)[4], T c_before) {
  gates[0] = math::sigmoid(gates[0]);
  gates[1] = math::sigmoid(gates[1]);
  gates[2] = math::tanh(gates[2]);
  gates[3] = math::sigmoid(gates[3]);
  const T c = gates[1] * c_before + gates[0] * gates[2];
  return {c, gates[3] * math::tanh(c)};
}

template <class T>
struct LstmCellGradient {
  T dz[4];
  T dc;  // of the step before
};

// dh: of this step's h. dc: of its c, without what comes through h.
template <class T>
LONGWAVE_HD inline LstmCellGradient<T> lstm_cell_gradient(const T (&gates)[4], T c, T c_before, T dh, T dc) {
  const T i = gates[0], f = gates[1], g = gates[2], o = gates[3], bounded = math::tanh(c);
  const T d = dc + dh * o * (T(1) - bounded) * (T(1) + bounded);
  return {{d * g * i * (T(1) - i), d * c_before * f * (T(1) - f), d * i * (T(1) - g) * (T(1) + g),
           dh * bounded * o * (T(1) - o)},
          d * f};
}

}  // namespace longwave
