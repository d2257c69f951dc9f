// channel_norm.cuh - layer norm over the channels of (B, H, L) whose positions are dense, and of x + dropout(r): what
// ops/norm.hpp and ops/dropout_norm.hpp have of it at 16 < H <= 512; anything else: norm.cuh.
//
// A block owns a tile of 8 vectors of 16 bytes along L, 128 bytes of every channel, and walks tiles. Thread (lane,
// turn) keeps the vector `lane` of channels turn, turn + turns, .. in registers, 8 of them: all are loaded before the
// first is used, and two integer divisions serve 32 floats. A warp has 4 turns; sums over channels go over them by
// exchange, then over the warps through shared memory, in T: at most 8 + 2 + 16 additions one after the other. Bytes
// per element, in sizeof(T): forward 2, of a sum 4; backward 3, with dropout and r 4. Factors of tied dropout are drawn
// once per thread and tile: lane i draws for channel i of its turn.
#pragma once

#include "kernels/dropout.cuh"
#include "longwave/cuda/norm.hpp"

namespace longwave::cuda::detail {

inline constexpr int channel_lanes = 8, channel_items = 8;
inline constexpr int channel_rows = 32 / channel_lanes;            // turns of a warp
inline constexpr int channel_span = channel_rows * channel_items;  // channels of a warp
inline constexpr int most_channel_warps = most_tile_channels / channel_span;
static_assert(channel_lanes == channel_items, "each lane draws for one of the turn's channels");

inline unsigned channel_threads(int H) { return 32u * static_cast<unsigned>((H + channel_span - 1) / channel_span); }

// A thread's numbers: v[i][j] of channel turn + i turns, position first + j.
template <class T>
using ChannelValues = T[channel_items][Vector<T>::size];

template <class T, int K>
struct ChannelTile {
  static constexpr int V = Vector<T>::size;
  const ChannelTiles<T, K>& s;
  int lane, turn, turns, channels;
  index_t b, position;
  bool inside;

  __device__ explicit ChannelTile(const ChannelTiles<T, K>& tiles)
      : s(tiles),
        lane(static_cast<int>(threadIdx.x) % channel_lanes),
        turn(static_cast<int>(threadIdx.x) / channel_lanes),
        turns(static_cast<int>(blockDim.x) / channel_lanes) {}

  __device__ void move_to(std::uint32_t tile) {
    const std::uint32_t row = tile / s.per_row;
    b = row;
    position = index_t(tile - row * s.per_row) * (channel_lanes * V) + lane * V;
    inside = position < s.L;
    channels = inside ? s.H : 0;
  }
  __device__ int channel(int i) const { return turn + i * turns; }
  __device__ T* at(int k) const { return s.data[k] + b * s.batch[k] + turn * s.channel[k] + position; }
  // Zeros where there is no channel or no position.
  __device__ void load(ChannelValues<T>& v, int k) const {
    const T* from = at(k);
    const index_t step = turns * s.channel[k];
#pragma unroll
    for (int i = 0; i < channel_items; ++i) {
      Vector<T> piece = {};
      if (channel(i) < channels) piece = *reinterpret_cast<const Vector<T>*>(from + i * step);
#pragma unroll
      for (int j = 0; j < V; ++j) v[i][j] = piece.at[j];
    }
  }
  template <class F>
  __device__ void store(int k, F value) const {
    T* to = at(k);
    const index_t step = turns * s.channel[k];
#pragma unroll
    for (int i = 0; i < channel_items; ++i) {
      if (channel(i) >= channels) break;
      Vector<T> piece;
#pragma unroll
      for (int j = 0; j < V; ++j) piece.at[j] = value(i, j);
      *reinterpret_cast<Vector<T>*>(to + i * step) = piece;
    }
  }
  // One number per position; zeros outside.
  __device__ Vector<T> positions(int k) const {
    if (!inside) return {};
    return *reinterpret_cast<const Vector<T>*>(s.data[k] + b * s.batch[k] + position);
  }
  __device__ void store_positions(int k, const Vector<T>& v) const {
    if (inside && turn == 0) *reinterpret_cast<Vector<T>*>(s.data[k] + b * s.batch[k] + position) = v;
  }
};

// Sums over all channels, which every thread gets. room: M * 8 vectors per warp, not used again before the next
// barrier.
template <int M, class T, int V>
__device__ void add_channels(T (&v)[M][V], Vector<T>* room) {
#pragma unroll
  for (int distance = channel_lanes; distance < 32; distance *= 2)
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int j = 0; j < V; ++j) v[m][j] += __shfl_xor_sync(~0u, v[m][j], distance);
  const int warps = static_cast<int>(blockDim.x) / 32, thread = static_cast<int>(threadIdx.x);
  const int lane = thread % channel_lanes;
  if (warps == 1) return;
  if (thread % 32 < channel_lanes)
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int j = 0; j < V; ++j) room[(thread / 32 * M + m) * channel_lanes + lane].at[j] = v[m][j];
  __syncthreads();
#pragma unroll
  for (int m = 0; m < M; ++m) {
    Vector<T> sum = room[m * channel_lanes + lane];
    for (int w = 1; w < warps; ++w) {
      const Vector<T> more = room[(w * M + m) * channel_lanes + lane];
#pragma unroll
      for (int j = 0; j < V; ++j) sum.at[j] += more.at[j];
    }
#pragma unroll
    for (int j = 0; j < V; ++j) v[m][j] = sum.at[j];
  }
}

// One number per channel of the turn, of which lane i gets the sum of number i over the lanes.
template <class T>
__device__ T add_lanes(T (&v)[channel_items], int lane) {
#pragma unroll
  for (int half = channel_lanes / 2; half > 0; half /= 2) {
    const bool upper = lane & half;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const T kept = upper ? v[i + half] : v[i], sent = upper ? v[i] : v[i + half];
      v[i] = kept + __shfl_xor_sync(~0u, sent, half);
    }
  }
  return v[0];
}

// Factors of tied dropout, k / (1 - p) per channel of the turn, or ones.
template <class T>
struct ChannelDrops {
  bool draws;
  Factors<T> factors;

  template <int K>
  __device__ void operator()(T (&factor)[channel_items], const ChannelTile<T, K>& tile) const {
    T mine = T(1);
    if (draws) mine = factors.of_row(tile.b * tile.s.H + tile.channel(tile.lane));
    const int first = static_cast<int>(threadIdx.x) % 32 / channel_lanes * channel_lanes;
#pragma unroll
    for (int i = 0; i < channel_items; ++i) factor[i] = draws ? __shfl_sync(~0u, mine, first + i) : mine;
  }
};

// Per channel of the turn, `otherwise` where nothing is given.
template <class T>
__device__ void load_channels(T (&to)[channel_items], const TensorView<const T, 1, Cuda>& from, int turn, int turns,
                              int H, T otherwise) {
#pragma unroll
  for (int i = 0; i < channel_items; ++i) {
    const int h = turn + i * turns;
    to[i] = from.data() != nullptr && h < H ? __ldg(from.data() + h * from.stride(0)) : otherwise;
  }
}

// Operands y, x, mean, rstd, sum, r. with_sum: x + dropout(r) + add is normalised.
template <bool with_sum, class T>
__global__ void __launch_bounds__(32 * most_channel_warps)
    channel_norm_kernel(const __grid_constant__ ChannelTiles<T, 6> s, const NormParameters<T> p,
                        const ChannelDrops<T> drops) {
  constexpr int V = Vector<T>::size;
  __shared__ Vector<T> room[3 * most_channel_warps * channel_lanes];
  ChannelTile<T, 6> tile(s);
  tile.move_to(blockIdx.x);
  ChannelValues<T> v;
  tile.load(v, 1);
  if constexpr (with_sum) {
    ChannelValues<T> r;
    tile.load(r, 5);
    if (p.add.data() != nullptr) {
      T add[channel_items];
      load_channels(add, p.add, tile.turn, tile.turns, s.H, T(0));
#pragma unroll
      for (int i = 0; i < channel_items; ++i)
#pragma unroll
        for (int j = 0; j < V; ++j) v[i][j] += add[i];
    }
    T factor[channel_items];
    drops(factor, tile);
#pragma unroll
    for (int i = 0; i < channel_items; ++i)
#pragma unroll
      for (int j = 0; j < V; ++j) v[i][j] += r[i][j] * factor[i];
    if (s.data[4] != nullptr) tile.store(4, [&](int i, int j) { return v[i][j]; });
  }
  T weight[channel_items], bias[channel_items];
  load_channels(weight, p.weight, tile.turn, tile.turns, s.H, T(1));
  load_channels(bias, p.bias, tile.turn, tile.turns, s.H, T(0));

  T total[1][V] = {};
#pragma unroll
  for (int i = 0; i < channel_items; ++i)
#pragma unroll
    for (int j = 0; j < V; ++j) total[0][j] += v[i][j];
  add_channels(total, room);
  const T share = static_cast<T>(p.share);
  T moments[2][V] = {};  // around the first estimate of the mean
#pragma unroll
  for (int j = 0; j < V; ++j) total[0][j] *= share;
#pragma unroll
  for (int i = 0; i < channel_items; ++i) {
    if (tile.channel(i) >= s.H) break;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      v[i][j] -= total[0][j];
      moments[0][j] += v[i][j];
      moments[1][j] += v[i][j] * v[i][j];
    }
  }
  add_channels(moments, room + most_channel_warps * channel_lanes);
  Vector<T> mean, rstd;
  T lift[V];
#pragma unroll
  for (int j = 0; j < V; ++j) {
    const T error = moments[0][j] * share, square = moments[1][j] * share - error * error;
    rstd.at[j] = T(1) / std::sqrt((square > T(0) ? square : T(0)) + static_cast<T>(p.eps));
    mean.at[j] = total[0][j] + error;
    lift[j] = p.m != nullptr ? *p.m * rstd.at[j] : T(0);
    moments[0][j] = error;
  }
  tile.store(0, [&](int i, int j) { return ((v[i][j] - moments[0][j]) * rstd.at[j] + lift[j]) * weight[i] + bias[i]; });
  if (s.data[2] == nullptr) return;
  tile.store_positions(2, mean);
  tile.store_positions(3, rstd);
}

// Operands dx, dy, x, mean, rstd, dsum, dr; of the first and the last two each may be left out. A block walks `walk`
// tiles, `blocks` apart. partial (blocks, 2, H): this block's sums of dy x_hat and of dy; nullptr: unwanted.
template <bool parameters, class T>
__global__ void __launch_bounds__(32 * most_channel_warps)
    channel_norm_backward_kernel(const __grid_constant__ ChannelTiles<T, 7> s, const NormParameters<T> p,
                                 const ChannelDrops<T> drops, int walk, double* partial) {
  constexpr int V = Vector<T>::size;
  __shared__ Vector<T> room[2][2 * most_channel_warps * channel_lanes];
  ChannelTile<T, 7> tile(s);
  const T share = static_cast<T>(p.share);
  const bool gradient = s.data[0] != nullptr || s.data[6] != nullptr;
  T weight[channel_items], dw[channel_items] = {}, db[channel_items] = {};
  load_channels(weight, p.weight, tile.turn, tile.turns, s.H, T(1));

  for (int n = 0; n < walk; ++n) {
    const std::uint32_t number = blockIdx.x + static_cast<std::uint32_t>(n) * gridDim.x;
    if (number >= s.count) break;  // the whole block
    tile.move_to(number);
    ChannelValues<T> x_hat, g;
    tile.load(x_hat, 2);
    tile.load(g, 1);
    const Vector<T> mean = tile.positions(3), rstd = tile.positions(4);
    T sums[2][V] = {};  // of g, of g x_hat
#pragma unroll
    for (int i = 0; i < channel_items; ++i)
#pragma unroll
      for (int j = 0; j < V; ++j) {  // beyond the channels g is zero
        x_hat[i][j] = (x_hat[i][j] - mean.at[j]) * rstd.at[j];
        if constexpr (parameters) {
          dw[i] += g[i][j] * x_hat[i][j];
          db[i] += g[i][j];
        }
        g[i][j] *= weight[i];
        sums[0][j] += g[i][j];
        sums[1][j] += g[i][j] * x_hat[i][j];
      }
    if (!gradient) continue;
    add_channels(sums, room[n % 2]);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const T lift = p.m != nullptr ? *p.m * rstd.at[j] : T(0), s1 = sums[0][j] * share;
      const T s2 = sums[1][j] * share + lift * s1;
#pragma unroll
      for (int i = 0; i < channel_items; ++i) g[i][j] = rstd.at[j] * (g[i][j] - s1 - x_hat[i][j] * s2);
    }
    if (s.data[5] != nullptr) {
      tile.load(x_hat, 5);
#pragma unroll
      for (int i = 0; i < channel_items; ++i)
#pragma unroll
        for (int j = 0; j < V; ++j) g[i][j] += x_hat[i][j];
    }
    if (s.data[0] != nullptr) tile.store(0, [&](int i, int j) { return g[i][j]; });
    if (s.data[6] == nullptr) continue;
    T factor[channel_items];
    drops(factor, tile);
    tile.store(6, [&](int i, int j) { return g[i][j] * factor[i]; });
  }
  if constexpr (parameters) {
    const double dweight = static_cast<double>(add_lanes(dw, tile.lane));
    const double dbias = static_cast<double>(add_lanes(db, tile.lane));
    const int h = tile.channel(tile.lane);
    if (h >= s.H) return;
    double* mine = partial + blockIdx.x * index_t(2) * s.H;
    mine[h] = dweight;
    mine[s.H + h] = dbias;
  }
}

inline constexpr int column_lanes = 32, column_turns = 32;

// dweight += column sums of partial (blocks, 2, H) at 0, dbias at 1; either may be left out.
template <class T>
__global__ void __launch_bounds__(column_lanes* column_turns)
    add_columns_kernel(TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias, const double* partial,
                       index_t blocks, index_t H) {
  __shared__ double room[column_turns][column_lanes + 1];
  const int lane = threadIdx.x % column_lanes, turn = threadIdx.x / column_lanes;
  const index_t column = blockIdx.x * index_t(column_lanes) + lane;
  double sum = 0;
  if (column < 2 * H)
#pragma unroll 8
    for (index_t b = turn; b < blocks; b += column_turns) sum += partial[b * 2 * H + column];
  room[turn][lane] = sum;
  __syncthreads();
  if (turn != 0 || column >= 2 * H) return;
  for (int i = 1; i < column_turns; ++i) sum += room[i][lane];
  const TensorView<T, 1, Cuda>& to = column < H ? dweight : dbias;
  if (to.data() != nullptr) to(column < H ? column : column - H) += static_cast<T>(sum);
}

template <class T>
void add_columns(TensorView<T, 1, Cuda> dweight, TensorView<T, 1, Cuda> dbias, const double* partial, index_t blocks,
                 index_t H) {
  add_columns_kernel<<<static_cast<unsigned>((2 * H + column_lanes - 1) / column_lanes), column_lanes * column_turns, 0,
                       stream_handle()>>>(dweight, dbias, partial, blocks, H);
  check_launch("layer_norm");
}

template <bool with_sum, class T>
void start_channel_norm(const ChannelTiles<T, 6>& tiles, NormParameters<T> p, const ChannelDrops<T>& drops) {
  p.share = 1 / static_cast<double>(tiles.H);
  channel_norm_kernel<with_sum><<<tiles.count, channel_threads(tiles.H), 0, stream_handle()>>>(tiles, p, drops);
  check_launch("layer_norm");
}

// Blocks that sum over positions: as many as a large device runs at once, more only where a thread's sums in T would
// pass 64.
template <class T>
std::uint32_t norm_blocks(const ChannelTiles<T, 7>& tiles) {
  constexpr std::uint32_t most = 64 / Vector<T>::size;
  const std::uint32_t at_once = 132 * std::max(1u, 512 / channel_threads(tiles.H));
  return std::min(tiles.count, std::max(at_once, (tiles.count + most - 1) / most));
}

// partial (norm_blocks, 2, H), or nullptr: gradients of weight and bias are not wanted.
template <class T>
void start_channel_norm_backward(const ChannelTiles<T, 7>& tiles, NormParameters<T> p, const ChannelDrops<T>& drops,
                                 double* partial) {
  p.share = 1 / static_cast<double>(tiles.H);
  const unsigned threads = channel_threads(tiles.H);
  if (partial == nullptr) {
    channel_norm_backward_kernel<false><<<tiles.count, threads, 0, stream_handle()>>>(tiles, p, drops, 1, nullptr);
  } else {
    const std::uint32_t blocks = norm_blocks(tiles), walk = (tiles.count + blocks - 1) / blocks;
    channel_norm_backward_kernel<true>
        <<<blocks, threads, 0, stream_handle()>>>(tiles, p, drops, static_cast<int>(walk), partial);
  }
  check_launch("layer_norm");
}
template <class T>
void start_channel_norm_backward(const ChannelTiles<T, 7>& tiles, const NormParameters<T>& p,
                                 const ChannelDrops<T>& drops, TensorView<T, 1, Cuda> dweight,
                                 TensorView<T, 1, Cuda> dbias) {
  if (!wanted(dweight) && !wanted(dbias)) return start_channel_norm_backward<T>(tiles, p, drops, nullptr);
  ScratchOn<Cuda> scratch;
  const index_t blocks = norm_blocks(tiles);
  double* partial = scratch.take<double>(blocks * 2 * tiles.H);
  start_channel_norm_backward<T>(tiles, p, drops, partial);
  add_columns(dweight, dbias, partial, blocks, tiles.H);
}

}  // namespace longwave::cuda::detail
