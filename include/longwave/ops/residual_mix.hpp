// residual_mix.hpp - two ends of a residual block on the CPU, one batch entry at a time, so that what lies between the
// products stays in the second-level cache (autograd/functions/residual_mix.hpp has the formulas).
//
// A batch entry of 256 features and 200 samples is 200 KB. Gradients of weights are summed over fixed parts of the
// batch and combined in order: the same bits for any number of threads.
#pragma once

#include <algorithm>

#include "longwave/core/map.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/conv1d.hpp"
#include "longwave/ops/gate.hpp"
#include "longwave/ops/norm.hpp"

namespace longwave::impl {

inline constexpr index_t mix_parts = 16;

template <class T>
TensorView<T, 3> batch_entry(const TensorView<T, 3>& x, index_t b) {
  return x.slice(0, b, b + 1);
}

// y (1, O, L) += W x for dense rows; W (O, I), or its transpose with the strides of one.
template <class T>
void mix_product(TensorView<T, 3> y, TensorView<const T, 2> W, TensorView<const T, 3> x, bool accumulate) {
  gemm(y.size(1), y.size(2), x.size(1), W.data(), W.stride(0), W.stride(1), x.data(), x.stride(1), x.stride(2),
       y.data(), y.stride(1), accumulate);
}

// dW (O, I) += dy x^T of one batch entry, db += row sums of dy.
template <class T>
void mix_sums(T* dW, T* db, TensorView<const T, 3> dy, TensorView<const T, 3> x) {
  const index_t O = dy.size(1), I = x.size(1), L = dy.size(2);
  gemm(O, I, L, dy.data(), dy.stride(1), dy.stride(2), x.data(), x.stride(2), x.stride(1), dW, I, true);
  for (index_t o = 0; o < O; ++o) {
    const T* row = dy.data() + o * dy.stride(1);
    db[o] += lane_sum<T>(L, [=](index_t l) { return row[l]; });
  }
}

// Adds sums (parts, n) to x, where it is wanted.
template <class T, int N>
void add_parts(TensorView<T, N> x, const T* sums, index_t parts, index_t pitch) {
  if (!wanted(x)) return;
  const TensorView<T, 1> flat = x.flat();
  parallel_blocks(
      flat.size(0), 1 << 12,
      [&](index_t begin, index_t end) {
        for (index_t p = 0; p < parts; ++p)
          for (index_t i = begin; i < end; ++i) flat.data()[i] += sums[p * pitch + i];
      },
      parts * flat.size(0));
}

// The batch in parts of fixed size: f(part, b) in order within a part. work: operations in all, roughly.
template <class F>
index_t for_parts(index_t B, index_t work, F f) {
  const index_t each = (B + mix_parts - 1) / mix_parts, parts = B == 0 ? 0 : (B + each - 1) / each;
  parallel_for(
      parts,
      [&](index_t part) {
        for (index_t b = part * each; b < std::min(B, (part + 1) * each); ++b) f(part, b);
      },
      work);
  return parts;
}

// y (1, O, L) = x + bias
template <class T>
void add_bias(TensorView<T, 3> y, TensorView<const T, 3> x, TensorView<const T, 1> bias) {
  for (index_t o = 0; o < y.size(1); ++o) {
    T* to = &y(0, o, 0);
    const T *from = &x(0, o, 0), add = bias(o);
    for (index_t l = 0; l < y.size(2); ++l) to[l] = from[l] + add;
  }
}

// --- y = norm(u + W gelu(z) + bias) ---------------------------------------------------------------------------------

template <class T>
struct ResidualMix {
  TensorView<const T, 3> z, u;           // (B, I, L), (B, H, L)
  TensorView<const T, 2> W;              // (H, I)
  TensorView<const T, 1> bias;           // (H)
  TensorView<const T, 1> weight, shift;  // (H), of the norm
  TensorView<T, 3> sum;                  // (B, H, L): before the norm
  TensorView<T, 2> mean, rstd;           // (B, L)
  LayerNormOptions norm;
};

template <class T>
void residual_mix_forward(TensorView<T, 3> y, const ResidualMix<T>& m) {
  const index_t B = y.size(0), L = y.size(2);
  for_parts(B, y.count() * m.z.size(1), [&](index_t, index_t b) {
    Scratch scratch;
    const auto v = scratch.tensor<T>(Extents<3>{1, m.z.size(1), L});
    unary_forward(v, batch_entry(m.z, b), GeluRule());
    const auto sum = batch_entry(m.sum, b);
    add_bias(sum, batch_entry(m.u, b), m.bias);
    mix_product<T>(sum, m.W, v, true);
    ops::LayerNorm::forward(batch_entry(y, b), m.mean.slice(0, b, b + 1), m.rstd.slice(0, b, b + 1), sum, m.weight,
                            m.shift, m.norm);
  });
}

// dz and du are assigned, the others added to; each but du may be left out.
template <class T>
struct ResidualMixGradients {
  TensorView<T, 3> dz, du;
  TensorView<T, 2> dW;
  TensorView<T, 1> dbias, dweight, dshift;
};

template <class T>
void residual_mix_backward(const ResidualMixGradients<T>& d, TensorView<const T, 3> dy, const ResidualMix<T>& m) {
  const index_t B = dy.size(0), H = dy.size(1), L = dy.size(2), I = m.z.size(1);
  const index_t pitch = H * I + 3 * H;  // dW, dbias, dweight, dshift of a part
  Scratch shared;
  T* sums = shared.take<T>(mix_parts * pitch);
  std::fill(sums, sums + mix_parts * pitch, T(0));
  const index_t parts = for_parts(B, 2 * dy.count() * I, [&](index_t part, index_t b) {
    T *dW = sums + part * pitch, *dbias = dW + H * I;
    const Extents<1> features{H};
    const auto dsum = batch_entry(d.du, b);
    ops::LayerNorm::backward(dsum, TensorView<T, 1>(dbias + H, features), TensorView<T, 1>(dbias + 2 * H, features),
                             batch_entry(dy, b), m.mean.slice(0, b, b + 1), m.rstd.slice(0, b, b + 1),
                             batch_entry(m.sum, b), m.weight, m.norm);
    Scratch scratch;
    const Extents<3> entry{1, I, L};
    const auto v = scratch.tensor<T>(entry), slope = scratch.tensor<T>(entry), dv = scratch.tensor<T>(entry);
    map_elements<2>(
        [](T& value, T& derivative, T x) {
          const math::Normal<T> at = math::normal(x);
          value = x * at.cdf;
          derivative = at.cdf + x * at.pdf;
        },
        v, slope, batch_entry(m.z, b));
    mix_sums<T>(dW, dbias, dsum, v);
    if (!wanted(d.dz)) return;
    mix_product<T>(dv, m.W.transpose(0, 1), dsum, false);
    map_elements<1>([](T& to, T g, T s) { to = g * s; }, batch_entry(d.dz, b), dv, slope);
  });
  add_parts(d.dW, sums, parts, pitch);
  add_parts(d.dbias, sums + H * I, parts, pitch);
  add_parts(d.dweight, sums + H * I + H, parts, pitch);
  add_parts(d.dshift, sums + H * I + 2 * H, parts, pitch);
}

// --- g = gate(h),  x_next = scale (x + R g + r),  total [+]= S g + s ------------------------------------------------

template <class T>
struct GatedExit {
  TensorView<const T, 3> h, x;  // (B, 2K, L), (B, K', L)
  TensorView<const T, 2> R, S;  // (K', K), (O, K)
  TensorView<const T, 1> r, s;  // biases
  T scale;
};

template <class T>
void gated_exit_forward(TensorView<T, 3> x_next, TensorView<T, 3> total, bool accumulate, const GatedExit<T>& m) {
  const index_t K = m.h.size(1) / 2, L = m.h.size(2);
  for_parts(m.h.size(0), m.h.count() * (m.R.size(0) + m.S.size(0)), [&](index_t, index_t b) {
    Scratch scratch;
    const auto g = scratch.tensor<T>(Extents<3>{1, K, L});
    gate_forward(g, batch_entry(m.h, b));
    const auto next = batch_entry(x_next, b), sum = batch_entry(total, b);
    add_bias(next, batch_entry(m.x, b), m.r);
    mix_product<T>(next, m.R, g, true);
    map_elements<1>([factor = m.scale](T& to, T from) { to = factor * from; }, next, TensorView<const T, 3>(next));
    if (accumulate) {
      add_bias(sum, TensorView<const T, 3>(sum), m.s);
    } else {
      for (index_t o = 0; o < sum.size(1); ++o) std::fill_n(&sum(0, o, 0), L, m.s(o));
    }
    mix_product<T>(sum, m.S, g, true);
  });
}

// dh and dx are assigned, the others added to.
template <class T>
struct GatedExitGradients {
  TensorView<T, 3> dh, dx;
  TensorView<T, 2> dR, dS;
  TensorView<T, 1> dr, ds;
};

// dnext and dtotal: one of them may be without data, it is zero then. dx may be left out.
template <class T>
void gated_exit_backward(const GatedExitGradients<T>& d, TensorView<const T, 3> dnext, TensorView<const T, 3> dtotal,
                         const GatedExit<T>& m) {
  const index_t B = m.h.size(0), K = m.h.size(1) / 2, L = m.h.size(2), R = m.R.size(0), S = m.S.size(0);
  const index_t pitch = (R + S) * (K + 1);  // dR, dr, dS, ds of a part
  Scratch shared;
  T* sums = shared.take<T>(mix_parts * pitch);
  std::fill(sums, sums + mix_parts * pitch, T(0));
  const index_t parts = for_parts(B, 2 * m.h.count() * (R + S), [&](index_t part, index_t b) {
    T *dR = sums + part * pitch, *dr = dR + R * K, *dS = dr + R, *ds = dS + S * K;
    Scratch scratch;
    const auto g = scratch.tensor<T>(Extents<3>{1, K, L}), dg = scratch.tensor<T>(Extents<3>{1, K, L});
    gate_forward(g, batch_entry(m.h, b));
    bool any = false;
    if (dnext.data() != nullptr) {
      const auto dx = wanted(d.dx) ? batch_entry(d.dx, b) : scratch.tensor<T>(Extents<3>{1, R, L});
      map_elements<1>([factor = m.scale](T& to, T from) { to = factor * from; }, dx, batch_entry(dnext, b));
      mix_sums<T>(dR, dr, dx, g);
      mix_product<T>(dg, m.R.transpose(0, 1), dx, false);
      any = true;
    } else if (wanted(d.dx)) {
      longwave::detail::fill(batch_entry(d.dx, b), T(0));
    }
    if (dtotal.data() != nullptr) {
      mix_sums<T>(dS, ds, batch_entry(dtotal, b), g);
      mix_product<T>(dg, m.S.transpose(0, 1), batch_entry(dtotal, b), any);
    }
    if (wanted(d.dh)) gate_backward(batch_entry(d.dh, b), TensorView<const T, 3>(dg), batch_entry(m.h, b));
  });
  add_parts(d.dR, sums, parts, pitch);
  add_parts(d.dr, sums + R * K, parts, pitch);
  add_parts(d.dS, sums + R * (K + 1), parts, pitch);
  add_parts(d.ds, sums + R * (K + 1) + S * K, parts, pitch);
}

}  // namespace longwave::impl
