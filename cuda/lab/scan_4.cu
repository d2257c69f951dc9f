// Version 4: a body of its own for each warp.
//
// Against version 3: a warp's number is a template argument, and four bodies hang behind one switch. Which products a
// warp does is then known to the compiler: no branch or predicate is left around one, unwanted parts of the matrices
// take no registers, addresses are constants, and products can be moved past each other freely.
//
// Expected: fewer instructions, above all with 3xTF32. Got 0.230 ms, 3xTF32 0.481 ms (from 0.244, 0.584). One chain
// remains: the state of a chunk, its rounding, a barrier, the next chunk, with little in the block to overlap with it.
#include "lab/lab.cuh"

namespace longwave::cuda::lab {

namespace {

constexpr int threads = 128;

// WarpColumns<4> of a warp that is known.
template <int Warp>
struct FixedColumns {
  static constexpr int count = 2;
  __host__ __device__ static constexpr int tile(int m) { return m == 0 ? Warp : 7 - Warp; }
};

template <Product product, int Warp>
__device__ __forceinline__ void scan_warp(const Task& p, float* shared, const float* taps) {
  using Layout = RoundedLayout<product>;
  using Columns = FixedColumns<Warp>;
  const int lane = threadIdx.x % 32;
  Matrices<product, Columns> matrix;
  matrix.make(reinterpret_cast<const complex<double>*>(shared), taps, p, {}, lane);
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
        if (i <= Columns::tile(m)) multiply_add(now[m], a, matrix.toeplitz[m][i]);  // decided by the compiler
      }
      a.load(S + 8 * i, scan_tile, scan_pitch, lane);
#pragma unroll
      for (int m = 0; m < 2; ++m) multiply_add(past[m], a, matrix.out[m][i]);
    }
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) now[m][i] += past[m][i];
      store_rounded_tile<product>(next + Columns::tile(m) * 8, state[m], lane);
      store_tile(y + k * scan_steps + Columns::tile(m) * 8, p.row, now[m], lane);
    }
  }
}

// The barriers of the four bodies are one barrier: it counts warps, wherever they wait.
template <Product product>
__global__ void __launch_bounds__(threads, 2) scan(const __grid_constant__ Task p) {
  extern __shared__ __align__(16) float shared[];
  __shared__ float taps[scan_steps];
  set_up<threads>(reinterpret_cast<complex<double>*>(shared), taps, p);
  switch (threadIdx.x / 32) {
    case 0:
      return scan_warp<product, 0>(p, shared, taps);
    case 1:
      return scan_warp<product, 1>(p, shared, taps);
    case 2:
      return scan_warp<product, 2>(p, shared, taps);
    default:
      return scan_warp<product, 3>(p, shared, taps);
  }
}

}  // namespace

void scan_4(Output y, const Inputs& in, Product product) {
  if (product == Product::tf32)
    launch(scan<Product::tf32>, threads, RoundedLayout<Product::tf32>::floats, y, in);
  else
    launch(scan<Product::tf32x3>, threads, RoundedLayout<Product::tf32x3>::floats, y, in);
}

}  // namespace longwave::cuda::lab
