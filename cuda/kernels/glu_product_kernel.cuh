// glu_product_kernel.cuh - the kernels of glu_product.cuh: a block goes from tile to tile.
#pragma once

#include "kernels/glu_product_back.cuh"

namespace longwave::cuda::detail {

// y or dz of a tile, from chunks of z.
template <class Plan>
__device__ void run_chunks(GluThread<Plan>& thread, int tile, int next_tile) {
  if constexpr (!Plan::makes_y) thread.prefetch(thread.p.dy, tile);
  unsigned a[GluThread<Plan>::steps][4];
  thread.load_operand(a, tile);
#pragma unroll 1
  for (int chunk = 0; chunk < Plan::Packed::chunks; ++chunk) {
    float z[64];
    typename GluThread<Plan>::Outer dy;
    if constexpr (!Plan::makes_y) thread.load_outer(dy, chunk, 0);  // while products run
    thread.multiply(z, a);
    if (!Plan::makes_dv && chunk == 1) thread.prefetch(thread.p.v, next_tile);
    if constexpr (Plan::makes_y) {
      thread.write_output(z, chunk);
    } else {
      thread.write_gradient(z, chunk, dy);
      thread.add_bias_sums(z, chunk);
    }
  }
}

template <class Plan>
__device__ void run_tiles(GluThread<Plan>& thread, int rounds) {
  const int start = static_cast<int>(blockIdx.x);
  if constexpr (Plan::makes_z) thread.prefetch(thread.p.v, start);
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    const int tile = round * static_cast<int>(gridDim.x) + start, next_tile = tile + static_cast<int>(gridDim.x);
    thread.go_to(tile);
    if constexpr (Plan::makes_z) run_chunks(thread, tile, next_tile);
    if constexpr (Plan::makes_dv) GluBack<Plan>(thread).run(tile, next_tile);
  }
}

// Of all eight warps, to this block's place.
template <class Plan>
__device__ void write_bias_sums(const GluThread<Plan>& thread, const float* all) {
  constexpr int H = Plan::H, of_lane = Plan::makes_z ? 4 : per_word<typename Plan::S>;
  double* const to = thread.p.bias_part + index_t(blockIdx.x) * 2 * H;
  for (int i = static_cast<int>(threadIdx.x); i < 2 * H; i += 256) {
    double sum = 0;
    for (int w = 0; w < 8; ++w) sum += static_cast<double>(all[w * 2 * H + i]);
    const int group = i / (32 * of_lane), lane = i / of_lane % 32;
    if constexpr (Plan::makes_z)
      to[thread.channel_of_sum(group, lane, i % of_lane)] = sum;
    else
      to[GluBack<Plan>::channel_of_sum(group, lane, i % of_lane)] = sum;
  }
}

template <class Plan>
__global__ void __launch_bounds__(glu_threads, 1)
    glu_product_kernel(const __grid_constant__ GluProduct<typename Plan::S> p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr int H = Plan::H;
  extern __shared__ char memory[];
  const unsigned over = shared_address(memory) % block_alignment;
  float* const shared = reinterpret_cast<float*>(memory + (over == 0 ? 0 : block_alignment - over));
  const auto full = reinterpret_cast<Barrier*>(shared + Plan::barriers), empty = full + glu_slots;
  const int warp = __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0), lane = threadIdx.x % 32;

  for (int i = threadIdx.x; i < 2 * H; i += glu_threads) shared[Plan::bias + i] = p.bias[i * p.bias_step];
  if constexpr (Plan::adds_bias)
    for (int i = threadIdx.x; i < 8 * 2 * H; i += glu_threads) shared[Plan::sums + i] = 0;
  if (threadIdx.x == 0) {
    for (int i = 0; i < glu_slots; ++i) {
      full[i].init(1);
      empty[i].init(8 * Plan::cluster);
    }
    fence_barriers();
  }
  __syncthreads();
  if constexpr (Plan::cluster > 1) cluster_sync();

  const int rounds = (p.tiles + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
  BlockRing<Plan> ring{reinterpret_cast<unsigned*>(shared) + Plan::slots, full, empty};
  // Two times 240 and 24 of the 512 registers that three warps have per lane. No code follows both branches.
  if (warp >= 8) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (warp == 8 && lane == 0)
      ring.fill(p.packed, Plan::blocks_per_tile, rounds * Plan::blocks_per_tile,
                Plan::cluster > 1 ? cluster_rank() : 0);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    GluThread<Plan> thread{p,    ring,     shared + Plan::bias,  shared + Plan::sums + warp * 2 * H,
                           lane, lane % 4, static_cast<int>(p.L)};
    run_tiles(thread, rounds);
    if constexpr (Plan::adds_bias) {
      asm volatile("bar.sync 3, 256;" ::: "memory");
      if (p.bias_part != nullptr) write_bias_sums(thread, shared + Plan::sums);
    }
    if constexpr (Plan::cluster > 1) cluster_sync();  // no block leaves while another may write to it
  }
#else
  (void)p;
#endif
}

}  // namespace longwave::cuda::detail
