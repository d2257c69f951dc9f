// vandermonde.cuh - the kernel of ops/vandermonde.hpp and its gradients on the device.
//
//   K_l = 2 Re sum_n v_n exp(x_n l),   l = l0 + q C + r,   exp(x l) = exp(x l0) exp(x C)^q exp(x)^r
//
// K (G, H, L), v (G, H, N), x (H, N): G sets of weights share the modes; dx is the sum over the sets. Modes picks those
// that grow, reflected (x -> -x), or the others: with K run backwards, growing modes are anchored at its last sample.
//
// A block takes one row (g, h) and a tile of R C positions that follow one another: R rows q, C columns r. The powers
// of exp(x C) and exp(x) are small tables; what is left is a dense product over the modes, in registers:
//
//   forward    K (R, C) = start (R, 2N) table (2N, C)                    2 FMA per mode and position
//   backward   P (R, 4N) = g (R, C) table (C, 4N), then sum_q start P    4 FMA
//
// H = 256, N = 32, L = 16384 in float: 0.27 G FMA forward and 17 MB written, so arithmetic bounds it: 9 us on an H100
// (30 T FMA/s); 18 us backward. Tables cost R + C entries per R C positions.
//
// Numerical care: modes, exact exponentials (exp(x), exp(x C), exp(x l0)) and all powers are double, rounded once into
// the tables, so phases of any size are good; the error of the powers is about R + C units of 1e-16.
// Deterministic: no atomics; tiles depend on sizes alone, partial sums are added in the order of l.
#pragma once

#include "kernels/vandermonde_backward.cuh"

namespace longwave::cuda {

namespace detail {

// Three tiles per type. The largest spreads the cost of its tables over the most positions; a smaller one is taken
// where the length would leave most of it unused or there would be too few blocks for the chip. Rows x columns:
//
//                      large        medium      small
//   float              128 x 128    64 x 64     32 x 32     threads 256, 128, 64; 8 x 8, 8 x 4, 4 x 4 sums per thread
//   double              64 x 64     32 x 32     as medium   threads 256, 64;      4 x 4
//
// Backward: the same tiles of positions, in columns of 32 modes (float) or 16 (double).
template <class T>
struct Tiles;

template <>
struct Tiles<float> {
  struct Large {
    using Forward = Tile<float, 2, 2, 16, 16>;
    using Backward = Tile<float, 2, 2, 16, 16>;
  };
  struct Medium {
    using Forward = Tile<float, 2, 1, 8, 16>;
    using Backward = Tile<float, 2, 2, 8, 16>;
  };
  struct Small {
    using Forward = Tile<float, 1, 1, 8, 8>;
    using Backward = Tile<float, 1, 2, 8, 16>;
  };
};

template <>
struct Tiles<double> {
  struct Large {
    using Forward = Tile<double, 2, 2, 16, 16>;
    using Backward = Tile<double, 2, 2, 16, 16>;
  };
  struct Medium {
    using Forward = Tile<double, 2, 2, 8, 8>;
    using Backward = Tile<double, 2, 2, 8, 16>;
  };
  using Small = Medium;
};

template <class Size>
inline constexpr index_t tile_length = index_t(Size::Forward::rows) * Size::Forward::cols;

// f(Large() or Medium() or Small(), number of tiles along L)
template <class T, class F>
void with_tile(index_t H, index_t L, F f) {
  using Large = typename Tiles<T>::Large;
  using Medium = typename Tiles<T>::Medium;
  using Small = typename Tiles<T>::Small;
  auto tiles = [L](index_t length) { return (L + length - 1) / length; };
  auto fits = [&](index_t length) { return 2 * L > length && H * tiles(length) >= 64; };
  if (H > 0x7fffffff || tiles(tile_length<Large>) > 0xffff)
    throw_shape_error("vandermonde: K (H=" + std::to_string(H) + ", L=" + std::to_string(L) +
                      ") is more than one launch takes; cut it along H or L");
  if (fits(tile_length<Large>) || tiles(tile_length<Small>) > 0xffff)
    f(Large(), static_cast<unsigned>(tiles(tile_length<Large>)));
  else if (fits(tile_length<Medium>))
    f(Medium(), static_cast<unsigned>(tiles(tile_length<Medium>)));
  else
    f(Small(), static_cast<unsigned>(tiles(tile_length<Small>)));
}

}  // namespace detail

template <class T>
void vandermonde_forward(TensorView<T, 3, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                         TensorView<const complex<double>, 3, Cuda> v, Modes which, bool add) {
  if (K.empty()) return;
  constexpr index_t V = Vector<T>::size;
  const bool vectors =
      K.stride(2) == 1 && K.stride(0) % V == 0 && K.stride(1) % V == 0 && aligned_for_vectors(K.data());
  const detail::VandermondeForward<T> arguments{K, x, v, which, add, vectors};
  const index_t rows = K.size(0) * K.size(1);
  detail::with_tile<T>(rows, K.size(2), [&](auto size, unsigned tiles) {
    using Tile = typename decltype(size)::Forward;
    const dim3 blocks(static_cast<unsigned>(rows), tiles);
    detail::vandermonde_forward_kernel<T, Tile><<<blocks, Tile::threads, 0, stream_handle()>>>(arguments);
    check_launch("vandermonde_forward_kernel");
  });
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 3, Cuda> dv,
                          TensorView<const T, 3, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 3, Cuda> v, Modes which) {
  const index_t G = dK.size(0), H = x.size(0), N = x.size(1);
  if (x.empty()) return;
  if (G == 0) {
    if (wanted(dx)) longwave::detail::fill(dx, complex<double>());
    return;
  }
  ScratchOn<Cuda> scratch;
  // A length of 0 still has gradients: zeros.
  detail::with_tile<T>(G * H, std::max<index_t>(dK.size(2), 1), [&](auto size, unsigned tiles) {
    using Size = decltype(size);
    using Tile = typename Size::Backward;
    constexpr int M = Tile::cols / 4, columns = static_cast<int>(detail::tile_length<Size> / Tile::rows);
    detail::VandermondeBackward<T> arguments{dx, dv, dK, x, v, which, nullptr};
    const bool parts = tiles > 1 || G > 1;
    if (parts) arguments.partial = scratch.template take<detail::ModeSums>(tiles * G * H * N);
    const dim3 blocks(static_cast<unsigned>(G * H), tiles, static_cast<unsigned>((N + M - 1) / M));
    detail::vandermonde_backward_kernel<T, Tile, columns><<<blocks, Tile::threads, 0, stream_handle()>>>(arguments);
    check_launch("vandermonde_backward_kernel");
    if (!parts) return;
    detail::vandermonde_sum_kernel<<<detail::blocks_for(H * N, 128), 128, 0, stream_handle()>>>(
        arguments, static_cast<int>(tiles));
    check_launch("vandermonde_sum_kernel");
  });
}

}  // namespace longwave::cuda
