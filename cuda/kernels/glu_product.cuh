// glu_product.cuh - a layer's tail as one kernel forward and one backward, on Hopper's tensor cores:
//
//   g = gelu(v)   z = W g + b   y = z_1 sigmoid(z_2)                       v, y (B, H, L), W (2 H, H), b (2 H)
//   dz = glu's of dy   dv = gelu'(v) W' dz                                 dz (B, 2 H, L), dv (B, H, L)
//
// With dropout of g that is tied over time, k / (1 - p) per (b, h): words of g are cut to zero by the bits k, and 1 - p
// divides W where it is packed.
//
// Tensors are float, then operands are rounded to TF32, or bfloat16. dW = sum dz g' is glu_product_weights.cuh. g and z
// stay in registers; backward makes them again, which takes less time than two tensors written and read. Passes over a
// tensor (B, H, L): forward 2, backward 5; products 4 H H and 8 H H operations per position.
//
// A warpgroup owns 64 positions and all channels of them: of row r of its products, warp w's rows 16 w + g and
// 16 w + g + 8 are positions 16 w + 2 g and the one behind, so that a thread has pairs of neighbours. g is the operand
// A of all of z, with floats 128 registers per thread at H = 256; z comes in chunks of 64 channels and the 64 that gate
// them. Each thread reads as operand of W' dz exactly those numbers of dz that it has written itself.
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
// depth. After them for W' dz: z's channels as depth, rows 0 .. 127 of the result, then the others.
template <class S, int H>
struct PackedWeights {
  static constexpr int chunks = 2 * H / block_rows, depth = H / block_depth<S>;
  static constexpr int forward_blocks = chunks * depth;
  static constexpr int halves = H / block_rows, channel_blocks = 2 * H / block_depth<S>;
  static constexpr int blocks = forward_blocks + channel_blocks * halves;

  // Row and column of W at `row` and depth `k` of a block.
  __host__ __device__ static void source(int block, int row, int k, int& channel, int& column) {
    if (block < forward_blocks) {
      channel = block / depth * 64 + row % 64 + row / 64 * H;
      column = block % depth * block_depth<S> + k;
    } else {
      block -= forward_blocks;
      if (per_word<S> == 1) k = k / 8 * 8 + k % 4 * 2 + k % 8 / 4;  // what was column is depth
      channel = block / halves * block_depth<S> + k;
      column = block % halves * block_rows + row;
    }
  }
};

// A thread per word.
template <class S, int H>
__global__ void __launch_bounds__(256)
    pack_weights_kernel(unsigned* packed, const float* W, index_t row_step, index_t column_step, float scale) {
  const int at = static_cast<int>(blockIdx.x * 256 + threadIdx.x), block = at / block_size;
  const int row = at % block_size / block_words, word = at % block_words;
  float w[per_word<S>];
#pragma unroll
  for (int i = 0; i < per_word<S>; ++i) {
    int channel, column;
    PackedWeights<S, H>::source(block, row, word * per_word<S> + i, channel, column);
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
  const unsigned* packed;  // PackedWeights<S, H>
  const unsigned* kept;    // (B, H / 32): bit h % 32 of word h / 32; nullptr: nothing is dropped
  const float* bias;
  index_t bias_step;
  S* y;         // forward
  const S* dy;  // backward, as those below
  S* dz;
  S* dv;
  double* bias_part;  // (thread blocks, 2 H); nullptr: unwanted
  index_t L;          // even, less than 2^31; rows are dense
  int tiles, tiles_per_row;
};

enum class GluWork { forward, backward };

template <class S_, template <class> class Unit_, int H_, GluWork work_, bool turns_ = false, int cluster_ = 1>
struct GluPlan {
  using S = S_;
  using Unit = Unit_<S>;
  static constexpr int H = H_, cluster = cluster_;
  static constexpr GluWork work = work_;
  static constexpr bool turns = turns_;  // warpgroups multiply one after the other, for `turn` blocks each
  using Packed = PackedWeights<S, H>;
  static constexpr int turn = Packed::depth;
  static constexpr int blocks_per_tile = work == GluWork::forward ? Packed::forward_blocks : Packed::blocks;
  static_assert(H % block_rows == 0 && turn < glu_slots);

  // Shared memory, in words, from a multiple of 1024 bytes on.
  static constexpr int slots = 0, sums = glu_slots * block_size;
  static constexpr int bias = sums + (work == GluWork::backward ? 8 * 2 * H : 0);
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
  using S = typename Plan::S;
  using Unit = typename Plan::Unit;
  using Packed = typename Plan::Packed;
  static constexpr int H = Plan::H, per = per_word<S>, steps = H / 8 / per;  // of A

  const GluProduct<S>& p;
  BlockRing<Plan> ring;
  Turns<Plan> turns;
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

  // This warpgroup's part of the next tile, into the cache.
  __device__ void prefetch(const S* from, int tile) const {
    constexpr int line = 32 * per, lines = 64 / line;  // of a channel
    const int b = tile / p.tiles_per_row, thread = static_cast<int>(threadIdx.x) % 128;
    const int l =
        (tile - b * p.tiles_per_row) * glu_positions + static_cast<int>(threadIdx.x) / 128 * 64 + thread % lines * line;
    if (tile >= p.tiles || l >= p.L) return;
    const S* at = from + (index_t(b) * H + thread / lines) * p.L + l;
#pragma unroll
    for (int i = 0; i < H * lines / 128; ++i)
      asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at + i * (128 / lines) * p.L)));
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
    turns.begin();
    keep(z);
#pragma unroll
    for (int k = 0; k < Packed::depth; ++k) {
      const unsigned* block = ring.next_block();
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
    const int first_channel = chunk * 64 + 2 * t;  // of this thread
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

  // dz in place of z, and to memory as an operand.
  __device__ void write_gradient(float (&z)[64], int chunk) const {
    const int first_channel = chunk * 64 + 2 * t;  // of this thread
    const S* const outer = at<const S>(p.dy + row, first_channel);
    S *const dz = at<S>(p.dz + gates, first_channel), *const dz_gates = at<S>(dz, H);
    const float* const biases = bias + first_channel;
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      Pair dy[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) dy[i] = load(outer, 8 * (4 * part + i / 2) + i % 2);
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

  // Of all eight warps, to this block's place.
  __device__ void write_bias_sums(const float* all) const {
    double* const to = p.bias_part + index_t(blockIdx.x) * 2 * H;
    for (int i = static_cast<int>(threadIdx.x); i < 2 * H; i += 256) {
      double sum = 0;
      for (int w = 0; w < 8; ++w) sum += static_cast<double>(all[w * 2 * H + i]);
      to[channel_of_sum(i / 128, i / 4 % 32, i % 4)] = sum;
    }
  }

  // dz of a block's channels, what this thread has written: x[i] is for step i of A.
  using Gradient = Pair[4][2][per];
  __device__ void load_gradient(Gradient& x, const S* dz, int block) const {  // dz: at channel 2t
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int k = 0; k < per; ++k) {
          const int channel = per == 1 ? 8 * i + half : 16 * i + 8 * half + k;
          x[i][half][k] = load(dz, block * block_depth<S> + channel);
        }
  }

  // dv of this tile. Four blocks' channels are one body, and so are 32 of dv's: as in load_operand.
  __device__ void pass_back(int tile, int next_tile) {
    constexpr int ahead = 2, together = 4, blocks = Packed::channel_blocks, halves = Packed::halves;
    static_assert(blocks % together == 0 && together * halves % Plan::turn == 0);
    const S* dz = at<const S>(p.dz + gates, 2 * t);
    Gradient x[together];
    float d[halves][64];
#pragma unroll
    for (int h = 0; h < halves; ++h)
#pragma unroll
      for (int i = 0; i < 64; ++i) d[h][i] = 0;
#pragma unroll
    for (int q = 0; q < ahead; ++q) load_gradient(x[q], dz, q);
#pragma unroll
    for (int h = 0; h < halves; ++h) keep(d[h]);
#pragma unroll 1
    for (int first = 0; first < blocks; first += together) {
#pragma unroll
      for (int q = 0; q < together; ++q) {
        if (q * halves % Plan::turn == 0) turns.begin();
        unsigned a[4][4];
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int half = 0; half < 2; ++half) channel_words(a[i][2 * half], a[i][2 * half + 1], x[q][i][half]);
#pragma unroll
        for (int h = 0; h < halves; ++h) {
          const unsigned* block = ring.next_block();
          Unit::begin();
          Unit::multiply(d[h], a, block, lane);
          Unit::commit();
          if ((q * halves + h + 1) % Plan::turn == 0) turns.end();
          if (q > 0 || h > 0 || first > 0) {
            Unit::template wait<1>();
            ring.release(lane);
          }
          if (h == 0 && first + q + ahead < blocks) load_gradient(x[(q + ahead) % together], dz, q + ahead);
        }
      }
      if (first == blocks / together / 2 * together) {
        prefetch(p.v, next_tile);
        prefetch(p.dy, next_tile);
      }
      dz = at<const S>(dz, together * block_depth<S>);
    }
    Unit::template wait<0>();
#pragma unroll
    for (int h = 0; h < halves; ++h) keep(d[h]);
    ring.release(lane);
    write_slopes(d, tile);
  }

  // dv from W' dz.
  template <int halves>
  __device__ void write_slopes(float (&d)[halves][64], int tile) const {
    constexpr int together = 32, parts = halves * block_rows / together;  // channels
    const S* values = at<const S>(p.v + row, 2 * t);
    S* dv = at<S>(p.dv + row, 2 * t);
    const unsigned* const bits = kept(tile);
    const auto load_values = [&](Pair(&v)[8]) {
#pragma unroll
      for (int i = 0; i < 8; ++i) v[i] = load(values, 8 * (i / 2) + i % 2);
      values = at<const S>(values, together);
    };
    Pair v[8], next[8];
    load_values(next);
#pragma unroll 1
    for (int part = 0; part < parts; ++part) {
#pragma unroll
      for (int i = 0; i < 8; ++i) v[i] = next[i];
      if (part + 1 < parts) load_values(next);
      const unsigned of_part = bits == nullptr ? ~0u : bits[part] >> (2 * t);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const int j = i / 2, odd = i % 2;
        const bool stays = (of_part >> (8 * j + odd) & 1) != 0;
        const float l = stays ? d[0][4 * j + odd] : 0, following = stays ? d[0][4 * j + 2 + odd] : 0;
        store(dv, 8 * j + odd, pair(l * GeluFast(first(v[i])).slope(), following * GeluFast(second(v[i])).slope()));
      }
      dv = at<S>(dv, together);
#pragma unroll
      for (int i = 0; i + 16 < 64 * halves; ++i) d[i / 64][i % 64] = d[(i + 16) / 64][(i + 16) % 64];
    }
  }

  __device__ void run(int rounds) {
    prefetch(p.v, static_cast<int>(blockIdx.x));
    if constexpr (Plan::work == GluWork::backward) prefetch(p.dy, static_cast<int>(blockIdx.x));
    for (int round = 0; round < rounds; ++round) {
      const int tile = round * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x);
      const int next = tile + static_cast<int>(gridDim.x);
      go_to(tile);
      unsigned a[steps][4];
      load_operand(a, tile);
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
      if constexpr (Plan::work == GluWork::backward) pass_back(tile, next);
    }
  }
};

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
  BlockRing<Plan> ring{reinterpret_cast<unsigned*>(shared) + Plan::slots, full, empty};
  // Two times 240 and 24 of the 512 registers that three warps have per lane. No code follows both branches.
  if (warp >= 8) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (warp == 8 && lane == 0)
      ring.fill(p.packed, Plan::blocks_per_tile, rounds * Plan::blocks_per_tile,
                Plan::cluster > 1 ? cluster_rank() : 0);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    GluThread<Plan> thread{p,
                           ring,
                           Turns<Plan>(warp / 4, rounds * (Plan::blocks_per_tile / Plan::turn)),
                           shared + Plan::bias,
                           shared + Plan::sums + warp * 2 * H,
                           lane,
                           lane % 4,
                           static_cast<int>(p.L)};
    thread.run(rounds);
    if constexpr (Plan::work == GluWork::backward) {
      asm volatile("bar.sync 3, 256;" ::: "memory");
      if (p.bias_part != nullptr) thread.write_bias_sums(shared + Plan::sums);
    }
    if constexpr (Plan::cluster > 1) cluster_sync();  // no block leaves while another may write to it
  }
#else
  (void)p;
#endif
}

}  // namespace longwave::cuda::detail
