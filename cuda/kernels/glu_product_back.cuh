// glu_product_back.cuh - the way back of glu_product.cuh: dv = gelu'(v) W' dz of a tile.
//
// Each thread has as operand A, of its two positions, what it reads of dz; in back_kept it reads z and dy instead,
// makes dz and writes it. The depth of a block of W are the channels of two `Half`s: follow each other, or, in
// back_kept, gate each other. Products of one block's depth run while the next one's operand is made and numbers for
// the two after that are on their way.
#pragma once

#include "kernels/glu_product.cuh"

namespace longwave::cuda::detail {

template <class Plan>
struct GluBack {
  using S = typename Plan::S;
  using Unit = typename Plan::Unit;
  using Packed = typename Plan::Packed;
  using Thread = GluThread<Plan>;
  using Pair = typename Thread::Pair;
  static constexpr int H = Plan::H, per = per_word<S>, halves = Packed::halves, blocks = Packed::channel_blocks;
  static constexpr bool kept = Plan::work == GluWork::back_kept;
  static constexpr int half_depth = block_depth<S> / 2, step = kept ? half_depth : block_depth<S>;  // channels
  static constexpr int sums = 8 * per;  // of a block's depth, over both positions
  static_assert(blocks % 2 == 0);

  using Half = Pair[2][2][per];  // [i][half of the word][k]: of channel(i, half, k) and what 2 t adds
  using Operand = unsigned[4][4];
  struct Numbers {
    Half x[2];   // dz, or z
    Half dy[1];  // in back_kept
  };
  __device__ static constexpr int channel(int i, int half, int k) {
    return per == 1 ? 8 * i + half : 16 * i + 8 * half + k;
  }

  Thread& thread;
  const S *z, *dy;  // of the block that is loaded next
  S* dz;            // of the block whose operand is made next
  int made = 0;     // its number

  __device__ explicit GluBack(Thread& of) : thread(of) {
    const int two = 2 * thread.t;
    z = dz = thread.template at<S>(thread.p.z + thread.gates, two);
    dy = kept ? thread.template at<const S>(thread.p.dy + thread.row, two) : nullptr;
  }

  __device__ void load_half(Half& x, const S* from, int first) const {
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int k = 0; k < per; ++k) x[i][half][k] = thread.load(from, first + channel(i, half, k));
  }
  __device__ void load(Numbers& x) {
#pragma unroll
    for (int n = 0; n < 2; ++n) load_half(x.x[n], z, n * (kept ? H : half_depth));
    if constexpr (kept) {
      load_half(x.dy[0], dy, 0);
      dy = thread.template at<const S>(dy, step);
    }
    z = thread.template at<const S>(z, step);
  }

  __device__ void make_operand(Operand& a, Numbers& x) {
    if constexpr (kept) gradient(x);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        thread.channel_words(a[i][2 * half], a[i][2 * half + 1], x.x[i / 2][i % 2][half]);
  }

  // dz in place of z, and to memory.
  __device__ void gradient(Numbers& x) {
    const float* const biases = thread.bias + made * step + 2 * thread.t;
    float s[sums];
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int k = 0; k < per; ++k) {
          const int c = channel(i, half, k), at = (i * 2 + half) * per + k;
          const float b = biases[c], bias_of_gate = biases[H + c];
          Pair &left = x.x[0][i][half][k], &gate = x.x[1][i][half][k];
          const Pair outer = x.dy[0][i][half][k];
          const float f = sigmoid_fast(thread.first(gate) + bias_of_gate), in = thread.first(outer) * f;
          const float g = sigmoid_fast(thread.second(gate) + bias_of_gate), next = thread.second(outer) * g;
          const float of_gate = in * (thread.first(left) + b) * (1.0f - f);
          const float of_next_gate = next * (thread.second(left) + b) * (1.0f - g);
          s[at] = in + next;
          s[sums / 2 + at] = of_gate + of_next_gate;
          left = thread.operand_pair(in, next);
          gate = thread.operand_pair(of_gate, of_next_gate);
          thread.store(dz, c, left);
          thread.store(dz, H + c, gate);
        }
    dz = thread.template at<S>(dz, step);
    add_bias_sums(s);
    ++made;
  }

  // Over the 16 positions of this warp, by halves as in GluThread; `per` are left to a lane.
  __device__ void add_bias_sums(float (&s)[sums]) const {
    const int lane = thread.lane;
#pragma unroll
    for (int count = sums / 2, bit = 16; bit >= 4; count /= 2, bit /= 2)
#pragma unroll
      for (int i = 0; i < sums / 2; ++i)
        if (i < count) {
          const bool upper = (lane & bit) != 0;
          const float mine = upper ? s[i + count] : s[i], theirs = upper ? s[i] : s[i + count];
          s[i] = mine + __shfl_xor_sync(~0u, theirs, bit);
        }
    float* const to = thread.sums + (made * 32 + lane) * per;
#pragma unroll
    for (int k = 0; k < per; ++k) to[k] += s[k];
  }
  // Of number k of a lane's in block q.
  __device__ static int channel_of_sum(int q, int lane, int k) {
    const int at = (lane / 16 % 2) * 4 + (lane / 8 % 2) * 2 + lane / 4 % 2;  // gates, i, half
    return at / 4 * H + q * half_depth + channel(at / 2 % 2, at % 2, k) + lane % 4 * 2;
  }

  // Lines of the block that is loaded `ahead` blocks from q on, into the cache, also of the next tile: nothing else has
  // brought them.
  __device__ void prefetch(int tile, int next_tile, int q) const {
    constexpr int ahead = 4;
    static_assert(ahead <= blocks);
    const int thread_of_group = static_cast<int>(threadIdx.x) % 128, part = thread_of_group / 32;
    q += ahead;
    if (q >= blocks) q -= blocks, tile = next_tile;
    const int c = q * step + thread_of_group % 32 / Thread::lines;
    if (part < 2)
      thread.prefetch_line(thread.p.z, tile, 2 * H, c + part * (kept ? H : half_depth));
    else if (kept && part == 2)
      thread.prefetch_line(thread.p.dy, tile, H, c);
  }

  __device__ void multiply(float (&d)[halves][64], const Operand& a) {
    const unsigned* block[halves];
#pragma unroll
    for (int h = 0; h < halves; ++h) block[h] = thread.ring.next_block();
    Unit::begin();
#pragma unroll
    for (int h = 0; h < halves; ++h) Unit::multiply(d[h], a, block[h], thread.lane);
    Unit::commit();
  }
  __device__ void release() {
#pragma unroll
    for (int h = 0; h < halves; ++h) thread.ring.release(thread.lane);
  }

  __device__ void run(int tile, int next_tile) {
    float d[halves][64];
#pragma unroll
    for (int h = 0; h < halves; ++h)
#pragma unroll
      for (int i = 0; i < 64; ++i) d[h][i] = 0;
    Numbers x[2];
    Operand a[2] = {};
    load(x[0]);
    load(x[1]);
    make_operand(a[0], x[0]);
    load(x[0]);
#pragma unroll
    for (int h = 0; h < halves; ++h) keep(d[h]);
#pragma unroll 1
    for (int q = 0; q < blocks; q += 2) {
#pragma unroll
      for (int odd = 0; odd < 2; ++odd) {
        const int other = 1 - odd;
        multiply(d, a[odd]);
        Unit::template wait<1>();
        keep(a[other]);
        if (q + odd > 0) release();
        if (q + odd + 1 < blocks) make_operand(a[other], x[other]);
        if (q + odd + 3 < blocks) load(x[other]);
        if (!Plan::makes_z) prefetch(tile, next_tile, q + odd);
      }
      if (q == blocks / 4 * 2) thread.prefetch(thread.p.v, Plan::makes_z ? next_tile : tile);
    }
    Unit::template wait<0>();
    keep(a[1]);
#pragma unroll
    for (int h = 0; h < halves; ++h) keep(d[h]);
    release();
    write_slopes(d, tile);
  }

  // dv from W' dz; 32 channels are one body.
  __device__ void write_slopes(float (&d)[halves][64], int tile) const {
    constexpr int together = 32, parts = H / together;
    const S* values = thread.template at<const S>(thread.p.v + thread.row, 2 * thread.t);
    S* dv = thread.template at<S>(thread.p.dv + thread.row, 2 * thread.t);
    const unsigned* const bits = thread.kept(tile);
    const auto load_values = [&](Pair(&v)[8]) {
#pragma unroll
      for (int i = 0; i < 8; ++i) v[i] = thread.load(values, 8 * (i / 2) + i % 2);
      values = thread.template at<const S>(values, together);
    };
    Pair v[8], next[8];
    load_values(next);
#pragma unroll 1
    for (int part = 0; part < parts; ++part) {
#pragma unroll
      for (int i = 0; i < 8; ++i) v[i] = next[i];
      if (part + 1 < parts) load_values(next);
      const unsigned of_part = bits == nullptr ? ~0u : bits[part] >> (2 * thread.t);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const int j = i / 2, odd = i % 2;
        const bool stays = (of_part >> (8 * j + odd) & 1) != 0;
        const float l = stays ? d[0][4 * j + odd] : 0, following = stays ? d[0][4 * j + 2 + odd] : 0;
        thread.store(
            dv, 8 * j + odd,
            thread.pair(l * GeluFast(thread.first(v[i])).slope(), following * GeluFast(thread.second(v[i])).slope()));
      }
      dv = thread.template at<S>(dv, together);
#pragma unroll
      for (int i = 0; i + 16 < 64 * halves; ++i) d[i / 64][i % 64] = d[(i + 16) / 64][(i + 16) % 64];
    }
  }
};

}  // namespace longwave::cuda::detail
