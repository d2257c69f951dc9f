// glu_product.cuh - a layer's tail on Hopper's tensor cores, its products fused with all that is elementwise:
//
//   g = gelu(v)   z = W g + b   y = z_1 sigmoid(z_2)                       v, y (B, H, L), W (2 H, H), b (2 H)
//   dz = glu's of dy   dv = gelu'(v) W' dz                                 dz (B, 2 H, L), dv (B, H, L)
//
// With dropout of g that is tied over time, k / (1 - p) per (b, h): words of g are cut to zero by the bits k, and 1 - p
// divides W where it is packed.
//
// Tensors are float, then operands are rounded to TF32, or bfloat16. dW = sum dz g' is glu_product_weights.cuh.
// Kernels, with what they move (passes over a tensor (B, H, L)) and multiply (4 H H operations per position each):
//   forward        y                    2 passes, 1 product
//   forward_kept   y, and z is kept     4 passes, 1 product
//   backward       dz from v, then dv   5 passes, 2 products
//   gradient       dz from v            4 passes, 1 product
//   back           dv from dz           4 passes, 1 product
//   back_kept      dz from z, then dv   7 passes, 1 product
//
// A warpgroup owns 64 positions and all channels of them: of row r of its products, warp w's rows 16 w + g and
// 16 w + g + 8 are positions 16 w + 2 g and the one behind, so that a thread has pairs of neighbours. g is the operand
// A of all of z, with floats 128 registers per thread at H = 256; z comes in chunks of 64 channels and the 64 that gate
// them. The way back is GluBack (glu_product_back.cuh).
//
// W is all that goes through shared memory: packed in blocks (wgmma.cuh) in the order of their use, brought by a third
// warpgroup to a ring of slots, read by both warpgroups of the block, with clusters of two blocks once for both blocks.
#pragma once

#include "kernels/bfloat16.cuh"
#include "kernels/wgmma.cuh"

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

// GELU with exact erf, up to 4e-7 in the value and 3e-7 in the slope, which TF32 does not see: the tail of the normal
// distribution is its density times a polynomial in 1 / (1 + 0.23 |x|) (Abramowitz and Stegun 26.2.17).
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

// A word of an operand.
__device__ inline unsigned operand_word(float x) { return __float_as_uint(round_tf32_unmasked(x)); }
__device__ inline unsigned operand_word(float x, float y) { return pack_bfloat16(x, y); }
__device__ inline float gelu_fast(float x) { return GeluFast(x).value(); }

// W as blocks. First for z, chunk after chunk: rows of 64 channels and of the 64 that gate them, then the next of
// depth. After them for W' dz: z's channels as depth, rows 0 .. 127 of the result, then the others. With `paired` half
// of such a block's depth are channels and half those that gate them.
template <class S, int H>
struct PackedWeights {
  static constexpr int chunks = 2 * H / block_rows, depth = H / block_depth<S>;
  static constexpr int forward_blocks = chunks * depth;
  static constexpr int halves = H / block_rows, channel_blocks = 2 * H / block_depth<S>;
  static constexpr int back_blocks = channel_blocks * halves;

  // Row and column of W at `row` and depth `k` of a block.
  __host__ __device__ static void source(int block, int row, int k, bool paired, int& channel, int& column) {
    constexpr int half = block_depth<S> / 2;
    if (block < forward_blocks) {
      channel = block / depth * 64 + row % 64 + row / 64 * H;
      column = block % depth * block_depth<S> + k;
    } else {
      block -= forward_blocks;
      if (per_word<S> == 1) k = k / 8 * 8 + k % 4 * 2 + k % 8 / 4;  // what was column is depth
      channel = paired ? block / halves * half + k % half + k / half * H : block / halves * block_depth<S> + k;
      column = block % halves * block_rows + row;
    }
  }
};

// Blocks from `first` on; a thread per word.
template <class S, int H>
__global__ void __launch_bounds__(256) pack_weights_kernel(unsigned* packed, const float* W, index_t row_step,
                                                           index_t column_step, float scale, int first, bool paired) {
  const int at = static_cast<int>(blockIdx.x * 256 + threadIdx.x), block = at / block_size;
  const int row = at % block_size / block_words, word = at % block_words;
  float w[per_word<S>];
#pragma unroll
  for (int i = 0; i < per_word<S>; ++i) {
    int channel, column;
    PackedWeights<S, H>::source(first + block, row, word * per_word<S> + i, paired, channel, column);
    w[i] = scale * W[channel * row_step + column * column_step];
  }
  unsigned* const to = packed + block * block_size + place_in_block(row, word);
  if constexpr (per_word<S> == 1)
    *to = operand_word(w[0]);
  else
    *to = operand_word(w[0], w[1]);
}

template <class S>  // float or bfloat16
struct GluProduct {
  const S* v;
  const unsigned* packed;  // PackedWeights<S, H>: the blocks that the kernel multiplies with
  const unsigned* kept;    // (B, H / 32): bit h % 32 of word h / 32; nullptr: nothing is dropped
  const float* bias;
  index_t bias_step;
  S* y;
  S* z;  // (B, 2 H, L): z that is kept, without bias, and dz, which takes its place
  const S* dy;
  S* dv;
  double* bias_part;  // (thread blocks, 2 H); nullptr: unwanted
  index_t L;          // even, less than 2^31; rows are dense
  int tiles, tiles_per_row;
};

enum class GluWork { forward, forward_kept, backward, gradient, back, back_kept };

template <class S_, template <class> class Unit_, int H_, GluWork work_, int cluster_ = 1>
struct GluPlan {
  using S = S_;
  using Unit = Unit_<S>;
  static constexpr int H = H_, cluster = cluster_;
  static constexpr GluWork work = work_;
  static constexpr bool makes_z = work != GluWork::back && work != GluWork::back_kept;
  static constexpr bool makes_y = work == GluWork::forward || work == GluWork::forward_kept;
  static constexpr bool makes_dv = !makes_y && work != GluWork::gradient;
  static constexpr bool adds_bias = !makes_y && work != GluWork::back;
  using Packed = PackedWeights<S, H>;
  static constexpr int first_block = makes_z ? 0 : Packed::forward_blocks;
  static constexpr int blocks_per_tile = (makes_z ? Packed::forward_blocks : 0) + (makes_dv ? Packed::back_blocks : 0);
  static_assert(H % block_rows == 0);

  // Shared memory, in words, from a multiple of 1024 bytes on.
  static constexpr int slots = 0, sums = glu_slots * block_size;
  static constexpr int bias = sums + (adds_bias ? 8 * 2 * H : 0);
  static constexpr int barriers = bias + 2 * H;
  static constexpr int bytes = 4 * barriers + 2 * glu_slots * static_cast<int>(sizeof(Barrier)) + block_alignment;
  static_assert(bytes <= 232448);
};

// Slots, each full or empty: of the warp that fills them, or of a warp that reads them.
template <class Plan>
struct BlockRing {
  unsigned* slots;
  Barrier *full, *empty;
  int slot = 0, oldest = 0;
  unsigned phase = 0;

  __device__ void advance() {
    if (++slot == glu_slots) slot = 0, phase ^= 1;
  }
  __device__ const unsigned* next_block() {
    full[slot].wait(phase);
    const unsigned* block = slots + slot * block_size;
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
  __device__ void fill(const unsigned* packed, int period, int count, unsigned rank) {
    constexpr int part = block_size / Plan::cluster;
    int from = 0;
    for (int i = 0; i < count; ++i) {
      if (i >= glu_slots) empty[slot].wait(phase ^ 1);
      full[slot].arrive_and_expect(block_bytes);
      if constexpr (Plan::cluster == 1)
        bulk_copy(slots + slot * block_size, packed + from * block_size, block_bytes, full[slot]);
      else
        bulk_copy(slots + slot * block_size + rank * part, packed + from * block_size + rank * part, 4 * part,
                  full[slot], static_cast<unsigned short>((1 << Plan::cluster) - 1));
      advance();
      if (++from == period) from = 0;
    }
  }
};

// A warpgroup's thread.
template <class Plan>
struct GluThread {
  using S = typename Plan::S;
  using Unit = typename Plan::Unit;
  using Packed = typename Plan::Packed;
  static constexpr int H = Plan::H, per = per_word<S>, steps = H / 8 / per;  // of A

  const GluProduct<S>& p;
  BlockRing<Plan> ring;
  const float* bias;
  float* sums;  // of dz, [chunk][lane][4], of this warp
  int lane, t, L;
  index_t row = 0;    // first of this thread's positions, of channel 0
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
  using Pair = std::conditional_t<per == 1, float2, unsigned>;  // what these two positions of a channel are stored as

  // `channels` on from a place: one instruction for the address if they are known to the compiler.
  template <class P, class Place>
  __device__ P* at(Place* from, int channels) const {
    using Byte = std::conditional_t<std::is_const_v<Place>, const char, char>;
    return reinterpret_cast<P*>(reinterpret_cast<Byte*>(from) + index_t(channels * static_cast<int>(sizeof(S))) * L);
  }
  __device__ Pair load(const S* from, int channels) const { return inside ? *at<const Pair>(from, channels) : Pair{}; }
  __device__ void store(S* to, int channels, Pair x) const {
    if (inside) *at<Pair>(to, channels) = x;
  }
  __device__ static float first(float2 x) { return x.x; }
  __device__ static float second(float2 x) { return x.y; }
  __device__ static float first(unsigned x) { return low_of_pair(x); }
  __device__ static float second(unsigned x) { return high_of_pair(x); }
  __device__ static Pair pair(float x, float y) {
    if constexpr (per == 1)
      return make_float2(x, y);
    else
      return pack_bfloat16(x, y);
  }
  __device__ static Pair operand_pair(float x, float y) {
    return per == 1 ? pair(round_tf32_unmasked(x), round_tf32_unmasked(y)) : pair(x, y);
  }

  // Of both positions, the words of A that are made of one channel, or of two that follow each other.
  __device__ static void channel_words(unsigned& l, unsigned& next, const float2 (&x)[1]) {
    l = __float_as_uint(x[0].x);
    next = __float_as_uint(x[0].y);
  }
  __device__ static void channel_words(unsigned& l, unsigned& next, const unsigned (&x)[2]) {
    l = __byte_perm(x[0], x[1], 0x5410);
    next = __byte_perm(x[0], x[1], 0x7632);
  }
  __device__ static void gelu_words(unsigned& l, unsigned& next) {
    if constexpr (per == 1) {
      l = operand_word(gelu_fast(__uint_as_float(l)));
      next = operand_word(gelu_fast(__uint_as_float(next)));
    } else {
      l = operand_word(gelu_fast(low_of_pair(l)), gelu_fast(high_of_pair(l)));
      next = operand_word(gelu_fast(low_of_pair(next)), gelu_fast(high_of_pair(next)));
    }
  }

  // This warpgroup's part of a tile of v or dy, into the cache.
  static constexpr int line = 32 * per, lines = 64 / line;  // positions of a line, lines of a channel
  __device__ void prefetch(const S* from, int tile) const {
#pragma unroll
    for (int i = 0; i < H * lines / 128; ++i)
      prefetch_line(from, tile, H, static_cast<int>(threadIdx.x) % 128 / lines + i * (128 / lines));
  }
  __device__ void prefetch_line(const S* from, int tile, int channels, int channel) const {
    const int b = tile / p.tiles_per_row, thread = static_cast<int>(threadIdx.x);
    const int l = (tile - b * p.tiles_per_row) * glu_positions + thread / 128 * 64 + thread % lines * line;
    if (tile >= p.tiles || l >= p.L) return;
    const S* const at = from + (index_t(b) * channels + channel) * p.L + l;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
  }

  // Which channels of this tile are kept; nullptr: all.
  __device__ const unsigned* kept(int tile) const {
    return p.kept == nullptr || tile >= p.tiles ? nullptr : p.kept + tile / p.tiles_per_row * (H / 32);
  }
  // Of a word of A whose first channel has bit 0.
  __device__ static unsigned kept_word(unsigned bits) {
    const unsigned low = 0u - (bits & 1);
    return per == 1 ? low : (low & 0xffffu) | (0u - (bits >> 1 & 1)) << 16;
  }

  // g at this thread's places of A: depth is channels as they stand. 64 channels at a time go through GELU, and a is
  // rotated under them: instructions for all of them would not stay in the cache.
  __device__ void load_operand(unsigned (&a)[steps][4], int tile) const {
    constexpr int together = 8 / per;
    const S* const v = p.v + row + t * per * p.L;
#pragma unroll
    for (int i = 0; i < steps; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Pair x[per];
#pragma unroll
        for (int k = 0; k < per; ++k) x[k] = load(v, (8 * i + 4 * half) * per + k);
        channel_words(a[i][2 * half], a[i][2 * half + 1], x);
      }
    const unsigned* const bits = kept(tile);
#pragma unroll 1
    for (int turn = 0; turn < steps / together; ++turn) {
      unsigned g[together][4];
#pragma unroll
      for (int i = 0; i < together; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          unsigned &l = g[i][2 * half] = a[i][2 * half], &next = g[i][2 * half + 1] = a[i][2 * half + 1];
          gelu_words(l, next);
          if (bits == nullptr) continue;
          const int channel = (8 * i + 4 * half) * per;
          const unsigned word = kept_word(bits[2 * turn + channel / 32] >> (channel % 32 + t * per));
          l &= word;
          next &= word;
        }
#pragma unroll
      for (int i = 0; i < steps; ++i)
#pragma unroll
        for (int k = 0; k < 4; ++k) a[i][k] = i + together < steps ? a[i + together][k] : g[i + together - steps][k];
    }
  }

  // One chunk of z, without bias.
  __device__ void multiply(float (&z)[64], const unsigned (&a)[steps][4]) {
#pragma unroll
    for (int i = 0; i < 64; ++i) z[i] = 0;
    keep(z);
#pragma unroll
    for (int k = 0; k < Packed::depth; ++k) {
      const unsigned* block = ring.next_block();
      Unit::begin();
      Unit::multiply(z, a + 4 * k, block, lane);
      Unit::commit();
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
    const int first_channel = chunk * 64 + 2 * t;  // of this thread
    if constexpr (Plan::work == GluWork::forward_kept) {
      S* const to = at<S>(p.z + gates, first_channel);
#pragma unroll
      for (int i = 0; i < 32; ++i)
        store(to, i / 16 * H + i / 2 % 8 * 8 + i % 2, pair(z[i / 2 * 4 + i % 2], z[i / 2 * 4 + 2 + i % 2]));
    }
    S* const y = at<S>(p.y + row, first_channel);
    const float* const biases = bias + first_channel;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const float2 b = *reinterpret_cast<const float2*>(biases + 8 * j);
      const float2 c = *reinterpret_cast<const float2*>(biases + H + 8 * j);
      const float *left = z + 4 * j, *gate = z + 32 + 4 * j;
      store(y, 8 * j,
            pair((left[0] + b.x) * sigmoid_fast(gate[0] + c.x), (left[2] + b.x) * sigmoid_fast(gate[2] + c.x)));
      store(y, 8 * j + 1,
            pair((left[1] + b.y) * sigmoid_fast(gate[1] + c.y), (left[3] + b.y) * sigmoid_fast(gate[3] + c.y)));
    }
  }

  // dy of half a chunk's channels.
  using Outer = Pair[8];
  __device__ void load_outer(Outer& dy, int chunk, int part) const {
    const S* const from = at<const S>(p.dy + row, chunk * 64 + 2 * t);
#pragma unroll
    for (int i = 0; i < 8; ++i) dy[i] = load(from, 8 * (4 * part + i / 2) + i % 2);
  }

  // dz in place of z, and to memory as an operand. dy: of the first half.
  __device__ void write_gradient(float (&z)[64], int chunk, const Outer& dy) const {
    Outer second;
    load_outer(second, chunk, 1);
    write_half(z, chunk, 0, dy);
    write_half(z, chunk, 1, second);
  }
  __device__ void write_half(float (&z)[64], int chunk, int part, const Outer& dy) const {
    const int first_channel = chunk * 64 + 2 * t;  // of this thread
    S *const dz = at<S>(p.z + gates, first_channel), *const dz_gates = at<S>(dz, H);
    const float* const biases = bias + first_channel;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int j = 4 * part + i / 2, odd = i % 2;
      const float b = biases[8 * j + odd], c = biases[H + 8 * j + odd];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        float &left = z[4 * j + 2 * k + odd], &gate = z[32 + 4 * j + 2 * k + odd];
        const float s = sigmoid_fast(gate + c), in = (k == 0 ? first(dy[i]) : second(dy[i])) * s;
        gate = in * (left + b) * (1.0f - s);
        left = in;
      }
      store(dz, 8 * j + odd, operand_pair(z[4 * j + odd], z[4 * j + 2 + odd]));
      store(dz_gates, 8 * j + odd, operand_pair(z[32 + 4 * j + odd], z[32 + 4 * j + 2 + odd]));
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
  // Of number i of a lane's four.
  __device__ static int channel_of_sum(int chunk, int lane, int i) {
    const int at = (lane / 16 % 2) * 16 + (lane / 8 % 2) * 8 + (lane / 4 % 2) * 4 + i, tile = at / 2;
    return chunk * 64 + tile % 8 * 8 + lane % 4 * 2 + at % 2 + tile / 8 * H;
  }
};

}  // namespace longwave::cuda::detail
