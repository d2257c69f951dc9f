// wgmma.cuh - products of warpgroups (128 threads) with operand blocks in shared memory, and what brings the blocks
// there: bulk copies that complete on barriers. sm_90a only.
//
// An operand block is B' of a product C (64, 128) += A B: 128 rows of 32 words, 16 KiB, in the order that 128-byte
// swizzling gives: the four words at 4c of row n stand at 4 (c ^ (n % 8)). A word is a float rounded to TF32, or two
// numbers in bfloat16 that follow each other along the depth. A can be 64 rows of such a block, or registers like C.
// With g = lane / 4, t = lane % 4, warp w of the warpgroup, r = 16 w + g, words counted along the depth:
//   A, step i of 8 words:   a[i] = (r, 8i + t) (r + 8, 8i + t) (r, 8i + t + 4) (r + 8, 8i + t + 4)
//   C, tile j of 8 columns: c[4j ...] = (r, 8j + 2t) (r, 8j + 2t + 1) (r + 8, 8j + 2t) (r + 8, 8j + 2t + 1)
// So what was C can be A of the next product: in bfloat16 as it is; with floats if depth 8i + t there means column
// 8i + 2t here, and depth 8i + t + 4 column 8i + 2t + 1, an order for whoever writes the block.
#pragma once

#include <type_traits>

#include "kernels/mma.cuh"
#include "longwave/core/bfloat16.hpp"

namespace longwave::cuda::detail {

inline constexpr int block_rows = 128, block_words = 32;  // of a row
inline constexpr int block_size = block_rows * block_words, block_bytes = 4 * block_size;
inline constexpr int block_alignment = 1024;  // of its address in shared memory

template <class S>
inline constexpr int per_word = 4 / static_cast<int>(sizeof(S));
template <class S>
inline constexpr int block_depth = block_words* per_word<S>;

__host__ __device__ constexpr int place_in_block(int row, int word) {
  return row * block_words + ((word / 4) ^ (row % 8)) * 4 + word % 4;
}

__device__ inline unsigned shared_address(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }

// A barrier in shared memory: a phase ends when `count` arrivals and all announced bytes have come.
struct Barrier {
  std::uint64_t state;

  __device__ void init(unsigned count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(count) : "memory");
  }
  __device__ void arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(this)) : "memory");
  }
  // At the same place in block `rank` of the cluster.
  __device__ void arrive_at(unsigned rank) {
    asm volatile(
        "{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(shared_address(this)),
        "r"(rank)
        : "memory");
  }
  __device__ void arrive_and_expect(unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                 : "memory");
  }
  // Until the phase of this parity has ended. (With the scope of a cluster each wait would empty the first-level cache;
  // across blocks only copies and warpgroups' products, which are not cached, meet here.)
  __device__ void wait(unsigned parity) const {
    unsigned done;
    do {
      asm volatile(
          "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
          "selp.u32 %0, 1, 0, p;\n}"
          : "=r"(done)
          : "r"(shared_address(this)), "r"(parity)
          : "memory");
    } while (done == 0);
  }
};

// What this thread has written to shared memory, or the barriers it has set up, is seen by copies and warpgroups'
// products.
__device__ inline void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
__device__ inline void fence_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

// Multiples of 16 bytes.
__device__ inline void bulk_copy(void* to, const void* from, unsigned bytes, Barrier& done) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   shared_address(to)),
               "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&done))
               : "memory");
}
// To the same place of all blocks in `mask`, and their barriers.
__device__ inline void bulk_copy(void* to, const void* from, unsigned bytes, Barrier& done, unsigned short mask) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], "
      "%4;" ::"r"(shared_address(to)),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&done)), "h"(mask)
      : "memory");
}

// 16 bytes that pass no register, or zeros; there for this thread once wait_copies() leaves `groups` commits behind.
__device__ inline void copy_16_bytes(void* to, const void* from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
               "l"(__cvta_generic_to_global(from)), "r"(inside ? 16 : 0)
               : "memory");
}
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int groups>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}

__device__ inline unsigned cluster_rank() {
  unsigned rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

template <int N>
__device__ inline void keep(float (&c)[N]) {  // values are not moved across this point
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(c[i])::"memory");
}
// Behind the wait for products that read a: until there its registers are nobody else's. The compiler takes a for dead
// once products are started, and a loop's next a is then loaded to the same registers.
template <int N>
__device__ inline void keep(unsigned (&a)[N][4]) {
#pragma unroll
  for (int i = 0; i < 4 * N; ++i) asm volatile("" : "+r"(a[i / 4][i % 4])::"memory");
}

// Products by warpgroups, asynchronous: between begin() and commit() they are one group; wait<n>() leaves n groups.
// Registers of a group, sums and a, must not be touched before it is done.
template <class S>
struct WarpgroupProduct {
  __device__ static void begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
  __device__ static void commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
  template <int groups>
  __device__ static void wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
  }

  // 128-byte swizzle, eight rows 1024 bytes apart; depth is contiguous.
  __device__ static std::uint64_t descriptor(const unsigned* block) {
    return (std::uint64_t(1) << 62) | (std::uint64_t(1024 >> 4) << 32) | (std::uint64_t(1) << 16) |
           ((shared_address(block) & 0x3ffffu) >> 4);
  }

  // c (64, 128) += a (64, 32 words) block'.
  __device__ static void multiply(float (&c)[64], const unsigned (*a)[4], const unsigned* block, int) {
    const std::uint64_t first = descriptor(block);
#pragma unroll
    for (int i = 0; i < 4; ++i) step(c, a[i], first + 2 * i);  // 32 bytes on
  }
  // c (64, 128) += a block', a being 64 rows of a block of its own.
  __device__ static void multiply(float (&c)[64], const unsigned* a, const unsigned* block, int) {
    const std::uint64_t rows = descriptor(a), first = descriptor(block);
#pragma unroll
    for (int i = 0; i < 4; ++i) step(c, rows + 2 * i, first + 2 * i);
  }

 private:
#define LONGWAVE_8(c, i)                                                                                      \
  "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]), "+f"(c[i + 6]), \
      "+f"(c[i + 7])
#define LONGWAVE_WGMMA(kind, left, at, rest, ...)                                                      \
  asm volatile(                                                                                        \
      "{\n.reg .pred p;\nsetp.eq.u32 p, 0, 0;\n"                                                       \
      "wgmma.mma_async.sync.aligned." kind                                                             \
      " {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                       \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "               \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "               \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, " left ", " at \
      ", p, 1, 1" rest ";\n}"                                                                          \
      : LONGWAVE_8(c, 0), LONGWAVE_8(c, 8), LONGWAVE_8(c, 16), LONGWAVE_8(c, 24), LONGWAVE_8(c, 32),   \
        LONGWAVE_8(c, 40), LONGWAVE_8(c, 48), LONGWAVE_8(c, 56)                                        \
      : __VA_ARGS__)
  __device__ static void step(float (&c)[64], const unsigned (&a)[4], std::uint64_t b) {
    if constexpr (std::is_same_v<S, bfloat16>)  // b is not transposed
      LONGWAVE_WGMMA("m64n128k16.f32.bf16.bf16", "{%64, %65, %66, %67}", "%68", ", 0", "r"(a[0]), "r"(a[1]), "r"(a[2]),
                     "r"(a[3]), "l"(b));
    else
      LONGWAVE_WGMMA("m64n128k8.f32.tf32.tf32", "{%64, %65, %66, %67}", "%68", "", "r"(a[0]), "r"(a[1]), "r"(a[2]),
                     "r"(a[3]), "l"(b));
  }
  __device__ static void step(float (&c)[64], std::uint64_t a, std::uint64_t b) {
    if constexpr (std::is_same_v<S, bfloat16>)
      LONGWAVE_WGMMA("m64n128k16.f32.bf16.bf16", "%64", "%65", ", 0, 0", "l"(a), "l"(b));
    else
      LONGWAVE_WGMMA("m64n128k8.f32.tf32.tf32", "%64", "%65", "", "l"(a), "l"(b));
  }
#undef LONGWAVE_WGMMA
#undef LONGWAVE_8
};

}  // namespace longwave::cuda::detail
