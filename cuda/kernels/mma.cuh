// mma.cuh - products of small float matrices on tensor cores: m16n8k8, TF32 operands, float sums.
//
//   Product::tf32     operands rounded to 10 bits of mantissa: relative error 3e-4
//   Product::tf32x3   operands as the sum of two such numbers, three products: relative error 1e-6
//
// A warp's registers hold A (16, 8), B (8, 8) and C (16, 8) as, with g = lane / 4 and t = lane % 4:
//   A: (g, t) (g + 8, t) (g, t + 4) (g + 8, t + 4)    B: (t, g) (t + 4, g)
//   C: (g, 2t) (g, 2t + 1) (g + 8, 2t) (g + 8, 2t + 1)
// On an H100 one product takes 6.1 cycles of a scheduler and 24 until its sum can be used: four sums in flight hide it.
#pragma once

#include <cuda_runtime.h>

#include "longwave/cuda/chunk_scan.hpp"

namespace longwave::cuda::detail {

// To the nearest number with 10 bits of mantissa; tensor cores do not look at the bits behind. The instruction for it
// (cvt.rna.tf32) is five on the machine.
__device__ inline float round_tf32(float x) { return __uint_as_float((__float_as_uint(x) + 0x1000u) & 0xffffe000u); }
__device__ inline float round_tf32_unmasked(float x) { return __uint_as_float(__float_as_uint(x) + 0x1000u); }

// A number as tensor cores take it: its rounded value, and with tf32x3 the rounded rest.
template <Product product>
struct Rounded;

template <>
struct Rounded<Product::tf32> {
  static constexpr int planes = 1;
  float high;
  __device__ void set(float x) { high = round_tf32_unmasked(x); }
  __device__ void load(const float* p, int) { high = *p; }
};

template <>
struct Rounded<Product::tf32x3> {
  static constexpr int planes = 2;
  float high, low;
  __device__ void set(float x) {
    high = round_tf32(x);
    low = round_tf32_unmasked(x - high);
  }
  __device__ void load(const float* p, int plane) {
    high = *p;
    low = p[plane];
  }
};

// A (16, 8) from shared memory; `row`: four numbers of the row and half that this lane names.
__device__ inline void load_matrix(unsigned (&a)[4], const float* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(address));
}

// A (16, 8) of rounded numbers in shared memory: `high`, and with tf32x3 the rests `plane` floats further.
template <Product product>
struct RowOperand {
  unsigned part[Rounded<product>::planes][4];

  // Rows are a multiple of 16 bytes apart.
  __device__ void load(const float* tile, int plane, int pitch, int lane) {
    const float* row = tile + (lane % 16) * pitch + lane / 16 * 4;
#pragma unroll
    for (int p = 0; p < Rounded<product>::planes; ++p) load_matrix(part[p], row + p * plane);
  }
};

__device__ inline void multiply_add(float (&c)[4], const unsigned (&a)[4], float b0, float b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(__float_as_uint(b0)), "r"(__float_as_uint(b1)));
}

// c += a b, the small terms first.
__device__ inline void multiply_add(float (&c)[4], const RowOperand<Product::tf32>& a,
                                    const Rounded<Product::tf32> (&b)[2]) {
  multiply_add(c, a.part[0], b[0].high, b[1].high);
}
__device__ inline void multiply_add(float (&c)[4], const RowOperand<Product::tf32x3>& a,
                                    const Rounded<Product::tf32x3> (&b)[2]) {
  multiply_add(c, a.part[1], b[0].high, b[1].high);
  multiply_add(c, a.part[0], b[0].low, b[1].low);
  multiply_add(c, a.part[0], b[0].high, b[1].high);
}

// Rounds numbers and stores them, and their rests one plane further.
template <Product product>
__device__ void store_rounded(float* to, float* rest, float4 v) {
  Rounded<product> r[4];
  r[0].set(v.x), r[1].set(v.y), r[2].set(v.z), r[3].set(v.w);
  *reinterpret_cast<float4*>(to) = make_float4(r[0].high, r[1].high, r[2].high, r[3].high);
  if constexpr (product == Product::tf32x3)
    *reinterpret_cast<float4*>(rest) = make_float4(r[0].low, r[1].low, r[2].low, r[3].low);
}
template <Product product>
__device__ void store_rounded(float* to, int plane, float x, float y) {
  Rounded<product> r[2];
  r[0].set(x), r[1].set(y);
  *reinterpret_cast<float2*>(to) = make_float2(r[0].high, r[1].high);
  if constexpr (product == Product::tf32x3) *reinterpret_cast<float2*>(to + plane) = make_float2(r[0].low, r[1].low);
}

}  // namespace longwave::cuda::detail
