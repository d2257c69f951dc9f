// dplr.cuh - S4's kernels by their generating function (state_space/dplr.hpp) on the device, in double throughout.
//
// At node k with c = cos t, s2 = 2 sin t, t = pi k / n, the two reciprocals of a mode make one: with p = -wr c,
//   D = d d' = p^2 - (s2 - wi c)(s2 + wi c) + 2 i p s2,   v / d + v* / d' = 2 (i s2 Re v - c Re(v w*)) / D
// so the sums of a product v are those of 1 / D with two real weights per mode, u = Re v and beta = Re(v w*):
//   s(v) = 2 (i s2 sum u / D - c sum beta / D)
// and cost 15 + 4 P operations per mode and node for P products, 31 at rank 1; backward 32 + 8 P. For H = 256, 32
// modes, 8193 nodes that is 2.1 and 4.3 G of the 15 T operations in double that an H100 does in a second: 0.14 and 0.29
// ms. In float it would be half of that at best, and the difference in Khat cancels 2 to 4 of its 7 digits.
//
// Features are taken in groups whose sums, spectra and rows fit the second-level cache; per group:
//   forward    sums (P, rows, nodes) -> spectra (M, C, rows, nodes) -> inverse transform -> K
//   backward   dK -> transform;  sums again -> their gradients, in place -> partial sums per chunk of nodes, added in
//   order
#pragma once

#include "kernels/dplr_modes.cuh"

namespace longwave::cuda {

namespace detail {

inline dim3 dplr_grid(index_t rows, index_t columns, index_t tile) {
  const index_t tiles = (columns + tile - 1) / tile;
  if (rows > 0x7fffffff || tiles > 0xffff)
    throw_shape_error("dplr: " + std::to_string(rows) + " rows of " + std::to_string(columns) +
                      " are more than one launch takes");
  return {static_cast<unsigned>(rows), static_cast<unsigned>(tiles), 1};
}

// f(std::integral_constant<int, P>(), first product, group) for each group of products.
template <class F>
void for_dplr_groups(const DplrShape& shape, F f) {
  const index_t products = shape.products(), groups = shape.groups();
  for (index_t g = 0; g < groups; ++g) {
    const index_t first = products * g / groups, P = products * (g + 1) / groups - first;
    [&]<int... I>(std::integer_sequence<int, I...>) {
      ((P == I + 1 ? f(std::integral_constant<int, I + 1>(), first, g) : void()), ...);
    }
    (std::make_integer_sequence<int, dplr_products>());
  }
}

// f(std::integral_constant<int, Rank>()), Rank 0: any.
template <class F>
void with_rank(index_t R, F f) {
  if (R == 1)
    f(std::integral_constant<int, 1>());
  else if (R == 2)
    f(std::integral_constant<int, 2>());
  else
    f(std::integral_constant<int, 0>());
}

inline void dplr_launch_sums(mode* s, const DplrShape& shape) {
  for_dplr_groups(shape, [&](auto products, index_t first, index_t) {
    constexpr int P = decltype(products)::value, K = P <= 4 ? 2 : 1;
    const dim3 blocks = dplr_grid(shape.rows, shape.nodes(), dplr_threads * K);
    dplr_sums_kernel<P, K><<<blocks, dplr_threads, 0, stream_handle()>>>(s, shape, first);
    check_launch("dplr_sums_kernel");
  });
}

inline void dplr_launch_modes(const DplrGradientsOn<Cuda>& d, double* partial, const mode* ds, const DplrShape& shape) {
  int modes = 4;
  while (modes < 32 && modes < shape.N()) modes *= 2;
  dim3 blocks = dplr_grid(shape.rows, shape.nodes(), dplr_chunk);
  blocks.z = static_cast<unsigned>((shape.N() + modes - 1) / modes);
  for_dplr_groups(shape, [&](auto products, index_t first, index_t group) {
    dplr_modes_kernel<decltype(products)::value>
        <<<blocks, dplr_backward_threads, 0, stream_handle()>>>(partial, ds, shape, first, group, modes);
    check_launch("dplr_modes_kernel");
  });
  dplr_finish_kernel<64><<<blocks.x, 64, 0, stream_handle()>>>(d, partial, shape, blocks.y);
  check_launch("dplr_finish_kernel");
}

// Features per group.
inline index_t dplr_rows(const DplrShape& s, index_t more_per_node) {
  const index_t spectra = s.M() * s.C();
  const index_t bytes = 16 * s.nodes() * (s.products() + spectra + more_per_node) + 8 * spectra * s.n;
  const index_t H = s.system.A.size(0), most = std::clamp<index_t>(dplr_bytes / bytes, 1, H),
                groups = (H + most - 1) / most;
  return (H + groups - 1) / groups;
}

}  // namespace detail

template <class T>
void dplr_forward(TensorView<T, 4, Cuda> K, TensorView<const T, 4, Cuda> base, const DplrSystemOn<Cuda>& system,
                  index_t n) {
  if (K.empty()) return;
  detail::DplrShape shape{system, 0, 0, n};
  const index_t H = system.A.size(0), rows = detail::dplr_rows(shape, 0), spectra = shape.M() * shape.C();
  ScratchOn<Cuda> scratch;
  auto* s = scratch.take<detail::mode>(shape.products() * rows * shape.nodes());
  auto* bins = scratch.take<detail::mode>(spectra * rows * shape.nodes());
  auto* out = scratch.take<double>(spectra * rows * shape.n);
  for (; shape.first < H; shape.first += rows) {
    shape.rows = std::min(rows, H - shape.first);
    detail::dplr_launch_sums(s, shape);
    detail::with_rank(shape.R(), [&](auto rank) {
      detail::dplr_spectrum_kernel<decltype(rank)::value>
          <<<detail::dplr_grid(shape.rows, shape.nodes(), detail::dplr_threads), detail::dplr_threads, 0,
             stream_handle()>>>(bins, s, shape);
    });
    check_launch("dplr_spectrum_kernel");
    fft_bins_to_real(out, bins, n, spectra * shape.rows);
    detail::dplr_store_kernel<<<detail::dplr_grid(spectra * shape.rows, K.size(3), detail::dplr_row_tile),
                                detail::dplr_row_threads, 0, stream_handle()>>>(K, base, out, shape);
    check_launch("dplr_store_kernel");
  }
}

template <class T>
void dplr_backward(const DplrGradientsOn<Cuda>& d, TensorView<const T, 4, Cuda> dK, const DplrSystemOn<Cuda>& system,
                   index_t n) {
  if (system.A.empty() || dK.empty()) return;
  detail::DplrShape shape{system, 0, 0, n};
  const index_t H = system.A.size(0), more = shape.C() * shape.R(), spectra = shape.M() * shape.C();
  const index_t rows = detail::dplr_rows(shape, more);
  const index_t chunks = (shape.nodes() + detail::dplr_chunk - 1) / detail::dplr_chunk;
  ScratchOn<Cuda> scratch;
  auto* s = scratch.take<detail::mode>(shape.products() * rows * shape.nodes());
  auto* Y = scratch.take<detail::mode>(more * rows * shape.nodes());
  auto* bins = scratch.take<detail::mode>(spectra * rows * shape.nodes());
  auto* in = scratch.take<double>(spectra * rows * shape.n);
  auto* partial = scratch.take<double>(chunks * 2 * (shape.products() + shape.groups()) * rows * shape.N());
  for (; shape.first < H; shape.first += rows) {
    shape.rows = std::min(rows, H - shape.first);
    detail::dplr_load_kernel<<<detail::dplr_grid(spectra * shape.rows, shape.n, detail::dplr_row_tile),
                               detail::dplr_row_threads, 0, stream_handle()>>>(in, dK, shape);
    check_launch("dplr_load_kernel");
    fft_real_to_bins(bins, in, n, spectra * shape.rows);
    detail::dplr_launch_sums(s, shape);
    detail::with_rank(shape.R(), [&](auto rank) {
      detail::dplr_spectrum_backward_kernel<decltype(rank)::value>
          <<<detail::dplr_grid(shape.rows, shape.nodes(), detail::dplr_threads), detail::dplr_threads, 0,
             stream_handle()>>>(s, Y, bins, shape);
    });
    check_launch("dplr_spectrum_backward_kernel");
    detail::dplr_launch_modes(d, partial, s, shape);
  }
}

}  // namespace longwave::cuda
