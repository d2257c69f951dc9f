// vandermonde.hpp - the kernel of a diagonal state-space model from its modes.
//
//   K_l = 2 Re sum_n v_n exp(x_n l)      x, v (H, N) complex, one of each conjugate pair;  K (H, L)
//   dv_n = 2 sum_l dK_l conj(exp(x_n l)),   dx_n = 2 conj(v_n) sum_l l dK_l conj(exp(x_n l))
//
// Modes are given in double whatever the type of K: the phase Im(x) l reaches 1e5 rad, which float cannot hold.
// With l = q T + r, exp(x l) = exp(x T q) exp(x r): the rows q times the columns r are a small dense product, nothing
// of size (H, N, L) exists and only one complex product in double per mode and block is left. The starts of blocks are
// re-anchored by an exact exponential every 16 blocks. Relative error against float64: 2e-7 (float), 1e-13 (double).
// Source: Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State Space Models", section 3.3.
#pragma once

#include "longwave/cpu/gemm.hpp"
#include "longwave/cpu/powers.hpp"
#include "longwave/cuda/vandermonde.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t vandermonde_block = 64;   // T
inline constexpr index_t vandermonde_anchor = 16;  // blocks between exact exponentials

// start (Q, 2N): re and im of w_n exp(x_n T (q0 + q)), w = 1 where left out.
template <class T>
void vandermonde_starts(T* start, index_t q0, index_t Q, TensorView<const complex<double>, 1> x,
                        TensorView<const complex<double>, 1> w) {
  const index_t N = x.size(0);
  for (index_t n = 0; n < N; ++n) {
    const complex<double> block = static_cast<double>(vandermonde_block) * x(n);
    const complex<double> step = exp(block);
    complex<double> z;
    for (index_t q = 0; q < Q; ++q) {
      if (q == 0 || (q0 + q) % vandermonde_anchor == 0) {
        z = exp(static_cast<double>(q0 + q) * block);
        if (w.data() != nullptr) z *= w(n);
      }
      start[q * 2 * N + n] = static_cast<T>(z.re);
      start[q * 2 * N + N + n] = static_cast<T>(z.im);
      z *= step;
    }
  }
}

// table (2N, T): 2 Re and -2 Im of exp(x_n r), so that start * table = 2 Re(start exp(x r)).
template <class T>
void vandermonde_table(T* table, const Powers& power) {
  const index_t N = power.N, block = power.T + 1;
  for (index_t n = 0; n < N; ++n)
    for (index_t r = 0; r < block; ++r) {
      const complex<double> p = power(r, n);
      table[n * block + r] = static_cast<T>(2 * p.re);
      table[(N + n) * block + r] = static_cast<T>(-2 * p.im);
    }
}

template <class T>
void vandermonde_forward_row(TensorView<T, 1> K, TensorView<const complex<double>, 1> x,
                             TensorView<const complex<double>, 1> v) {
  const index_t N = x.size(0), L = K.size(0), block = std::min(vandermonde_block, L);
  const index_t rows = L / vandermonde_block;  // full blocks
  Scratch scratch;
  T* table = scratch.take<T>(2 * N * block);
  vandermonde_table(table, mode_powers(scratch, x, block - 1));
  T* start = scratch.take<T>(vandermonde_anchor * 2 * N);
  const bool dense = K.stride(0) == 1;
  T* out = dense ? K.data() : scratch.take<T>(L);
  for (index_t q = 0; q * vandermonde_block < L; q += vandermonde_anchor) {
    const index_t full = std::min(vandermonde_anchor, rows - q);
    const index_t rest =
        q + full == rows ? std::min(L - rows * vandermonde_block, (vandermonde_anchor - full) * block) : 0;
    vandermonde_starts(start, q, full + (rest > 0), x, v);
    T* to = out + q * vandermonde_block;
    gemm<T>(full, block, 2 * N, start, 2 * N, 1, table, block, 1, to, block, false);
    if (rest > 0)
      gemm<T>(1, rest, 2 * N, start + full * 2 * N, 2 * N, 1, table, block, 1, to + full * block, block, false);
  }
  if (!dense)
    for (index_t l = 0; l < L; ++l) K(l) = out[l];
}

// sum0_n = sum_l g_l conj(exp(x_n l)),  sum1_n = sum_l l g_l conj(exp(x_n l)) if wanted.
template <class T>
void vandermonde_project_row(TensorView<complex<double>, 1> sum0, TensorView<complex<double>, 1> sum1,
                             TensorView<const T, 1> g, TensorView<const complex<double>, 1> x) {
  const index_t N = x.size(0), L = g.size(0), block = std::min(vandermonde_block, std::max<index_t>(L, 1));
  const bool moments = wanted(sum1);
  const index_t columns = moments ? 4 * N : 2 * N;
  Scratch scratch;
  // table (T, columns): Re, Im of exp(x r), then r times them
  T* table = scratch.take<T>(block * columns);
  const Powers power = mode_powers(scratch, x, block - 1);
  for (index_t r = 0; r < block; ++r)
    for (index_t n = 0; n < N; ++n) {
      T* row = table + r * columns + n;
      const complex<double> p = power(r, n);
      row[0] = static_cast<T>(p.re);
      row[N] = static_cast<T>(p.im);
      if (moments) {
        row[2 * N] = static_cast<T>(static_cast<double>(r) * p.re);
        row[3 * N] = static_cast<T>(static_cast<double>(r) * p.im);
      }
    }
  T* start = scratch.take<T>(vandermonde_anchor * 2 * N);
  T* part = scratch.take<T>(vandermonde_anchor * columns);
  const T* in = g.data();
  if (g.stride(0) != 1 && L > 1) {
    T* dense = scratch.take<T>(L);
    for (index_t l = 0; l < L; ++l) dense[l] = g(l);
    in = dense;
  }
  for (index_t n = 0; n < N; ++n) {
    sum0(n) = {};
    if (moments) sum1(n) = {};
  }
  for (index_t q = 0; q * block < L; q += vandermonde_anchor) {
    const index_t left = L - q * block, full = std::min(vandermonde_anchor, left / block);
    const index_t rest = full < vandermonde_anchor ? left - full * block : 0;
    const index_t Q = full + (rest > 0);
    const T* from = in + q * block;
    gemm<T>(full, columns, block, from, block, 1, table, columns, 1, part, columns, false);
    if (rest > 0)
      gemm<T>(1, columns, rest, from + full * block, block, 1, table, columns, 1, part + full * columns, columns,
              false);
    vandermonde_starts(start, q, Q, x, {});
    for (index_t i = 0; i < Q; ++i)
      for (index_t n = 0; n < N; ++n) {
        const complex<double> z(start[i * 2 * N + n], -start[i * 2 * N + N + n]);  // conj
        const T* p = part + i * columns + n;
        const complex<double> s0 = z * complex<double>(p[0], -p[N]);
        sum0(n) += s0;
        if (moments) sum1(n) += static_cast<double>((q + i) * block) * s0 + z * complex<double>(p[2 * N], -p[3 * N]);
      }
  }
}

template <class T>
void vandermonde_forward(TensorView<T, 2, Host> K, TensorView<const complex<double>, 2, Host> x,
                         TensorView<const complex<double>, 2, Host> v) {
  if (K.size(1) == 0) return;
  parallel_for(
      K.size(0), [&](index_t h) { vandermonde_forward_row(K[h], x[h], v[h]); }, x.count() * (100 + K.size(1)));
}

template <class T>
void vandermonde_backward(TensorView<complex<double>, 2, Host> dx, TensorView<complex<double>, 2, Host> dv,
                          TensorView<const T, 2, Host> dK, TensorView<const complex<double>, 2, Host> x,
                          TensorView<const complex<double>, 2, Host> v) {
  parallel_for(
      dK.size(0),
      [&](index_t h) {
        Scratch scratch;
        const index_t N = x.size(1);
        const auto sum0 = scratch.tensor<complex<double>>(Extents<1>{N});
        const auto sum1 = scratch.tensor<complex<double>>(Extents<1>{N});
        vandermonde_project_row(sum0, wanted(dx) ? sum1 : TensorView<complex<double>, 1>(), dK[h], x[h]);
        for (index_t n = 0; n < N; ++n) {
          if (wanted(dv)) dv(h, n) = 2.0 * sum0(n);
          if (wanted(dx)) dx(h, n) = 2.0 * (conj(v(h, n)) * sum1(n));
        }
      },
      x.count() * (100 + 2 * dK.size(1)));
}

}  // namespace impl

namespace ops {

struct Vandermonde {
  template <class T, device D>
  static void forward(TensorView<T, 2, D> K, In<complex<double>, 2, D> x, In<complex<double>, 2, D> v) {
    check(K.sizes(), x.sizes(), v.sizes());
    impl::vandermonde_forward(K, x, v);
  }

  // dx and dv are assigned; either may be left out.
  template <class T, device D>
  static void backward(Out<complex<double>, 2, D> dx, Out<complex<double>, 2, D> dv, TensorView<T, 2, D> dK,
                       In<complex<double>, 2, D> x, In<complex<double>, 2, D> v) {
    check(dK.sizes(), x.sizes(), v.sizes());
    check_gradient("vandermonde", "dx", dx, x.sizes(), "HN");
    check_gradient("vandermonde", "dv", dv, v.sizes(), "HN");
    impl::vandermonde_backward(dx, dv, TensorView<const std::remove_const_t<T>, 2, D>(dK), x, v);
  }

 private:
  static void check(const Extents<2>& K, const Extents<2>& x, const Extents<2>& v) {
    if (!(x == v))
      throw_shape_error("vandermonde: x and v differ in shape: x is " + to_string(x, "HN") + ", v is " +
                        to_string(v, "HN"));
    if (K[0] != x[0])
      throw_shape_error("vandermonde: K and x disagree on H: K is " + to_string(K, "HL") + ", x is " +
                        to_string(x, "HN"));
  }
};

}  // namespace ops
}  // namespace longwave
