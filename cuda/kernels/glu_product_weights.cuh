// glu_product_weights.cuh - dW (2 H, H) = sum over b and l of dz (b, :, l) g (b, :, l)', g = gelu(v), beside
// glu_product.cuh: of dz tensor cores see what is rounded already.
//
// A thread block owns 256 rows and 128 columns of dW and a piece of all positions, a line of 128 bytes of each row at a
// time: a stage. Depth is L here, which is contiguous in both, so lines of dz and v are copied to where blocks of
// operands have them (wgmma.cuh), three stages ahead, and each thread makes g of what it has copied of v. While
// products of one stage run, the next goes through GELU. Pieces are added in order afterwards.
//
// Bytes: dz and v twice through the second-level cache, once from memory; 4 H H operations per position. A stage is
// 48 KB and 1024 cycles of products.
#pragma once

#include "kernels/glu_product.cuh"

namespace longwave::cuda::detail {

inline constexpr int weight_rows = 256, weight_threads = 256;
inline constexpr int weight_slots = 4;               // stages in shared memory
inline constexpr int weight_stage = 3 * block_size;  // words: dz, then g
inline constexpr int weight_bytes = 4 * weight_slots * weight_stage + block_alignment;

template <class S>
struct GluWeights {
  const S* dz;
  const S* v;
  float* part;   // (gridDim.z, 2 H, H)
  index_t H, L;  // L a multiple of 16 bytes; rows are dense
  int stages, stages_per_row, stages_per_block;
  const unsigned* kept;  // as in GluProduct
  float scale;           // of what is kept
};

template <class S, class Unit>
struct WeightThread {
  static constexpr int per = per_word<S>, step = block_depth<S>;  // positions of a stage
  static constexpr int rows = weight_threads / 8;                 // eight threads copy a row's line
  static constexpr int of_dz = weight_rows / rows, of_v = block_rows / rows;

  const GluWeights<S>& p;
  unsigned* slots;
  int lane, warp, row, stage, end;  // row: the first of this thread; stages: first of this block, how many
  const S *dz, *v;                  // this thread's part of a line, in sequence 0
  int b, first;                     // of the stage to be copied next: sequence, first position

  __device__ WeightThread(const GluWeights<S>& of, unsigned* shared)
      : p(of),
        slots(shared),
        lane(threadIdx.x % 32),
        warp(__shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0)),
        row(threadIdx.x / 8) {
    stage = static_cast<int>(blockIdx.z) * p.stages_per_block;
    end = min(stage + p.stages_per_block, p.stages) - stage;
    b = stage / p.stages_per_row;
    first = (stage - b * p.stages_per_row) * step;
    dz = p.dz + (blockIdx.x * weight_rows + row) * p.L + part_of_line();
    v = p.v + (blockIdx.y * block_rows + row) * p.L + part_of_line();
  }
  __device__ static int part_of_line() { return static_cast<int>(threadIdx.x) % 8 * 4 * per; }

  // Of this thread's first row; the next is `rows` rows on, in the same order as rows is a multiple of eight.
  __device__ unsigned* place(int s) const {
    return slots + s % weight_slots * weight_stage + place_in_block(row, static_cast<int>(threadIdx.x) % 8 * 4);
  }

  // Stage s of this block, on its way: one commit, also where there is none.
  __device__ void copy(int s) {
    if (s < end) {
      unsigned* const to = place(s);
      const bool inside = first + part_of_line() < p.L;
      const S* from = dz + (index_t(b) * 2 * p.H * p.L + first);
#pragma unroll
      for (int i = 0; i < of_dz; ++i)
        copy_16_bytes(to + i * rows * block_words, inside ? from + index_t(i * rows) * p.L : dz, inside);
      from = v + (index_t(b) * p.H * p.L + first);
#pragma unroll
      for (int i = 0; i < of_v; ++i)
        copy_16_bytes(to + (i + of_dz) * rows * block_words, inside ? from + index_t(i * rows) * p.L : v, inside);
      first += step;
      if (first >= p.L) first = 0, ++b;
    }
    commit_copies();
  }

  __device__ static unsigned operand(unsigned word) {
    if constexpr (per == 1)
      return operand_word(gelu_fast(__uint_as_float(word)));
    else
      return operand_word(gelu_fast(low_of_pair(word)), gelu_fast(high_of_pair(word)));
  }
  // What this thread has copied of v becomes g.
  __device__ void make_operand(int s) const {
    unsigned* const at = place(s) + of_dz * rows * block_words;
    const unsigned* bits = nullptr;
    if (p.kept != nullptr) bits = p.kept + (stage + s) / p.stages_per_row * (p.H / 32) + blockIdx.y * (block_rows / 32);
#pragma unroll
    for (int i = 0; i < of_v; ++i) {
      uint4* const words = reinterpret_cast<uint4*>(at + i * rows * block_words);
      uint4 x = *words;
      x.x = operand(x.x), x.y = operand(x.y), x.z = operand(x.z), x.w = operand(x.w);
      if (bits != nullptr && (bits[i] >> row & 1) == 0) x.x = x.y = x.z = x.w = 0;
      *words = x;
    }
  }

  __device__ void run() {
    static_assert(rows == 32);  // bits of one word
    float c[2][64];
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int i = 0; i < 64; ++i) c[m][i] = 0;
#pragma unroll
    for (int s = 0; s < weight_slots - 1; ++s) copy(s);
    wait_copies<weight_slots - 2>();
    if (end > 0) make_operand(0);
    fence_async();
    __syncthreads();
    keep(c[0]);
    keep(c[1]);
#pragma unroll 1
    for (int s = 0; s < end; ++s) {
      const unsigned* const block = slots + s % weight_slots * weight_stage;
      Unit::begin();
#pragma unroll
      for (int m = 0; m < 2; ++m)
        Unit::multiply(c[m], block + (warp / 4 * 128 + m * 64) * block_words, block + 2 * block_size, lane);
      Unit::commit();
      wait_copies<weight_slots - 3>();
      if (s + 1 < end) make_operand(s + 1);
      fence_async();
      Unit::template wait<1>();
      __syncthreads();  // stage s + 1 is there for all, and all are done with stage s - 1
      copy(s + weight_slots - 1);
    }
    Unit::template wait<0>();
    keep(c[0]);
    keep(c[1]);
    float* to = p.part +
                (blockIdx.z * 2 * p.H + blockIdx.x * weight_rows + warp / 4 * 128 + warp % 4 * 16 + lane / 4) * p.H +
                blockIdx.y * block_rows + lane % 4 * 2;
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int j = 0; j < 16; ++j)
#pragma unroll
        for (int r = 0; r < 2; ++r)
          *reinterpret_cast<float2*>(to + (64 * m + 8 * r) * p.H + 8 * j) =
              make_float2(p.scale * c[m][4 * j + 2 * r], p.scale * c[m][4 * j + 2 * r + 1]);
  }
};

// Blocks (2 H / 256, H / 128, pieces).
template <class S, class Unit>
__global__ void __launch_bounds__(weight_threads, 1) glu_weights_kernel(const __grid_constant__ GluWeights<S> p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ char memory[];
  const unsigned over = shared_address(memory) % block_alignment;
  WeightThread<S, Unit>(p, reinterpret_cast<unsigned*>(memory + (over == 0 ? 0 : block_alignment - over))).run();
#else
  (void)p;
#endif
}

}  // namespace longwave::cuda::detail
