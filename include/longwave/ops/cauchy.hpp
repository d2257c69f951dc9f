// cauchy.hpp - sums of simple poles at given nodes: the generating function of a state-space kernel.
//
//   r_l = sum_n v_n / (z_l - w_n) + conj(v_n) / (z_l - conj(w_n))        v, w (H, N), z (L) complex;  r (H, L) complex
//
// or, with CauchyTerms::given, the first term alone. With P = 1 / (z_l - w_n), Q = 1 / (z_l - conj(w_n)), g = dr:
//   dv_n = sum_l g conj(P) + conj(g) Q,    dw_n = conj(v_n) sum_l g conj(P)^2 + conj(g) Q^2,
//   dz_l = - sum_{h,n} g conj(v_n P^2 + conj(v_n) Q^2)
//
// Any N and L; nothing of size (H, N, L) exists. P and Q share Re(z - w), then stay apart: over their common
// denominator the numerator loses digits near a pole. What is summed is P + Q and P - Q, since
// r = Re v (P + Q) + i Im v (P - Q). Nodes are the lanes, a block of them as planes in L1. Per n and l: 18 operations
// and 2 divisions forward, 38 and 2 backward. One division, by |z - w|^2 |z - w*|^2, is no faster (measured: the chain
// of operations is longer) and overflows earlier. With 512-bit registers at 4.1 GHz: 0.36 ns forward, 0.75 ns backward
// per (h, n, l) in double, half of it in float; at two operations a cycle, 0.28 and 0.58.
//
// Arithmetic is that of T: for the numbers given, each term is good to a few epsilon. But a pole stored as float has
// moved by 6e-8 |w|, which a node at distance d feels as 6e-8 |w| / d: lightly damped modes of high frequency belong in
// double. A node on a pole gives infinity or NaN.
// Source: Gu, Goel, Re 2022, "Efficiently Modeling Long Sequences with Structured State Spaces", appendix C.3.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/cauchy_terms.hpp"
#include "longwave/core/complex.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/cpu/simd.hpp"
#include "longwave/cuda/cauchy.hpp"

namespace longwave {

namespace impl {

inline constexpr index_t cauchy_block = 512;    // nodes in L1
inline constexpr index_t cauchy_chunk = 8;      // blocks of one task of the backward pass
inline constexpr index_t cauchy_h_blocks = 16;  // partial sums of dz

// Nodes [begin, end) as planes, filled up to whole registers with the last one, which is as far from poles.
template <class T>
struct CauchyNodes {
  index_t begin, count, padded;
  T *re, *im;

  CauchyNodes(Scratch& scratch) : begin(0), count(0), padded(0) {
    re = scratch.take<T>(cauchy_block);
    im = scratch.take<T>(cauchy_block);
  }

  void load(TensorView<const complex<T>, 1> z, index_t from) {
    constexpr index_t lanes = simd::width<T>;
    begin = from;
    count = std::min(cauchy_block, z.size(0) - from);
    padded = (count + lanes - 1) / lanes * lanes;
    for (index_t l = 0; l < padded; ++l) {
      const complex<T> node = z(from + std::min(l, count - 1));
      re[l] = node.re;
      im[l] = node.im;
    }
  }
};

// For a register of nodes and one pole: P = p - i p_im, Q = q - i q_im.
template <class V>
struct CauchyTerm {
  V p, p_im, q, q_im;
};

template <CauchyTerms terms, class V, class T>
inline CauchyTerm<V> cauchy_term(V z_re, V z_im, T w_re, T w_im) {
  const V a = z_re - w_re, b = z_im - w_im;
  const V p2 = a * a + b * b;
  if constexpr (terms == CauchyTerms::given) {
    const V p = T(1) / p2;
    return {a * p, b * p, V{}, V{}};
  } else {
    const V c = z_im + w_im;
    const V q2 = a * a + c * c;
    const V p = T(1) / p2, q = T(1) / q2;
    return {a * p, b * p, a * q, c * q};
  }
}

template <CauchyTerms terms, class T>
void cauchy_forward_block(TensorView<complex<T>, 1> r, const CauchyNodes<T>& z, TensorView<const complex<T>, 1> v,
                          TensorView<const complex<T>, 1> w) {
  constexpr index_t lanes = simd::width<T>;
  using V = simd::Lanes<T>;
  const index_t N = v.size(0);
  for (index_t l = 0; l < z.count; l += lanes) {
    const V z_re = simd::load(z.re + l), z_im = simd::load(z.im + l);
    V re{}, im{};
    for (index_t n = 0; n < N; ++n) {
      const complex<T>&v_n = v(n), &w_n = w(n);  // by reference: the four numbers are broadcast from memory
      const CauchyTerm<V> t = cauchy_term<terms>(z_re, z_im, w_n.re, w_n.im);
      re = re + v_n.re * (t.p + t.q) + v_n.im * (t.p_im - t.q_im);
      im = im + v_n.im * (t.p - t.q) - v_n.re * (t.p_im + t.q_im);
    }
    T planes[2][lanes];
    simd::store(planes[0], re);
    simd::store(planes[1], im);
    for (index_t j = 0; j < std::min(lanes, z.count - l); ++j) r(z.begin + l + j) = {planes[0][j], planes[1][j]};
  }
}

// Real and imaginary parts of sum_l g conj(P) + conj(g) Q and of the same with squares.
struct CauchySums {
  complex<double> dv, dw;
};

// One pole against a block of nodes. slope, if wanted: conj(v) conj(P)^2 + v conj(Q)^2 is added.
template <CauchyTerms terms, bool with_nodes, class T>
CauchySums cauchy_backward_block(T* slope_re, T* slope_im, const T* g_re, const T* g_im, const CauchyNodes<T>& z,
                                 complex<T> v, complex<T> w) {
  constexpr index_t lanes = simd::width<T>;
  using V = simd::Lanes<T>;
  V dv_re{}, dv_im{}, dw_re{}, dw_im{};
  for (index_t l = 0; l < z.padded; l += lanes) {
    const CauchyTerm<V> t = cauchy_term<terms>(simd::load(z.re + l), simd::load(z.im + l), w.re, w.im);
    const V gr = simd::load(g_re + l), gi = simd::load(g_im + l);
    dv_re = dv_re + gr * (t.p + t.q) - gi * (t.p_im + t.q_im);
    dv_im = dv_im + gr * (t.p_im - t.q_im) + gi * (t.p - t.q);
    // conj(P)^2 = p2 + i p2_im, Q^2 = q2 - i q2_im
    const V p2 = t.p * t.p - t.p_im * t.p_im, q2 = t.q * t.q - t.q_im * t.q_im;
    const V p2_im = (t.p + t.p) * t.p_im, q2_im = (t.q + t.q) * t.q_im;
    const V plus = p2 + q2, minus = p2 - q2, plus_im = p2_im + q2_im, minus_im = p2_im - q2_im;
    dw_re = dw_re + gr * plus - gi * plus_im;
    dw_im = dw_im + gr * minus_im + gi * minus;
    if constexpr (with_nodes) {
      simd::store(slope_re + l, simd::load(slope_re + l) + v.re * plus + v.im * minus_im);
      simd::store(slope_im + l, simd::load(slope_im + l) + v.re * plus_im - v.im * minus);
    }
  }
  CauchySums sums;
  for (index_t j = 0; j < lanes; ++j) {
    sums.dv += complex<double>(static_cast<double>(dv_re[j]), static_cast<double>(dv_im[j]));
    sums.dw += complex<double>(static_cast<double>(dw_re[j]), static_cast<double>(dw_im[j]));
  }
  return sums;
}

// Blocks [first, last) of nodes against channels [h0, h1). sums (H, N) is assigned there, dz (L) if it is wanted.
template <CauchyTerms terms, bool with_nodes, class T>
void cauchy_backward_tile(TensorView<CauchySums, 2> sums, TensorView<complex<double>, 1> dz, index_t h0, index_t h1,
                          index_t first, index_t last, TensorView<const complex<T>, 2> dr,
                          TensorView<const complex<T>, 2> v, TensorView<const complex<T>, 2> w,
                          TensorView<const complex<T>, 1> z) {
  const index_t N = v.size(1);
  Scratch scratch;
  CauchyNodes<T> nodes(scratch);
  T *g_re = scratch.take<T>(cauchy_block), *g_im = scratch.take<T>(cauchy_block);
  T *slope_re = scratch.take<T>(cauchy_block), *slope_im = scratch.take<T>(cauchy_block);
  for (index_t h = h0; h < h1; ++h)
    for (index_t n = 0; n < N; ++n) sums(h, n) = {};
  for (index_t block = first; block < last; ++block) {
    nodes.load(z, block * cauchy_block);
    for (index_t h = h0; h < h1; ++h) {
      for (index_t l = 0; l < nodes.padded; ++l) {
        const complex<T> g = l < nodes.count ? dr(h, nodes.begin + l) : complex<T>();
        g_re[l] = g.re;
        g_im[l] = g.im;
        slope_re[l] = slope_im[l] = T(0);
      }
      for (index_t n = 0; n < N; ++n) {
        const CauchySums s =
            cauchy_backward_block<terms, with_nodes>(slope_re, slope_im, g_re, g_im, nodes, v(h, n), w(h, n));
        sums(h, n).dv += s.dv;
        sums(h, n).dw += s.dw;
      }
      if constexpr (with_nodes)
        for (index_t l = 0; l < nodes.count; ++l) {
          const complex<double> term(complex<T>(g_re[l], g_im[l]) * complex<T>(slope_re[l], slope_im[l]));
          complex<double>& to = dz(nodes.begin + l);
          to = h == h0 ? -term : to - term;
        }
    }
  }
}

template <CauchyTerms terms, class T>
void cauchy_forward(TensorView<complex<T>, 2, Host> r, TensorView<const complex<T>, 2, Host> v,
                    TensorView<const complex<T>, 2, Host> w, TensorView<const complex<T>, 1, Host> z) {
  const index_t blocks = (z.size(0) + cauchy_block - 1) / cauchy_block;
  parallel_for(
      r.size(0) * blocks,
      [&](index_t i) {
        Scratch scratch;
        CauchyNodes<T> nodes(scratch);
        nodes.load(z, i % blocks * cauchy_block);
        const index_t h = i / blocks;
        cauchy_forward_block<terms>(r[h], nodes, v[h], w[h]);
      },
      30 * v.count() * z.size(0));
}

// Tiles of channels and nodes leave partial sums, of dv and dw per tile of nodes, of dz per tile of channels, which are
// then added in order.
template <CauchyTerms terms, class T>
void cauchy_backward(TensorView<complex<T>, 2, Host> dv, TensorView<complex<T>, 2, Host> dw,
                     TensorView<complex<T>, 1, Host> dz, TensorView<const complex<T>, 2, Host> dr,
                     TensorView<const complex<T>, 2, Host> v, TensorView<const complex<T>, 2, Host> w,
                     TensorView<const complex<T>, 1, Host> z) {
  const index_t H = v.size(0), N = v.size(1), L = z.size(0);
  const index_t blocks = (L + cauchy_block - 1) / cauchy_block, chunks = (blocks + cauchy_chunk - 1) / cauchy_chunk;
  const index_t height = std::max<index_t>((H + cauchy_h_blocks - 1) / cauchy_h_blocks, 1);
  const index_t rows = (H + height - 1) / height;
  Scratch scratch;
  const auto sums = scratch.tensor<CauchySums>(Extents<3>{chunks, H, N});
  const auto slopes = scratch.tensor<complex<double>>(Extents<2>{wanted(dz) ? rows : 0, L});
  parallel_for(
      rows * chunks,
      [&](index_t i) {
        const index_t row = i / chunks, chunk = i % chunks, h0 = row * height, h1 = std::min(H, h0 + height);
        const index_t first = chunk * cauchy_chunk, last = std::min(blocks, first + cauchy_chunk);
        if (wanted(dz))
          cauchy_backward_tile<terms, true>(sums[chunk], slopes[row], h0, h1, first, last, dr, v, w, z);
        else
          cauchy_backward_tile<terms, false>(sums[chunk], {}, h0, h1, first, last, dr, v, w, z);
      },
      60 * v.count() * L);
  for (index_t h = 0; h < H; ++h)
    for (index_t n = 0; n < N; ++n) {
      CauchySums sum;
      for (index_t chunk = 0; chunk < chunks; ++chunk) {
        sum.dv += sums(chunk, h, n).dv;
        sum.dw += sums(chunk, h, n).dw;
      }
      if (wanted(dv)) dv(h, n) = complex<T>(sum.dv);
      if (wanted(dw)) dw(h, n) = complex<T>(complex<double>(conj(v(h, n))) * sum.dw);
    }
  for (index_t l = 0; wanted(dz) && l < L; ++l) {
    complex<double> sum;
    for (index_t row = 0; row < rows; ++row) sum += slopes(row, l);
    dz(l) = complex<T>(sum);
  }
}

}  // namespace impl

namespace ops {

struct Cauchy {
  template <class T, device D>
  static void forward(TensorView<complex<T>, 2, D> r, In<complex<T>, 2, D> v, In<complex<T>, 2, D> w,
                      In<complex<T>, 1, D> z, CauchyTerms terms = CauchyTerms::conjugate_pairs) {
    check("r", r.sizes(), v.sizes(), w.sizes(), z.sizes());
    if (terms == CauchyTerms::given)
      impl::cauchy_forward<CauchyTerms::given, T>(r, v, w, z);
    else
      impl::cauchy_forward<CauchyTerms::conjugate_pairs, T>(r, v, w, z);
  }

  // dv, dw and dz are assigned; each may be left out.
  template <class T, device D>
  static void backward(Out<complex<T>, 2, D> dv, Out<complex<T>, 2, D> dw, Out<complex<T>, 1, D> dz,
                       TensorView<const complex<T>, 2, D> dr, In<complex<T>, 2, D> v, In<complex<T>, 2, D> w,
                       In<complex<T>, 1, D> z, CauchyTerms terms = CauchyTerms::conjugate_pairs) {
    check("dr", dr.sizes(), v.sizes(), w.sizes(), z.sizes());
    check_gradient("cauchy", "dv", dv, v.sizes(), "HN");
    check_gradient("cauchy", "dw", dw, w.sizes(), "HN");
    check_gradient("cauchy", "dz", dz, z.sizes(), "L");
    if (terms == CauchyTerms::given)
      impl::cauchy_backward<CauchyTerms::given, T>(dv, dw, dz, dr, v, w, z);
    else
      impl::cauchy_backward<CauchyTerms::conjugate_pairs, T>(dv, dw, dz, dr, v, w, z);
  }

 private:
  static void check(const char* name, const Extents<2>& r, const Extents<2>& v, const Extents<2>& w,
                    const Extents<1>& z) {
    if (!(v == w))
      throw_shape_error("cauchy: v and w differ in shape: v is " + to_string(v, "HN") + ", w is " + to_string(w, "HN"));
    if (r[0] != w[0] || r[1] != z[0])
      throw_shape_error(std::string("cauchy: ") + name + " is " + to_string(r, "HL") + ", expected " +
                        to_string(Extents{w[0], z[0]}, "HL") + " from w " + to_string(w, "HN") + " and z " +
                        to_string(z, "L"));
  }
};

}  // namespace ops
}  // namespace longwave
