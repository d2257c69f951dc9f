// Version 2: operands are rounded once.
//
// Against version 1: the block rounds each chunk together into a tile of its own, with tf32x3 into two (high and low),
// and each warp its states when it stores them. Loading an operand is then ldmatrix and nothing else. The products of
// samples and of states share one loop and add to sums of their own, the state to two, so that more of them are
// independent.
//
// Expected: an eighth of the rounding, and room for two blocks with tf32x3, for one operand's split is enough at a
// time. Got 0.283 ms, 3xTF32 0.596 ms (from 0.334, 0.929). What is left is shared memory: all eight warps load all
// operands.
#include "lab/lab.cuh"

namespace longwave::cuda::lab {

namespace {

constexpr int threads = 256;

template <Product product>
__global__ void __launch_bounds__(threads, 2) scan(const __grid_constant__ Task p) {
  using Layout = RoundedLayout<product>;
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const auto power = reinterpret_cast<complex<double>*>(shared);
  set_up<threads>(power, taps, p);
  Matrices<product, WarpColumns<8>> matrix;
  matrix.make(power, taps, p, {warp}, lane);
  __syncthreads();  // the powers have been read

  float* const samples = shared + Layout::samples;
  set_zero(shared + Layout::states, 2 * Layout::planes * scan_tile);
  const float* const u = p.u + p.first_sample();
  float* const y = p.y + p.first_sample() + warp * 8;
  for (int k = 0; k < stages - 1; ++k) fetch_chunk<threads>(samples, u, p, k);

  float state[4] = {};
  for (int k = 0; k < p.chunks; ++k) {
    float* const U = shared + Layout::rounded + k % 2 * Layout::planes * scan_tile;
    const float* const S = shared + Layout::states + k % 2 * Layout::planes * scan_tile;
    float* const next = shared + Layout::states + (k + 1) % 2 * Layout::planes * scan_tile;
    wait_for_chunk();
    round_chunk<threads, product>(U, samples + k % stages * scan_tile);  // what this thread has fetched itself
    __syncthreads();
    fetch_chunk<threads>(samples, u, p, k + stages - 1);

    float added[4] = {}, now[4] = {}, past[4] = {};
    advance(state, matrix.a_re[0], matrix.a_im[0]);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      RowOperand<product> a;
      a.load(U + 8 * i, scan_tile, scan_pitch, lane);
      multiply_add(i % 2 == 0 ? state : added, a, matrix.in[0][i]);
      if (i <= warp) multiply_add(now, a, matrix.toeplitz[0][i]);  // zeros below the triangle
      a.load(S + 8 * i, scan_tile, scan_pitch, lane);
      multiply_add(past, a, matrix.out[0][i]);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      state[i] += added[i];
      now[i] += past[i];
    }
    store_rounded_tile<product>(next + warp * 8, state, lane);
    store_tile(y + k * scan_steps, p.row, now, lane);
  }
}

}  // namespace

void scan_2(Output y, const Inputs& in, Product product) {
  if (product == Product::tf32)
    launch(scan<Product::tf32>, threads, RoundedLayout<Product::tf32>::floats, y, in);
  else
    launch(scan<Product::tf32x3>, threads, RoundedLayout<Product::tf32x3>::floats, y, in);
}

}  // namespace longwave::cuda::lab
