// lstm_resident.cuh - all steps of an LSTM in one kernel, weights in registers (longwave/cuda/lstm.hpp).
//
// A cluster takes LstmGrid::rows = 4 sequences. Its blocks have in shared memory what all of them need of a step,
// twice: one is read while the other is written, by every block into all blocks. So one barrier a step is enough: who
// writes to a buffer has passed the barrier that every reader reached after its last look at it.
//
//   forward    8 lanes per unit; each has its four gates for every 8th group of 4 columns of [W_hh W_ih], 16 Q weights
//   backward   32 lanes per 4 outputs (units, features of x); each has them for the four gates of every 32nd unit
//
// Each 16 bytes read from shared memory meet 16 weights. The 16 sums of 4 sequences are added up over lanes so that
// each lane keeps its share (fold), and then two lanes do the arithmetic of one unit of one sequence.
// H = 256, 8 blocks of 256 threads: 128 weights per thread, 512 FMA and 32 loads a step; 1024 cycles on 4 schedulers.
#pragma once

#include "kernels/cluster.cuh"
#include "longwave/core/lstm_cell.hpp"
#include "longwave/cuda/lstm.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int lstm_rows = static_cast<int>(LstmGrid::rows);
inline constexpr int lstm_threads = 8 * static_cast<int>(LstmGrid::most_outputs);  // most of a block

template <class T>
struct LstmForward {
  TensorView<T, 3, Cuda> y;        // (B, L, H), or without data, as the rest
  LstmStateViews<T, Cuda> end;     //
  LstmKept<T> kept;                //
  const T* projected;              // (B, L, 4 H): W_ih x, may be kept.gates; nullptr: W_ih is held
  TensorView<const T, 3, Cuda> x;  // (B, L, I)
  LstmWeightViews<const T, Cuda> weights;
  LstmStateViews<const T, Cuda> start;
  int B, L, I, H;  // I: features of x that are held here
  int blocks, units;
  bool reverse;

  LONGWAVE_HD index_t time(int step) const { return reverse ? L - 1 - step : step; }
};

template <class T>
struct LstmBackward {
  TensorView<T, 3, Cuda> dx;  // (B, L, I), or without data
  LstmStateViews<T, Cuda> dstart;
  TensorView<const T, 3, Cuda> dy;
  LstmStateViews<const T, Cuda> dend;
  LstmKept<T> kept;
  LstmWeightViews<const T, Cuda> weights;
  int B, L, I, H;
  int blocks, units, inputs;  // inputs: features of x per block, 0 without dx
  bool reverse;

  LONGWAVE_HD index_t time(int step) const { return reverse ? L - 1 - step : step; }
};

template <class T>
struct alignas(16) LstmQuad {
  T at[4];
};

template <class T>
__device__ T number_or_zero(const TensorView<const T, 2, Cuda>& x, index_t row, index_t column) {
  return x.data() != nullptr ? x(row, column) : T(0);
}

// Of 2 N sums over pairs of lanes that differ in `bit` the lower lane keeps the first N, the upper one the others.
template <int N, class T>
__device__ void fold(T (&kept)[N], const T (&sums)[2 * N], int bit) {
  const bool upper = (threadIdx.x & static_cast<unsigned>(bit)) != 0;
#pragma unroll
  for (int n = 0; n < N; ++n) {
    const T own = upper ? sums[N + n] : sums[n], other = upper ? sums[n] : sums[N + n];
    kept[n] = own + __shfl_xor_sync(0xffffffffu, other, bit);
  }
}

// To all blocks, by the two lanes of a pair in turns.
template <class T, class Value>
__device__ void hand_round(T* to, int blocks, const Value& value) {
  const int first = static_cast<int>(threadIdx.x) % 2;
#pragma unroll
  for (int i = 0; i < LstmGrid::most_blocks; i += 2)
    if (first + i < blocks) store_in_block(to, first + i, value);
}

// The other lane of a pair has the gates that this one lacks; all four in both.
template <class T>
__device__ void all_gates(T (&gates)[4], const T (&own)[2], bool upper) {
  const T first = __shfl_xor_sync(0xffffffffu, own[0], 1), second = __shfl_xor_sync(0xffffffffu, own[1], 1);
  gates[0] = upper ? first : own[0];
  gates[1] = upper ? second : own[1];
  gates[2] = upper ? own[0] : first;
  gates[3] = upper ? own[1] : second;
}

// --- forward ------------------------------------------------------------------------------------------------------

// w[gate][q][j]: column 32 q + 4 part + j of [W_hh W_ih]; zeros beyond, and for a unit that is not there (H).
template <class T, int Q>
__device__ void load_lstm_rows(T (&w)[4][Q][4], const LstmForward<T>& p, int unit, int part) {
  const int columns = unit < p.H ? p.H + p.I : 0;
  const auto &hidden = p.weights.W_hh, &input = p.weights.W_ih;
#pragma unroll
  for (int q = 0; q < Q; ++q)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int k = 32 * q + 4 * part + j;
      const bool of_x = k >= p.H;
      const T* from = of_x ? input.data() : hidden.data();
      const index_t step = of_x ? input.stride(0) : hidden.stride(0);
      from += unit * step + (of_x ? k - p.H : k) * (of_x ? input.stride(1) : hidden.stride(1));
#pragma unroll
      for (int gate = 0; gate < 4; ++gate) {
        w[gate][q][j] = T(0);
        if (k < columns) w[gate][q][j] = from[gate * p.H * step];
      }
    }
}

// own = two gates of one sequence: those of lanes 2 r and 2 r + 1 of the unit's 8 are those of sequence r.
template <class T, int Q>
__device__ void lstm_row_products(T (&own)[2], const T (&w)[4][Q][4], const T* operand, int part) {
  T sums[4 * lstm_rows] = {};
#pragma unroll
  for (int q = 0; q < Q; ++q)
#pragma unroll
    for (int row = 0; row < lstm_rows; ++row) {
      const auto in = *reinterpret_cast<const LstmQuad<T>*>(operand + row * 32 * Q + 32 * q + 4 * part);
#pragma unroll
      for (int gate = 0; gate < 4; ++gate)
#pragma unroll
        for (int j = 0; j < 4; ++j) sums[4 * row + gate] += w[gate][q][j] * in.at[j];
    }
  T half[8], quarter[4];
  fold(half, sums, 4);
  fold(quarter, half, 2);
  fold(own, quarter, 1);
}

// Both buffers: h_0 and the first x in the first, zeros elsewhere.
template <class T, int Q>
__device__ void begin_lstm_operands(T* operand, const LstmForward<T>& p, index_t first) {
  constexpr int K = 32 * Q;
  for (int i = static_cast<int>(threadIdx.x); i < lstm_rows * K; i += static_cast<int>(blockDim.x)) {
    const index_t row = first + i / K;
    const int k = i % K;
    T value = T(0);
    if (row < p.B && k < p.H)
      value = number_or_zero(p.start.h, row, k);
    else if (row < p.B && k < p.H + p.I && p.L > 0)
      value = p.x(row, p.time(0), k - p.H);
    operand[i] = value;
    operand[lstm_rows * K + i] = T(0);
  }
}

// x of `step` on its way to the buffer of that step.
template <class T, int Q>
__device__ void fetch_lstm_inputs(T* operand, const LstmForward<T>& p, index_t first, int step) {
  const int r = static_cast<int>(threadIdx.x) % lstm_rows, each = static_cast<int>(blockDim.x) / lstm_rows;
  if (first + r >= p.B) return;
  const T* const x = p.x.data() + (first + r) * p.x.stride(0) + p.time(step) * p.x.stride(1);
  for (int k = static_cast<int>(threadIdx.x) / lstm_rows; k < p.I; k += each)
    copy_to_block(operand + r * 32 * Q + p.H + k, x + k * p.x.stride(2));
}

// x of a step and the 1 into what is kept; the h between them is written by the threads that have it.
template <class T, int Q>
__device__ void keep_lstm_inputs(const T* operand, const LstmForward<T>& p, index_t first, int step) {
  const int r = static_cast<int>(threadIdx.x) % lstm_rows, each = static_cast<int>(blockDim.x) / lstm_rows;
  const int columns = static_cast<int>(p.kept.operands.size(2)) - p.H;
  if (first + r >= p.B) return;
  T* const to = p.kept.operands.data() + ((first + r) * p.L + p.time(step)) * p.kept.operands.size(2);
  for (int k = static_cast<int>(threadIdx.x) / lstm_rows; k < columns; k += each) {
    if (k < p.I)
      to[k] = operand[r * 32 * Q + p.H + k];
    else
      to[k + p.H] = k == p.I ? T(1) : T(0);
  }
}

// Where a lane finds and leaves the numbers of its unit and sequence at each step. Pointers of what is not wanted are
// not followed.
template <class T>
struct LstmPlaces {
  T *y, *gates, *c, *h;  // h: the next step's
  const T* projected;
  index_t y_step, gates_step, h_step;

  __device__ LstmPlaces(const LstmForward<T>& p, index_t row, index_t gate, int unit) {
    const index_t t = p.time(0), direction = p.reverse ? -1 : 1, P = p.kept.operands.size(2);
    y = p.y.data() + row * p.y.stride(0) + t * p.y.stride(1) + unit * p.y.stride(2);
    gates = p.kept.gates.data() + (row * p.L + t) * 4 * p.H + gate;
    c = p.kept.cells.data() + row * (p.L + 1) * p.H + unit;
    h = p.kept.operands.data() + (row * p.L + t) * P + p.x.size(2) + unit;
    projected = p.projected + (row * p.L + t) * 4 * p.H + gate;
    y_step = direction * p.y.stride(1);
    gates_step = direction * 4 * p.H;
    h_step = direction * P;
  }
};

// Q: groups of 32 columns of [W_hh W_ih]. Shared memory: 2 * 4 * 32 Q numbers.
template <class T, int Q>
__global__ void __launch_bounds__(lstm_threads, 1) lstm_forward_kernel(const __grid_constant__ LstmForward<T> p) {
  constexpr int buffer = lstm_rows * 32 * Q;
  T* const operands = block_memory<T>();
  const int rank = static_cast<int>(blockIdx.x) % p.blocks, part = static_cast<int>(threadIdx.x) % 8;
  const int local = static_cast<int>(threadIdx.x) / 8;
  const int unit = local < p.units && rank * p.units + local < p.H ? rank * p.units + local : p.H;
  const index_t first = index_t(blockIdx.x / p.blocks) * lstm_rows, row = first + part / 2;
  const bool upper = part % 2 == 1, mine = unit < p.H && row < p.B;  // two lanes for each unit of each sequence
  const bool keeps = p.kept.gates.data() != nullptr, held = p.projected == nullptr;
  const index_t gate = index_t(upper ? 2 : 0) * p.H + unit;  // this lane's, and the next one

  T w[4][Q][4];
  load_lstm_rows(w, p, unit, part);
  LstmPlaces<T> at(p, row, gate, unit);
  T bias[2] = {}, h = T(0), c = T(0);
  if (mine) {
    for (int j = 0; j < 2; ++j) {
      if (p.weights.b_ih.data() != nullptr) bias[j] += p.weights.b_ih(gate + j * p.H);
      if (p.weights.b_hh.data() != nullptr) bias[j] += p.weights.b_hh(gate + j * p.H);
    }
    h = number_or_zero(p.start.h, row, unit);
    c = number_or_zero(p.start.c, row, unit);
    if (keeps && !upper) *at.c = c;
    if (keeps && upper) *at.h = h;
  }
  begin_lstm_operands<T, Q>(operands, p, first);
  cluster_arrive();
  cluster_wait();

  for (int step = 0; step < p.L; ++step) {
    const T* const now = operands + step % 2 * buffer;
    T* const next = operands + (step + 1) % 2 * buffer;
    T z[2] = {bias[0], bias[1]}, own[2], gates[4];
    if (!held && mine)
      for (int j = 0; j < 2; ++j) z[j] += at.projected[j * p.H];
    if (held && step + 1 < p.L) fetch_lstm_inputs<T, Q>(next, p, first, step + 1);
    if (held && keeps && rank == step % p.blocks) keep_lstm_inputs<T, Q>(now, p, first, step);
    lstm_row_products(own, w, now, part);
    for (int j = 0; j < 2; ++j) own[j] += z[j];
    all_gates(gates, own, upper);
    const LstmCell<T> cell = lstm_cell(gates, c);
    c = cell.c, h = cell.h;
    if (mine) hand_round(next + part / 2 * 32 * Q + unit, p.blocks, h);
    copies_arrived();
    cluster_arrive();
    at.c += p.H, at.h += at.h_step;
    if (mine && !upper && p.y.data() != nullptr) *at.y = h;
    if (mine && keeps) {
      at.gates[0] = upper ? gates[2] : gates[0];
      at.gates[p.H] = upper ? gates[3] : gates[1];
      if (!upper) *at.c = c;
      if (upper && step + 1 < p.L) *at.h = h;
    }
    at.y += at.y_step, at.gates += at.gates_step, at.projected += at.gates_step;
    cluster_wait();
  }
  if (mine && !upper && p.end.h.data() != nullptr) p.end.h(row, unit) = h;
  if (mine && upper && p.end.c.data() != nullptr) p.end.c(row, unit) = c;
}

// --- backward -----------------------------------------------------------------------------------------------------

// What number `local` of block `rank` is: a unit (0 .. H - 1), a feature of x (H ..), or nothing (-1).
template <class T>
__device__ int lstm_output(const LstmBackward<T>& p, int rank, int local) {
  const int unit = rank * p.units + local, input = rank * p.inputs + local - p.units;
  if (local < p.units) return unit < p.H ? unit : -1;
  return local < p.units + p.inputs && input < p.I ? p.H + input : -1;
}

// w[output][q][gate]: row of that gate of unit 32 q + lane, column of the output.
template <class T, int Q>
__device__ void load_lstm_columns(T (&w)[4][Q][4], const LstmBackward<T>& p, int rank, int first, int lane) {
#pragma unroll
  for (int output = 0; output < 4; ++output) {
    const int column = lstm_output(p, rank, first + output);
    const auto& W = column < p.H ? p.weights.W_hh : p.weights.W_ih;
    const T* const from = W.data() + (column < p.H ? column : column - p.H) * W.stride(1);
    const int units = column < 0 ? 0 : p.H;
#pragma unroll
    for (int q = 0; q < Q; ++q)
#pragma unroll
      for (int gate = 0; gate < 4; ++gate) {
        const int unit = 32 * q + lane;
        w[output][q][gate] = unit < units ? from[(index_t(gate) * p.H + unit) * W.stride(0)] : T(0);
      }
  }
}

// For one output and sequence per pair of lanes: lane = 8 output + 2 sequence (+ 1).
template <class T, int Q>
__device__ T lstm_column_products(const T (&w)[4][Q][4], const T* dz, int lane) {
  T sums[4 * lstm_rows] = {};
#pragma unroll
  for (int q = 0; q < Q; ++q)
#pragma unroll
    for (int row = 0; row < lstm_rows; ++row) {
      const auto in = *reinterpret_cast<const LstmQuad<T>*>(dz + (row * 32 * Q + 32 * q + lane) * 4);
#pragma unroll
      for (int output = 0; output < 4; ++output)
#pragma unroll
        for (int gate = 0; gate < 4; ++gate) sums[lstm_rows * output + row] += w[output][q][gate] * in.at[gate];
    }
  T half[8], quarter[4], pair[2], one[1];
  fold(half, sums, 16);
  fold(quarter, half, 8);
  fold(pair, quarter, 4);
  fold(one, pair, 2);
  return one[0] + __shfl_xor_sync(0xffffffffu, one[0], 1);
}

// What a unit needs of a step: the two gates that this lane will replace, c before the step, dy.
template <class T>
struct LstmStepBack {
  T own[2], c_before, dy;

  __device__ void load(const LstmBackward<T>& p, index_t row, int unit, bool upper, int step) {
    const T* const gates = p.kept.gates.data() + (row * p.L + p.time(step)) * 4 * p.H;
    for (int j = 0; j < 2; ++j) own[j] = gates[index_t((upper ? 2 : 0) + j) * p.H + unit];
    c_before = p.kept.cells(row, step, unit);
    dy = p.dy.data() != nullptr ? p.dy(row, p.time(step), unit) : T(0);
  }
};

// Q: groups of 32 units. Shared memory: 2 * 4 * 32 Q * 4 numbers.
template <class T, int Q>
__global__ void __launch_bounds__(lstm_threads, 1) lstm_backward_kernel(const __grid_constant__ LstmBackward<T> p) {
  constexpr int buffer = lstm_rows * 32 * Q * 4;
  T* const memory = block_memory<T>();  // dz, (2, rows, units, gates)
  const int rank = static_cast<int>(blockIdx.x) % p.blocks, lane = static_cast<int>(threadIdx.x) % 32;
  const int first_output = static_cast<int>(threadIdx.x) / 32 * 4, r = lane / 2 % 4;
  const int output = lstm_output(p, rank, first_output + lane / 8);
  const index_t row = index_t(blockIdx.x / p.blocks) * lstm_rows + r;
  const bool upper = lane % 2 == 1, unit = row < p.B && output >= 0 && output < p.H;
  const bool input = row < p.B && output >= p.H;

  T w[4][Q][4];
  load_lstm_columns(w, p, rank, first_output, lane);
  LstmStepBack<T> now = {};
  T dh = T(0), dc = T(0), c = T(0);
  if (unit) {
    dh = number_or_zero(p.dend.h, row, output);
    dc = number_or_zero(p.dend.c, row, output);
    if (p.L > 0) c = p.kept.cells(row, p.L, output);
    if (p.L > 0) now.load(p, row, output, upper, p.L - 1);
  }
  for (int i = static_cast<int>(threadIdx.x); i < 2 * buffer; i += static_cast<int>(blockDim.x)) memory[i] = T(0);
  cluster_arrive();
  cluster_wait();

  for (int step = p.L - 1; step >= 0; --step) {
    T* const all = memory + step % 2 * buffer;
    const index_t t = p.time(step);
    T gates[4];
    all_gates(gates, now.own, upper);
    const LstmCellGradient<T> d = lstm_cell_gradient(gates, c, now.c_before, dh + now.dy, dc);
    if (unit) hand_round(all + (r * 32 * Q + output) * 4, p.blocks, d.dz);
    cluster_arrive();
    if (unit) {
      T* const to = p.kept.gates.data() + (row * p.L + t) * 4 * p.H + index_t(upper ? 2 : 0) * p.H + output;
      to[0] = upper ? d.dz[2] : d.dz[0];
      to[p.H] = upper ? d.dz[3] : d.dz[1];
    }
    dc = d.dc, c = now.c_before;
    if (unit && step > 0) now.load(p, row, output, upper, step - 1);
    cluster_wait();
    dh = lstm_column_products(w, all, lane);
    if (input && !upper) p.dx(row, t, output - p.H) = dh;
  }
  if (unit && !upper && p.dstart.h.data() != nullptr) p.dstart.h(row, output) = dh;
  if (unit && upper && p.dstart.c.data() != nullptr) p.dstart.c(row, output) = dc;
}

}  // namespace detail
}  // namespace longwave::cuda
