// Version 3: four warps with two column tiles each.
//
// Against version 2: an operand that a warp has loaded serves both of its tiles, which halves the loads from shared
// memory. Warp w owns tiles w and 7 - w: of the Toeplitz triangle tile i has i + 1 products, so each warp has nine,
// where version 2 kept seven warps waiting for the last one at every barrier.
//
// Expected: half the loads and an even load. Got 0.244 ms, 3xTF32 0.584 ms (from 0.283, 0.596): 3xTF32 hardly gained.
// A warp's number is a run-time value here, so the triangle's products that only some warps want sit behind branches.
#include "lab/lab.cuh"

namespace longwave::cuda::lab {

namespace {

constexpr int threads = 128;

template <Product product>
__global__ void __launch_bounds__(threads, 2) scan(const __grid_constant__ Task p) {
  using Layout = RoundedLayout<product>;
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  const WarpColumns<4> columns{static_cast<int>(threadIdx.x) / 32};
  const int lane = threadIdx.x % 32;
  const auto power = reinterpret_cast<complex<double>*>(shared);
  set_up<threads>(power, taps, p);
  Matrices<product, WarpColumns<4>> matrix;
  matrix.make(power, taps, p, columns, lane);
  __syncthreads();  // the powers have been read

  float* const samples = shared + Layout::samples;
  set_zero(shared + Layout::states, 2 * Layout::planes * scan_tile);
  const float* const u = p.u + p.first_sample();
  float* const y = p.y + p.first_sample();
  for (int k = 0; k < stages - 1; ++k) fetch_chunk<threads>(samples, u, p, k);

  float state[2][4] = {};
  for (int k = 0; k < p.chunks; ++k) {
    float* const U = shared + Layout::rounded + k % 2 * Layout::planes * scan_tile;
    const float* const S = shared + Layout::states + k % 2 * Layout::planes * scan_tile;
    float* const next = shared + Layout::states + (k + 1) % 2 * Layout::planes * scan_tile;
    wait_for_chunk();
    round_chunk<threads, product>(U, samples + k % stages * scan_tile);  // what this thread has fetched itself
    __syncthreads();
    fetch_chunk<threads>(samples, u, p, k + stages - 1);

    float now[2][4] = {}, past[2][4] = {};
#pragma unroll
    for (int m = 0; m < 2; ++m) advance(state[m], matrix.a_re[m], matrix.a_im[m]);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      RowOperand<product> a;
      a.load(U + 8 * i, scan_tile, scan_pitch, lane);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        multiply_add(state[m], a, matrix.in[m][i]);
        if (i <= columns.tile(m)) multiply_add(now[m], a, matrix.toeplitz[m][i]);  // zeros below the triangle
      }
      a.load(S + 8 * i, scan_tile, scan_pitch, lane);
#pragma unroll
      for (int m = 0; m < 2; ++m) multiply_add(past[m], a, matrix.out[m][i]);
    }
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) now[m][i] += past[m][i];
      store_rounded_tile<product>(next + columns.tile(m) * 8, state[m], lane);
      store_tile(y + k * scan_steps + columns.tile(m) * 8, p.row, now[m], lane);
    }
  }
}

}  // namespace

void scan_3(Output y, const Inputs& in, Product product) {
  if (product == Product::tf32)
    launch(scan<Product::tf32>, threads, RoundedLayout<Product::tf32>::floats, y, in);
  else
    launch(scan<Product::tf32x3>, threads, RoundedLayout<Product::tf32x3>::floats, y, in);
}

}  // namespace longwave::cuda::lab
