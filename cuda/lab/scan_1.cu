// Version 1: the algorithm on tensor cores, as directly as it can be written.
//
// Eight warps, one per tile of 8 columns of y and of the state; the three matrices stay in registers. Samples and
// states lie in shared memory as floats, and every warp rounds (or splits) them when it has loaded an operand.
//
// Expected: the limit of memory, 0.18 ms, with TF32. Got 0.334 ms, 3xTF32 0.929 ms. Each operand is rounded eight
// times, once per warp, at five instructions a number (cvt.rna.tf32). With tf32x3 the registers of one block fill more
// than half a multiprocessor, so the 256 blocks of the measured size run in two rounds on its 132.
#include "lab/lab.cuh"

namespace longwave::cuda::lab {

namespace {

constexpr int threads = 256;
constexpr int samples_at = 0, states_at = stages * scan_tile, floats = states_at + 2 * scan_tile;

// Operand of 8 columns from floats.
template <Product product>
__device__ void load_and_round(RowOperand<product>& a, const float* tile, int lane) {
  RowOperand<Product::tf32> exact;
  exact.load(tile, 0, scan_pitch, lane);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float x = __uint_as_float(exact.part[0][i]), high = round_by_cvt(x);
    a.part[0][i] = __float_as_uint(high);
    if constexpr (product == Product::tf32x3) a.part[1][i] = __float_as_uint(round_by_cvt(x - high));
  }
}

template <Product product>
__global__ void __launch_bounds__(threads, product == Product::tf32 ? 2 : 1) scan(const __grid_constant__ Task p) {
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const auto power = reinterpret_cast<complex<double>*>(shared);
  set_up<threads>(power, taps, p);
  Matrices<product, WarpColumns<8>> matrix;
  matrix.make(power, taps, p, {warp}, lane);
  __syncthreads();  // the powers have been read

  float* const samples = shared + samples_at;
  float* const states = shared + states_at;  // before this chunk and before the next
  set_zero(states, 2 * scan_tile);
  const float* const u = p.u + p.first_sample();
  float* const y = p.y + p.first_sample() + warp * 8;
  for (int k = 0; k < stages - 1; ++k) fetch_chunk<threads>(samples, u, p, k);

  float state[4] = {};
  for (int k = 0; k < p.chunks; ++k) {
    wait_for_chunk();
    __syncthreads();
    fetch_chunk<threads>(samples, u, p, k + stages - 1);
    const float* const U = samples + k % stages * scan_tile;
    const float* const S = states + k % 2 * scan_tile;

    float sum[4] = {};
    advance(state, matrix.a_re[0], matrix.a_im[0]);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      RowOperand<product> a;
      load_and_round(a, U + 8 * i, lane);
      multiply_add(state, a, matrix.in[0][i]);                     // (16, 8) += (16, 8) (8, 8)
      if (i <= warp) multiply_add(sum, a, matrix.toeplitz[0][i]);  // zeros below the triangle
    }
    store_tile(states + (k + 1) % 2 * scan_tile + warp * 8, scan_pitch, state, lane);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      RowOperand<product> a;
      load_and_round(a, S + 8 * i, lane);
      multiply_add(sum, a, matrix.out[0][i]);
    }
    store_tile(y + k * scan_steps, p.row, sum, lane);
  }
}

}  // namespace

void scan_1(Output y, const Inputs& in, Product product) {
  launch(product == Product::tf32 ? scan<Product::tf32> : scan<Product::tf32x3>, threads, floats, y, in);
}

}  // namespace longwave::cuda::lab
