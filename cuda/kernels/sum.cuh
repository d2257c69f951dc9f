// sum.cuh - sums over any set of axes on the device (core/sum.hpp, longwave/cuda/sum.hpp).
//
// A block of 256 threads owns W kept elements and one piece of the summed positions; P = 256 / W threads share one kept
// element. Positions are those of the last two summed axes, all others are walked by every thread: after merging, few
// sums have more. Neighbouring threads are neighbours in memory: of the kept elements (`across`), or of the summed
// positions. Sums are carried in double, whose additions and conversions keep up with memory (4 per clock and
// multiprocessor are needed for float, 16 available). Pieces are summed by a second kernel, in order. Bytes: each
// operand once, and 16 per piece and output.
#pragma once

#include <algorithm>
#include <utility>

#include "kernels/launch.cuh"
#include "longwave/core/sum.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int sum_threads = 256;
inline constexpr index_t sum_blocks = 1024;    // that many fill a device; beyond it positions are not cut into pieces
inline constexpr index_t sum_per_thread = 32;  // a piece gives each thread at least that many positions

// How a sum is cut. From sizes alone.
struct SumCut {
  int width;  // W
  index_t groups, pieces, piece;
};

inline index_t power_of_two_from(index_t n) {
  index_t p = 1;
  while (p < n) p *= 2;
  return p;
}

inline SumCut sum_cut(index_t outputs, index_t positions, bool across) {
  SumCut cut;
  if (across) {  // whole sectors of neighbours, then threads along the positions as far as these go
    cut.width = static_cast<int>(power_of_two_from(std::min<index_t>(outputs, 32)));
    while (cut.width < sum_threads && positions < index_t(8) * (sum_threads / cut.width)) cut.width *= 2;
  } else {
    cut.width = static_cast<int>(sum_threads / power_of_two_from(std::clamp<index_t>((positions + 3) / 4, 1, 256)));
  }
  cut.groups = (outputs + cut.width - 1) / cut.width;
  const index_t most = positions / (sum_threads / cut.width * sum_per_thread);
  cut.pieces = std::clamp<index_t>(std::min(sum_blocks / cut.groups, most), 1, sum_blocks);
  cut.piece = (positions + cut.pieces - 1) / cut.pieces;
  return cut;
}

// Offsets per operand of element number `index` over the first `axes` axes of a plan; `to` starts at operand P - K.
template <int P, int K>
__device__ void plan_offsets(index_t (&to)[K], const longwave::detail::RowPlan<max_rank, P>& plan, int axes,
                             index_t index) {
#pragma unroll
  for (int k = 0; k < K; ++k) to[k] = 0;
  for (int axis = axes - 1; axis >= 0; --axis) {
    const index_t at = axis == 0 ? index : index % plan.sizes[axis];
    if (axis > 0) index /= plan.sizes[axis];
#pragma unroll
    for (int k = 0; k < K; ++k) to[k] += at * plan.strides[P - K + k][axis];
  }
}

// Positions begin, begin + step, .. of the last two axes of a plan, without a division per position.
template <int K>
struct SumWalk {
  index_t length, at, at_step;
  index_t offset[K], step[K], jump[K];  // jump: into the next row, back to its start

  __device__ SumWalk(const longwave::detail::RowPlan<max_rank, K>& p, index_t begin, int stride) {
    const int last = p.rank - 1;
    length = last >= 0 ? p.sizes[last] : 1;
    const index_t row = begin / length, row_step = stride / length;
    at = begin - row * length;
    at_step = stride - row_step * length;
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const index_t along_row = last >= 0 ? p.strides[k][last] : 0, to_next = last >= 1 ? p.strides[k][last - 1] : 0;
      offset[k] = row * to_next + at * along_row;
      step[k] = row_step * to_next + at_step * along_row;
      jump[k] = to_next - length * along_row;
    }
  }
  __device__ void next() {
    at += at_step;
    const bool carry = at >= length;
    if (carry) at -= length;
#pragma unroll
    for (int k = 0; k < K; ++k) offset[k] += carry ? step[k] + jump[k] : step[k];
  }
};

// M sums of one pass: what f returns for one position instead of a number.
template <int M>
struct Several {
  double at[M];
};

template <class T>
__device__ void add_term(double (&sum)[1], T term) {
  sum[0] += static_cast<double>(term);
}
template <int M>
__device__ void add_term(double (&sum)[M], const Several<M>& term) {
#pragma unroll
  for (int m = 0; m < M; ++m) sum[m] += term.at[m];
}

template <int M, class F, class T, int K, std::size_t... X>
__device__ void add_term_of(double (&sum)[M], const F& f, const T (&x)[K], std::index_sequence<X...>) {
  add_term(sum, f(x[X]...));
}

template <int K>
inline constexpr int sum_loads = K == 1 ? 8 : 4;  // positions whose loads are in flight before the first use

// This thread's share of one kept element: positions begin, begin + step, .. before `end` of the last two axes, for
// every index of the axes before these.
template <int M, class F, class T, int K>
__device__ void sum_share(double (&sum)[M], const SumPlan<T, K>& s, const F& f, index_t element, index_t begin,
                          index_t end, int step) {
  constexpr int loads = sum_loads<K>;
  index_t kept[K];
  plan_offsets(kept, s.over, s.over.rank, element);
  const index_t n = (end - begin + step - 1) / step;
  for (index_t outer = 0; outer < s.outer(); ++outer) {
    index_t far[K];
    plan_offsets(far, s.along, s.along.rank - 2, outer);
    const T* data[K];
#pragma unroll
    for (int k = 0; k < K; ++k) data[k] = s.data[k] + kept[k] + far[k];
    SumWalk<K> walk(s.along, begin, step);
    index_t i = 0;
    for (; i + loads <= n; i += loads) {
      T x[loads][K];
#pragma unroll
      for (int j = 0; j < loads; ++j, walk.next())
#pragma unroll
        for (int k = 0; k < K; ++k) x[j][k] = data[k][walk.offset[k]];
#pragma unroll
      for (int j = 0; j < loads; ++j) add_term_of(sum, f, x[j], std::make_index_sequence<K>());
    }
    if (i == n) continue;
    const int rest = static_cast<int>(n - i);  // their loads together as well
    T x[loads][K];
#pragma unroll
    for (int j = 0; j < loads - 1; ++j, walk.next())
      if (j < rest)
#pragma unroll
        for (int k = 0; k < K; ++k) x[j][k] = data[k][walk.offset[k]];
#pragma unroll
    for (int j = 0; j < loads - 1; ++j)
      if (j < rest) add_term_of(sum, f, x[j], std::make_index_sequence<K>());
  }
}

// finish(plan, element, sums) where one piece is all; else partial sums, (pieces, M, outputs).
template <int M, class F, class Finish, class T, int K>
__global__ void __launch_bounds__(sum_threads)
    sum_kernel(const __grid_constant__ SumPlan<T, K> s, SumCut cut, F f, Finish finish, double* partial) {
  const int W = cut.width, P = sum_threads / W;
  const int lane = s.across ? threadIdx.x % W : threadIdx.x / P;
  const int turn = s.across ? threadIdx.x / W : threadIdx.x % P;
  const index_t element = blockIdx.x * index_t(W) + lane;
  const index_t begin = blockIdx.y * cut.piece + turn, end = min((blockIdx.y + 1) * cut.piece, s.inner());
  double sum[M] = {};
  if (element < s.outputs && begin < end) sum_share(sum, s, f, element, begin, end, P);

  __shared__ double room[M][sum_threads];
#pragma unroll
  for (int m = 0; m < M; ++m) room[m][turn * W + lane] = sum[m];
  for (int half = P / 2; half > 0; half /= 2) {
    __syncthreads();
    if (turn < half)
#pragma unroll
      for (int m = 0; m < M; ++m) room[m][turn * W + lane] += room[m][(turn + half) * W + lane];
  }
  if (turn != 0 || element >= s.outputs) return;
#pragma unroll
  for (int m = 0; m < M; ++m) sum[m] = room[m][lane];
  if (partial == nullptr) return finish(s, element, sum);
#pragma unroll
  for (int m = 0; m < M; ++m) partial[(blockIdx.y * M + m) * s.outputs + element] = sum[m];
}

// One warp per output.
template <int M, class Finish, class T, int K>
__global__ void __launch_bounds__(sum_threads)
    add_pieces_kernel(const __grid_constant__ SumPlan<T, K> s, index_t pieces, Finish finish, const double* partial) {
  const index_t element = blockIdx.x * index_t(sum_threads / 32) + threadIdx.x / 32;
  if (element >= s.outputs) return;
  double sum[M] = {};
  for (index_t p = threadIdx.x % 32; p < pieces; p += 32)
#pragma unroll
    for (int m = 0; m < M; ++m) sum[m] += partial[(p * M + m) * s.outputs + element];
  for (int half = 16; half > 0; half /= 2)
#pragma unroll
    for (int m = 0; m < M; ++m) sum[m] += __shfl_xor_sync(0xffffffffu, sum[m], half);
  if (threadIdx.x % 32 == 0) finish(s, element, sum);
}

struct StoreSum {
  template <class T, int K>
  __device__ void operator()(const SumPlan<T, K>& s, index_t element, const double (&sum)[1]) const {
    index_t to[K + 1];
    plan_offsets(to, s.over, s.over.rank, element);
    s.out[to[0]] = static_cast<T>(s.scale * sum[0]);
  }
};

inline unsigned sum_grid(index_t blocks) {
  if (blocks > 0x7fffffff) throw_shape_error("cuda: sum_to has more outputs than one launch takes");
  return static_cast<unsigned>(blocks);
}

// The M sums of what f returns over the plan's positions, then finish(plan, element, sums) once per kept element, which
// is counted in the plan's order of axes.
template <int M, class F, class Finish, class T, int K>
void sums(const char* name, const SumPlan<T, K>& plan, F f, Finish finish) {
  if (plan.outputs == 0) return;
  const SumCut cut = sum_cut(plan.outputs, plan.inner(), plan.across);
  const dim3 grid(sum_grid(cut.groups), static_cast<unsigned>(cut.pieces));
  ScratchOn<Cuda> scratch;
  double* partial = cut.pieces > 1 ? scratch.take<double>(cut.pieces * M * plan.outputs) : nullptr;
  sum_kernel<M><<<grid, sum_threads, 0, stream_handle()>>>(plan, cut, f, finish, partial);
  check_launch(name);
  if (partial == nullptr) return;
  const unsigned blocks = sum_grid((plan.outputs + sum_threads / 32 - 1) / (sum_threads / 32));
  add_pieces_kernel<M><<<blocks, sum_threads, 0, stream_handle()>>>(plan, cut.pieces, finish, partial);
  check_launch(name);
}

// Many dense rows, a warp each: eight vectors of 16 bytes per lane are on their way before the first is used.
template <class F, class T>
__global__ void __launch_bounds__(sum_threads) sum_vectors_kernel(const __grid_constant__ SumPlan<T, 1> s, F f) {
  constexpr int V = Vector<T>::size, loads = 8;
  const index_t element = blockIdx.x * index_t(sum_threads / 32) + threadIdx.x / 32;
  if (element >= s.outputs) return;
  index_t kept[1];
  plan_offsets(kept, s.over, s.over.rank, element);
  const auto* row = reinterpret_cast<const Vector<T>*>(s.data[0] + kept[0]);
  const int vectors = static_cast<int>(s.inner()) / V;
  double sum[1] = {};
  for (int first = threadIdx.x % 32; first < vectors; first += 32 * loads) {
    Vector<T> v[loads];
#pragma unroll
    for (int k = 0; k < loads; ++k) v[k] = row[min(first + 32 * k, vectors - 1)];
#pragma unroll
    for (int k = 0; k < loads; ++k)
#pragma unroll
      for (int j = 0; j < V; ++j) {
        const double term = static_cast<double>(f(v[k].at[j]));
        sum[0] += first + 32 * k < vectors ? term : 0.0;
      }
  }
  for (int half = 16; half > 0; half /= 2) sum[0] += __shfl_xor_sync(0xffffffffu, sum[0], half);
  if (threadIdx.x % 32 == 0) StoreSum()(s, element, sum);
}

template <class T>
bool rows_in_vectors(const SumPlan<T, 1>& s) {
  constexpr index_t V = Vector<T>::size, longest = 8192, fewest = 1024;  // 8 rows a block: most multiprocessors
  bool fits = s.along.rank == 1 && s.along.strides[0][0] == 1 && s.inner() % V == 0 && s.inner() <= longest &&
              s.outputs >= fewest && aligned_for_vectors(s.data[0]);
  for (int axis = 0; axis < s.over.rank; ++axis) fits = fits && s.over.strides[1][axis] % V == 0;
  return fits;
}

}  // namespace detail

template <class F, class T, int K>
void sum_to(const SumPlan<T, K>& plan, F f) {
  if constexpr (K == 1)
    if (detail::rows_in_vectors(plan)) {
      const index_t per_block = detail::sum_threads / 32;
      detail::sum_vectors_kernel<<<detail::sum_grid((plan.outputs + per_block - 1) / per_block), detail::sum_threads, 0,
                                   stream_handle()>>>(plan, f);
      return check_launch("sum_to");
    }
  detail::sums<1>("sum_to", plan, f, detail::StoreSum());
}

}  // namespace longwave::cuda
