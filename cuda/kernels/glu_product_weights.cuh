// glu_product_weights.cuh - dW (2 H, H) = sum over b and l of dz (b, :, l) g (b, :, l)', g = gelu(v), beside
// glu_product.cuh: of dz tensor cores see what is rounded already.
//
// A thread block owns 256 rows and 128 columns of dW and a piece of all positions, a line of 128 bytes of each row at a
// time. Depth is L here, which is contiguous in both: dz goes from memory to registers as operand A, g through GELU to
// a block in shared memory (wgmma.cuh). A thread reads four words and four more, so word 8i + t of a step's depth is
// not word 8i + t of the line:
//   word of (i, t, half) = 16 (i / 2) + 4 t + 2 (i % 2) + half,   half: of depth 8i + t + 4 half.
// While products of one stage run, the next is loaded and goes through GELU. Pieces are added in order afterwards.
//
// Bytes: dz and v twice through the second-level cache, once from memory; 4 H H operations per position.
#pragma once

#include "kernels/glu_product.cuh"

namespace longwave::cuda::detail {

inline constexpr int weight_rows = 256, weight_threads = 256;
inline constexpr int weight_bytes = 2 * block_bytes + block_alignment;
inline constexpr int weight_prefetch = 6;  // stages

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

  const GluWeights<S>& p;
  unsigned* blocks;  // two
  int lane, warp;
  const S *dz, *v;    // rows of this thread in sequence 0
  int b, first, end;  // of the stage to be loaded next: sequence, its first position

  __device__ WeightThread(const GluWeights<S>& of, unsigned* shared)
      : p(of), blocks(shared), lane(threadIdx.x % 32), warp(threadIdx.x / 32) {
    const int stage = static_cast<int>(blockIdx.z) * p.stages_per_block;
    end = min(stage + p.stages_per_block, p.stages) - stage;
    b = stage / p.stages_per_row;
    first = (stage - b * p.stages_per_row) * step;
    dz = p.dz + (blockIdx.x * weight_rows + warp / 4 * 128 + warp % 4 * 16 + lane / 4) * p.L + lane % 4 * 4 * per;
    v = p.v + (blockIdx.y * block_rows + warp * 16 + lane / 4) * p.L + lane % 4 * 4 * per;
  }

  __device__ uint4 load(const S* row, int l) const {
    const bool inside = l + lane % 4 * 4 * per < p.L;
    return inside ? *reinterpret_cast<const uint4*>(row + l) : make_uint4(0, 0, 0, 0);
  }
  // Of rows r, r + 8 and the next 64: a[m] is A of products m.
  __device__ void load_gradient(unsigned (&a)[2][4][4]) const {
    const S* row = dz + index_t(b) * 2 * p.H * p.L;
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
          const uint4 x = load(row + (64 * m + 8 * r) * p.L, first + 16 * u * per);
          a[m][2 * u][r] = x.x;
          a[m][2 * u][2 + r] = x.y;
          a[m][2 * u + 1][r] = x.z;
          a[m][2 * u + 1][2 + r] = x.w;
        }
  }
  __device__ void load_values(uint4 (&x)[2][2]) const {
    const S* row = v + index_t(b) * p.H * p.L;
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int u = 0; u < 2; ++u) x[r][u] = load(row + 8 * r * p.L, first + 16 * u * per);
  }
  __device__ void advance() {
    first += step;
    if (first >= p.L) first = 0, ++b;
  }
  // Lines of a later stage of the same sequence: one of dz, and of v from every other thread.
  __device__ void prefetch() const {
    const int l = first + weight_prefetch * step, thread = static_cast<int>(threadIdx.x);
    if (l >= p.L) return;
    const S* at = p.dz + (index_t(b) * 2 * p.H + blockIdx.x * weight_rows + thread) * p.L + l;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
    if (thread >= block_rows) return;
    at = p.v + (index_t(b) * p.H + blockIdx.y * block_rows + thread) * p.L + l;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
  }
  __device__ void store_values(unsigned* block, const uint4 (&x)[2][2]) const {
    const int t = lane % 4;
    const unsigned bits = p.kept == nullptr ? ~0u
                                            : p.kept[b * (p.H / 32) + blockIdx.y * (block_rows / 32) + warp / 2] >>
                                                  (warp % 2 * 16 + lane / 4);
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int u = 0; u < 2; ++u) {
        unsigned* const row = block + (warp * 16 + 8 * r + lane / 4) * block_words;
        const auto put = [&](int chunk, unsigned word) {  // of four words of depth; lane / 4 is row % 8
          unsigned g;
          if constexpr (per == 1)
            g = operand_word(gelu_fast(__uint_as_float(word)));
          else
            g = operand_word(gelu_fast(low_of_pair(word)), gelu_fast(high_of_pair(word)));
          row[(chunk ^ (lane / 4)) * 4 + t] = (bits >> (8 * r) & 1) != 0 ? g : 0;
        };
        put(4 * u, x[r][u].x);      // step 2u, half 0
        put(4 * u + 1, x[r][u].y);  //          half 1
        put(4 * u + 2, x[r][u].z);  // step 2u + 1, half 0
        put(4 * u + 3, x[r][u].w);
      }
  }

  __device__ void stage(float (&c)[2][64], const unsigned (&a)[2][4][4], unsigned (&next)[2][4][4], uint4 (&x)[2][2],
                        int s) {
    const unsigned* block = blocks + s % 2 * block_size;
    Unit::begin();
#pragma unroll
    for (int m = 0; m < 2; ++m) Unit::multiply(c[m], a[m], block, lane);
    Unit::commit();
    if (s + 1 < end) {  // b, first: of stage s + 1
      load_gradient(next);
      prefetch();
      store_values(blocks + (s + 1) % 2 * block_size, x);
      advance();
      if (s + 2 < end) load_values(x);
      fence_async();
    }
    Unit::template wait<0>();
    __syncthreads();
  }

  __device__ void run() {
    float c[2][64];
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int i = 0; i < 64; ++i) c[m][i] = 0;
    unsigned a[2][4][4], next[2][4][4];
    uint4 x[2][2];
    if (end > 0) {
      load_gradient(a);
      load_values(x);
      store_values(blocks, x);
      advance();
      if (end > 1) load_values(x);
      fence_async();
    }
    __syncthreads();
    keep(c[0]);
    keep(c[1]);
#pragma unroll 1
    for (int s = 0; s < end; ++s) {
      stage(c, a, next, x, s);
#pragma unroll
      for (int i = 0; i < 32; ++i) a[i / 16][i / 4 % 4][i % 4] = next[i / 16][i / 4 % 4][i % 4];
    }
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
