// glu_product_weights.cuh - dW (2 H, H) = sum over b and l of dz (b, :, l) g (b, :, l)', g = gelu(v), beside
// glu_product.cuh: of dz tensor cores see what is rounded already.
//
// A thread block owns 256 rows and 128 columns of dW and a piece of all positions, 32 at a time. Depth is L here, which
// is contiguous in both: dz goes from memory to registers as operand A, g through GELU to a block in shared memory
// (wgmma.cuh). A thread reads four neighbours and four more, so depth 8i + t of a step is not position 8i + t:
//   position of (i, t, half) = 16 (i / 2) + 4 t + 2 (i % 2) + half,   half: of depth 8i + t + 4 half.
// While products of one stage run, the next is loaded and goes through GELU. Pieces are added in order afterwards.
//
// Bytes: dz twice and v four times through the second-level cache, each once from memory; 2 H 2 H operations per
// position.
#pragma once

#include "kernels/glu_product.cuh"

namespace longwave::cuda::detail {

inline constexpr int weight_rows = 256, weight_threads = 256, weight_stage = block_depth;
inline constexpr int weight_bytes = 2 * block_bytes + block_alignment;
inline constexpr int weight_prefetch = 6;  // stages

struct GluWeights {
  const float* dz;
  const float* v;
  float* part;   // (gridDim.z, 2 H, H)
  index_t H, L;  // L a multiple of 4; rows are dense
  int stages, stages_per_row, stages_per_block;
};

template <class Unit>
struct WeightThread {
  const GluWeights& p;
  float* blocks;  // two
  int lane, warp;
  const float *dz, *v;  // rows of this thread in sequence 0
  int b, first, end;    // of the stage to be loaded next: sequence, its first position

  __device__ WeightThread(const GluWeights& of, float* shared)
      : p(of), blocks(shared), lane(threadIdx.x % 32), warp(threadIdx.x / 32) {
    const int stage = static_cast<int>(blockIdx.z) * p.stages_per_block;
    end = min(stage + p.stages_per_block, p.stages) - stage;
    b = stage / p.stages_per_row;
    first = (stage - b * p.stages_per_row) * weight_stage;
    dz = p.dz + (blockIdx.x * weight_rows + warp / 4 * 128 + warp % 4 * 16 + lane / 4) * p.L + lane % 4 * 4;
    v = p.v + (blockIdx.y * block_rows + warp * 16 + lane / 4) * p.L + lane % 4 * 4;
  }

  __device__ float4 load(const float* row, int l) const {
    const bool inside = l + lane % 4 * 4 < p.L;
    return inside ? *reinterpret_cast<const float4*>(row + l) : make_float4(0, 0, 0, 0);
  }
  // Of rows r, r + 8 and the next 64: a[m] is A of products m.
  __device__ void load_gradient(unsigned (&a)[2][4][4]) const {
    const float* row = dz + index_t(b) * 2 * p.H * p.L;
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int r = 0; r < 2; ++r)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
          const float4 x = load(row + (64 * m + 8 * r) * p.L, first + 16 * u);
          a[m][2 * u][r] = __float_as_uint(x.x);
          a[m][2 * u][2 + r] = __float_as_uint(x.y);
          a[m][2 * u + 1][r] = __float_as_uint(x.z);
          a[m][2 * u + 1][2 + r] = __float_as_uint(x.w);
        }
  }
  __device__ void load_values(float4 (&x)[2][2]) const {
    const float* row = v + index_t(b) * p.H * p.L;
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int u = 0; u < 2; ++u) x[r][u] = load(row + 8 * r * p.L, first + 16 * u);
  }
  __device__ void advance() {
    first += weight_stage;
    if (first >= p.L) first = 0, ++b;
  }
  // Lines of a later stage of the same sequence: one of dz, and of v from every other thread.
  __device__ void prefetch() const {
    const int l = first + weight_prefetch * weight_stage, thread = static_cast<int>(threadIdx.x);
    if (l >= p.L) return;
    const float* at = p.dz + (index_t(b) * 2 * p.H + blockIdx.x * weight_rows + thread) * p.L + l;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
    if (thread >= block_rows) return;
    at = p.v + (index_t(b) * p.H + blockIdx.y * block_rows + thread) * p.L + l;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
  }
  __device__ void store_values(float* block, const float4 (&x)[2][2]) const {
    const int t = lane % 4;
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int u = 0; u < 2; ++u) {
        float* const row = block + (warp * 16 + 8 * r + lane / 4) * block_depth;
        const auto put = [&](int chunk, float value) {  // of four numbers of depth; lane / 4 is row % 8
          row[(chunk ^ (lane / 4)) * 4 + t] = __uint_as_float(gelu_operand(value));
        };
        put(4 * u, x[r][u].x);      // step 2u, half 0
        put(4 * u + 1, x[r][u].y);  //          half 1
        put(4 * u + 2, x[r][u].z);  // step 2u + 1, half 0
        put(4 * u + 3, x[r][u].w);
      }
  }

  __device__ void stage(float (&c)[2][64], const unsigned (&a)[2][4][4], unsigned (&next)[2][4][4], float4 (&x)[2][2],
                        int s) {
    const float* block = blocks + s % 2 * block_floats;
    Unit::begin();
#pragma unroll
    for (int m = 0; m < 2; ++m) Unit::multiply(c[m], a[m], block, lane);
    Unit::commit();
    if (s + 1 < end) {  // b, first: of stage s + 1
      load_gradient(next);
      prefetch();
      store_values(blocks + (s + 1) % 2 * block_floats, x);
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
    unsigned a[2][2][4][4];
    float4 x[2][2];
    if (end > 0) {
      load_gradient(a[0]);
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
    for (int s = 0; s < end; s += 2) {
      stage(c, a[0], a[1], x, s);
      if (s + 1 < end) stage(c, a[1], a[0], x, s + 1);
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
              make_float2(c[m][4 * j + 2 * r], c[m][4 * j + 2 * r + 1]);
  }
};

// Blocks (2 H / 256, H / 128, pieces).
template <class Unit>
__global__ void __launch_bounds__(weight_threads, 1) glu_weights_kernel(const __grid_constant__ GluWeights p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ char memory[];
  const unsigned over = shared_address(memory) % block_alignment;
  WeightThread<Unit>(p, reinterpret_cast<float*>(memory + (over == 0 ? 0 : block_alignment - over))).run();
#else
  (void)p;
#endif
}

}  // namespace longwave::cuda::detail
