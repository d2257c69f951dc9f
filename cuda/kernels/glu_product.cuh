// glu_product.cuh - a layer's tail as one kernel forward and one backward, on Hopper's tensor cores (TF32):
//
//   g = gelu(v)   z = W g + b   y = z_1 sigmoid(z_2)                       v, y (B, H, L), W (2 H, H), b (2 H)
//   dz = glu's of dy   dv = gelu'(v) W' dz                                 dz (B, 2 H, L), dv (B, H, L)
//
// (dW = sum dz g' is glu_product_weights.cuh.) g and z stay in registers in both; backward makes them again, which
// takes less time than two tensors written and read. Bytes per number of y: forward 8, backward 20; products 4 H and 8
// H operations.
//
// A warpgroup owns 64 positions and all channels of them: of row r of its products, warp w's rows 16 w + g and
// 16 w + g + 8 are positions 16 w + 2 g and the one behind, so that a thread has pairs of neighbours. g is the operand
// A of all of z, 128 registers per thread at H = 256; z comes in chunks of 64 channels and the 64 that gate them. Each
// thread reads as operand of W' dz exactly those numbers of dz that it has written itself.
//
// W is all that goes through shared memory: packed in blocks (wgmma.cuh) in the order of their use, brought by a
// third warpgroup to a ring of slots, read by both warpgroups of the block, with clusters of two blocks once for both
// blocks.
#pragma once

#include "kernels/wgmma.cuh"
#include "longwave/core/view.hpp"

namespace longwave::cuda::detail {

inline constexpr int glu_positions = 128;  // of a thread block
inline constexpr int glu_threads = 384;    // two warpgroups, and one of which a thread brings W
inline constexpr int glu_slots = 12;       // of the ring

// e^x and 1/x to 2 units in the last place, one instruction each.
__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float sigmoid_fast(float x) { return reciprocal_fast(1.0f + exp2_fast(-1.44269504f * x)); }

// GELU with exact erf up to 1e-7 |x|, far below what TF32 leaves of it: the tail of the normal distribution is its
// density times a polynomial in 1 / (1 + 0.23 |x|) (Abramowitz and Stegun 26.2.17).
struct GeluFast {
  float x, density, tail;  // tail: from |x| on

  __device__ explicit GeluFast(float at) : x(at) {
    const float t = reciprocal_fast(fmaf(fabsf(x), 0.2316419f, 1.0f));
    density = 0.39894228f * exp2_fast(-0.72134752f * x * x);
    float p = fmaf(1.330274429f, t, -1.821255978f);
    p = fmaf(p, t, 1.781477937f);
    p = fmaf(p, t, -0.356563782f);
    p = fmaf(p, t, 0.319381530f);
    tail = p * t * density;
  }
  __device__ float value() const { return fmaxf(x, 0.0f) - fabsf(x) * tail; }
  __device__ float slope() const { return (x > 0 ? 1.0f - tail : tail) + x * density; }
};

__device__ inline unsigned gelu_operand(float x) { return __float_as_uint(round_tf32_unmasked(GeluFast(x).value())); }

// W as blocks. First for z, chunk after chunk: rows of 64 channels and of the 64 that gate them, then the next 32 of
// depth. After them for W' dz: 32 of z's channels as depth, rows 0 .. 127 of the result, then the others.
template <int H>
struct PackedWeights {
  static constexpr int chunks = 2 * H / block_rows, depth = H / block_depth;
  static constexpr int forward_blocks = chunks * depth;
  static constexpr int halves = H / block_rows, channel_blocks = 2 * H / block_depth;
  static constexpr int blocks = forward_blocks + channel_blocks * halves;
  static constexpr int floats = blocks * block_floats;

  // Row and column of W at `row`, `k` of a block.
  __host__ __device__ static void source(int block, int row, int k, int& channel, int& column) {
    if (block < forward_blocks) {
      const int chunk = block / depth;
      channel = chunk * 64 + row % 64 + row / 64 * H;
      column = block % depth * block_depth + k;
    } else {
      block -= forward_blocks;
      channel = block / halves * block_depth + k / 8 * 8 + k % 4 * 2 + k % 8 / 4;  // what was column is depth
      column = block % halves * block_rows + row;
    }
  }
};

template <int H>
__global__ void __launch_bounds__(256) pack_weights_kernel(float* packed, const float* W, index_t row, index_t column) {
  const int at = static_cast<int>(blockIdx.x * 256 + threadIdx.x), in_block = at % block_floats;
  int channel, c;
  PackedWeights<H>::source(at / block_floats, in_block / block_depth, in_block % block_depth, channel, c);
  packed[at / block_floats * block_floats + place_in_block(in_block / block_depth, in_block % block_depth)] =
      round_tf32(W[channel * row + c * column]);
}

struct GluProduct {
  const float* v;
  const float* packed;  // PackedWeights<H>
  const float* bias;
  index_t bias_step;
  float* y;         // forward
  const float* dy;  // backward, as those below
  float* dz;
  float* dv;
  double* bias_part;  // (thread blocks, 2 H); nullptr: unwanted
  index_t L;          // even; rows are dense
  int tiles, tiles_per_row;
};

enum class GluWork { forward, backward };

template <class Unit_, int H_, GluWork work_, bool turns_ = false, int cluster_ = 1>
struct GluPlan {
  using Unit = Unit_;
  static constexpr int H = H_, cluster = cluster_;
  static constexpr GluWork work = work_;
  static constexpr bool turns = turns_;  // warpgroups multiply one after the other, for `turn` blocks each
  using Packed = PackedWeights<H>;
  static constexpr int turn = Packed::depth;
  static constexpr int blocks_per_tile = work == GluWork::forward ? Packed::forward_blocks : Packed::blocks;
  static_assert(H % block_rows == 0 && turn < glu_slots);

  // Shared memory, in floats, from a multiple of 1024 bytes on.
  static constexpr int slots = 0, sums = glu_slots * block_floats;
  static constexpr int bias = sums + (work == GluWork::backward ? 8 * 2 * H : 0);
  static constexpr int barriers = bias + 2 * H;
  static constexpr int bytes = 4 * barriers + 2 * glu_slots * static_cast<int>(sizeof(Barrier)) + block_alignment;
  static_assert(bytes <= 232448);
};

// Slots, each full or empty: of the warp that fills them, or of a warp that reads them.
template <class Plan>
struct BlockRing {
  float* slots;
  Barrier *full, *empty;
  int slot = 0, oldest = 0;
  unsigned phase = 0;

  __device__ void advance() {
    if (++slot == glu_slots) slot = 0, phase ^= 1;
  }
  __device__ const float* next_block() {
    full[slot].wait(phase);
    const float* block = slots + slot * block_floats;
    advance();
    return block;
  }
  // The oldest block that this warp has taken: all of its products are done.
  __device__ void release(int lane) {
    __syncwarp();
    if (lane < Plan::cluster) {
      if constexpr (Plan::cluster == 1)
        empty[oldest].arrive();
      else
        empty[oldest].arrive_at(static_cast<unsigned>(lane));
    }
    if (++oldest == glu_slots) oldest = 0;
  }
  // One thread: `count` blocks, over and over again the first `period` of `packed`.
  __device__ void fill(const float* packed, int period, int count, unsigned rank) {
    constexpr int part = block_floats / Plan::cluster;
    int from = 0;
    for (int i = 0; i < count; ++i) {
      if (i >= glu_slots) empty[slot].wait(phase ^ 1);
      full[slot].arrive_and_expect(block_bytes);
      if constexpr (Plan::cluster == 1)
        bulk_copy(slots + slot * block_floats, packed + from * block_floats, block_bytes, full[slot]);
      else
        bulk_copy(slots + slot * block_floats + rank * part, packed + from * block_floats + rank * part, 4 * part,
                  full[slot], static_cast<unsigned short>((1 << Plan::cluster) - 1));
      advance();
      if (++from == period) from = 0;
    }
  }
};

// Warpgroups in turns, by the machine's barriers 1 and 2: the one that is not at work writes results meanwhile.
template <class Plan>
struct Turns {
  int group;
  int left;  // turns of both

  __device__ static void arrive(int at) { asm volatile("bar.arrive %0, 256;" ::"r"(at) : "memory"); }
  __device__ Turns(int of, int count) : group(of), left(count) {
    if (Plan::turns && group == 1) arrive(1);
  }
  __device__ void begin() {
    if (Plan::turns) asm volatile("bar.sync %0, 256;" ::"r"(1 + group) : "memory");
  }
  __device__ void end() {
    --left;
    if (Plan::turns && (group == 0 || left > 0)) arrive(2 - group);
  }
};

// A warpgroup's thread.
template <class Plan>
struct GluThread {
  using Unit = typename Plan::Unit;
  using Packed = typename Plan::Packed;
  static constexpr int H = Plan::H;

  const GluProduct& p;
  BlockRing<Plan> ring;
  Turns<Plan> turns;
  const float* bias;
  float* sums;  // of dz, [chunk][lane][4], of this warp
  int lane, t;
  index_t row = 0;    // first sample of channel 0 of this sequence, and of this thread
  index_t gates = 0;  // the same in dz
  bool inside = false;

  // Positions l and l + 1 of tile `tile`.
  __device__ void go_to(int tile) {
    const int warp = static_cast<int>(threadIdx.x) / 32, b = tile / p.tiles_per_row;
    const int l = (tile - b * p.tiles_per_row) * glu_positions + warp * 16 + lane / 4 * 2;
    inside = tile < p.tiles && l < p.L;
    row = index_t(b) * H * p.L + l;
    gates = row + index_t(b) * H * p.L;
  }
  __device__ float2 load(const float* from, index_t at) const {
    return inside ? *reinterpret_cast<const float2*>(from + at) : make_float2(0, 0);
  }
  __device__ void store(float* to, index_t at, float x, float y) const {
    if (inside) *reinterpret_cast<float2*>(to + at) = make_float2(x, y);
  }

  // This warpgroup's part of the next tile, into the cache.
  __device__ void prefetch(const float* from, int tile) const {
    const int b = tile / p.tiles_per_row, thread = static_cast<int>(threadIdx.x) % 128;
    const int l =
        (tile - b * p.tiles_per_row) * glu_positions + static_cast<int>(threadIdx.x) / 128 * 64 + thread % 2 * 32;
    if (tile >= p.tiles || l >= p.L) return;
    const float* at = from + (index_t(b) * H + thread / 2) * p.L + l;
#pragma unroll
    for (int i = 0; i < H / 64; ++i)
      asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at + i * 64 * p.L)));
  }

  // g at this thread's places of A.
  __device__ void load_operand(unsigned (&a)[H / 8][4]) const {
    const index_t at = row + t * p.L;
#pragma unroll
    for (int i = 0; i < H / 8; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float2 x = load(p.v, at + (8 * i + 4 * half) * p.L);
        a[i][2 * half] = __float_as_uint(x.x);
        a[i][2 * half + 1] = __float_as_uint(x.y);
      }
#pragma unroll
    for (int i = 0; i < H / 8; ++i)
#pragma unroll
      for (int k = 0; k < 4; ++k) a[i][k] = gelu_operand(__uint_as_float(a[i][k]));
  }

  // One chunk of z, without bias.
  __device__ void multiply(float (&z)[64], const unsigned (&a)[H / 8][4]) {
#pragma unroll
    for (int i = 0; i < 64; ++i) z[i] = 0;
    turns.begin();
    keep(z);
#pragma unroll
    for (int k = 0; k < Packed::depth; ++k) {
      const float* block = ring.next_block();
      Unit::begin();
      Unit::multiply(z, a + 4 * k, block, lane);
      Unit::commit();
      if (k == Packed::depth - 1) turns.end();
      if (k > 0) {
        Unit::template wait<1>();
        ring.release(lane);
      }
    }
    Unit::template wait<0>();
    keep(z);
    ring.release(lane);
  }

  __device__ void write_output(const float (&z)[64], int chunk) const {
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int channel = chunk * 64 + 8 * j + 2 * t;
      const float2 b = *reinterpret_cast<const float2*>(bias + channel);
      const float2 c = *reinterpret_cast<const float2*>(bias + H + channel);
      const float *left = z + 4 * j, *gate = z + 32 + 4 * j;
      store(p.y, row + channel * p.L, (left[0] + b.x) * sigmoid_fast(gate[0] + c.x),
            (left[2] + b.x) * sigmoid_fast(gate[2] + c.x));
      store(p.y, row + (channel + 1) * p.L, (left[1] + b.y) * sigmoid_fast(gate[1] + c.y),
            (left[3] + b.y) * sigmoid_fast(gate[3] + c.y));
    }
  }

  // dz in place of z, and to memory as an operand.
  __device__ void write_gradient(float (&z)[64], int chunk) const {
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      float2 dy[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) dy[i] = load(p.dy, row + (chunk * 64 + 8 * (4 * part + i / 2) + 2 * t + i % 2) * p.L);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const int j = 4 * part + i / 2, odd = i % 2, channel = chunk * 64 + 8 * j + 2 * t + odd;
        const float b = bias[channel], c = bias[H + channel];
#pragma unroll
        for (int k = 0; k < 2; ++k) {
          float &left = z[4 * j + 2 * k + odd], &gate = z[32 + 4 * j + 2 * k + odd];
          const float s = sigmoid_fast(gate + c), in = (k == 0 ? dy[i].x : dy[i].y) * s;
          gate = in * (left + b) * (1.0f - s);
          left = in;
        }
        store(p.dz, gates + channel * p.L, round_tf32_unmasked(z[4 * j + odd]),
              round_tf32_unmasked(z[4 * j + 2 + odd]));
        store(p.dz, gates + (H + channel) * p.L, round_tf32_unmasked(z[32 + 4 * j + odd]),
              round_tf32_unmasked(z[32 + 4 * j + 2 + odd]));
      }
    }
  }

  // Over the 16 positions of this warp: 32 sums of two positions per lane become four of all, by halves.
  __device__ void add_bias_sums(const float (&dz)[64], int chunk) const {
    float s[32];
#pragma unroll
    for (int i = 0; i < 32; ++i) s[i] = dz[i / 2 * 4 + i % 2] + dz[i / 2 * 4 + 2 + i % 2];  // (tile i / 2, 2t + i % 2)
#pragma unroll
    for (int count = 16, bit = 16; bit >= 4; count /= 2, bit /= 2)
#pragma unroll
      for (int i = 0; i < 16; ++i)
        if (i < count) {
          const bool upper = (lane & bit) != 0;
          const float mine = upper ? s[i + count] : s[i], theirs = upper ? s[i] : s[i + count];
          s[i] = mine + __shfl_xor_sync(~0u, theirs, bit);
        }
    float4* const to = reinterpret_cast<float4*>(sums) + chunk * 32 + lane;
    const float4 was = *to;
    *to = make_float4(was.x + s[0], was.y + s[1], was.z + s[2], was.w + s[3]);
  }
  // Channel 2 g of z's chunks, of number i of a lane's four.
  __device__ static int channel_of_sum(int chunk, int lane, int i) {
    const int at = (lane / 16 % 2) * 16 + (lane / 8 % 2) * 8 + (lane / 4 % 2) * 4 + i, tile = at / 2;
    return chunk * 64 + tile % 8 * 8 + lane % 4 * 2 + at % 2 + tile / 8 * H;
  }

  // dz of 32 channels as A: what this thread has written.
  __device__ void load_gradient(unsigned (&a)[4][4], int block) const {
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float2 x = load(p.dz, gates + (block * block_depth + 8 * i + 2 * t + half) * p.L);
        a[i][2 * half] = __float_as_uint(x.x);
        a[i][2 * half + 1] = __float_as_uint(x.y);
      }
  }

  // dv of this tile.
  __device__ void pass_back(int next_tile) {
    constexpr int ahead = 2, blocks = Packed::channel_blocks, halves = Packed::halves;
    unsigned a[ahead + 1][4][4];
    float d[halves][64];
#pragma unroll
    for (int h = 0; h < halves; ++h)
#pragma unroll
      for (int i = 0; i < 64; ++i) d[h][i] = 0;
#pragma unroll
    for (int q = 0; q < ahead; ++q) load_gradient(a[q], q);
#pragma unroll
    for (int q = 0; q < blocks; ++q) {
      if (q * halves % Plan::turn == 0) {
        turns.begin();
        if (q == 0)
#pragma unroll
          for (int h = 0; h < halves; ++h) keep(d[h]);
      }
#pragma unroll
      for (int h = 0; h < halves; ++h) {
        const float* block = ring.next_block();
        Unit::begin();
        Unit::multiply(d[h], a[q % (ahead + 1)], block, lane);
        Unit::commit();
        if ((q * halves + h + 1) % Plan::turn == 0) turns.end();
        if (q > 0 || h > 0) {
          Unit::template wait<1>();
          ring.release(lane);
        }
        if (h == 0 && q + ahead < blocks) load_gradient(a[(q + ahead) % (ahead + 1)], q + ahead);
      }
      if (q == blocks / 2) {
        prefetch(p.v, next_tile);
        prefetch(p.dy, next_tile);
      }
    }
    Unit::template wait<0>();
#pragma unroll
    for (int h = 0; h < halves; ++h) keep(d[h]);
    ring.release(lane);
#pragma unroll
    for (int h = 0; h < halves; ++h)
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        float2 v[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
          v[i] = load(p.v, row + (h * block_rows + 8 * (4 * part + i / 2) + 2 * t + i % 2) * p.L);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          const int j = 4 * part + i / 2, odd = i % 2;
          store(p.dv, row + (h * block_rows + 8 * j + 2 * t + odd) * p.L, d[h][4 * j + odd] * GeluFast(v[i].x).slope(),
                d[h][4 * j + 2 + odd] * GeluFast(v[i].y).slope());
        }
      }
  }

  __device__ void run(int rounds) {
    prefetch(p.v, static_cast<int>(blockIdx.x));
    if constexpr (Plan::work == GluWork::backward) prefetch(p.dy, static_cast<int>(blockIdx.x));
    for (int round = 0; round < rounds; ++round) {
      const int tile = round * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x);
      const int next = tile + static_cast<int>(gridDim.x);
      go_to(tile);
      unsigned a[H / 8][4];
      load_operand(a);
#pragma unroll 1
      for (int chunk = 0; chunk < Packed::chunks; ++chunk) {
        float z[64];
        multiply(z, a);
        if constexpr (Plan::work == GluWork::forward) {
          if (chunk == 1) prefetch(p.v, next);
          write_output(z, chunk);
        } else {
          write_gradient(z, chunk);
          add_bias_sums(z, chunk);
        }
      }
      if constexpr (Plan::work == GluWork::backward) pass_back(next);
    }
  }
};

template <class Plan>
__global__ void __launch_bounds__(glu_threads, 1) glu_product_kernel(const __grid_constant__ GluProduct p) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr int H = Plan::H;
  extern __shared__ char memory[];
  const unsigned over = shared_address(memory) % block_alignment;
  float* const shared = reinterpret_cast<float*>(memory + (over == 0 ? 0 : block_alignment - over));
  const auto full = reinterpret_cast<Barrier*>(shared + Plan::barriers), empty = full + glu_slots;
  const int warp = __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 32, 0), lane = threadIdx.x % 32;

  for (int i = threadIdx.x; i < 2 * H; i += glu_threads) shared[Plan::bias + i] = p.bias[i * p.bias_step];
  if constexpr (Plan::work == GluWork::backward)
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
  BlockRing<Plan> ring{shared + Plan::slots, full, empty};
  if (warp >= 8) {  // 2 x 240 + 24 of the 512 registers of three warps' lanes
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (warp == 8 && lane == 0)
      ring.fill(p.packed, Plan::blocks_per_tile, rounds * Plan::blocks_per_tile,
                Plan::cluster > 1 ? cluster_rank() : 0);
    __syncwarp();
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    GluThread<Plan> thread{p,
                           ring,
                           Turns<Plan>(warp / 4, rounds * (Plan::blocks_per_tile / Plan::turn)),
                           shared + Plan::bias,
                           shared + Plan::sums + warp * 2 * H,
                           lane,
                           lane % 4};
    thread.run(rounds);
  }
  __syncthreads();
  if constexpr (Plan::work == GluWork::backward) {
    if (p.bias_part != nullptr)
      for (int i = threadIdx.x; i < 2 * H; i += glu_threads) {
        double sum = 0;
        for (int w = 0; w < 8; ++w) sum += static_cast<double>(shared[Plan::sums + w * 2 * H + i]);
        p.bias_part[index_t(blockIdx.x) * 2 * H + GluThread<Plan>::channel_of_sum(i / 128, i / 4 % 32, i % 4)] = sum;
      }
  }
  if constexpr (Plan::cluster > 1) cluster_sync();  // no block leaves while another may write to it
#else
  (void)p;
#endif
}

}  // namespace longwave::cuda::detail
