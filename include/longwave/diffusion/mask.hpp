// mask.hpp - which entries of a series (C, L) are known: 1 = known, 0 = to impute (Alcaraz and Strodthoff 2023,
// "Diffusion-based time series imputation and forecasting with structured state space models").
//
//   rm        random missing: k entries of each channel, drawn apart
//   mnr       missing not at random: the series is cut into chunks of k entries (the last may be shorter), one chunk of
//             each channel is blank, drawn apart
//   bm        black-out: the same, but one chunk for all channels
//   forecast  the last k entries of all channels
//
// k is a length. 1 <= k < L: a mask leaves something to see. Drawn on the host, from a Generator, and copied to where
// it is needed; no allocation after the first of its size on the host.
#pragma once

#include <string>

#include "longwave/core/arena.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/core/random.hpp"
#include "longwave/nn/init.hpp"

namespace longwave {

enum class MaskKind { rm, mnr, bm, forecast };

// "rm", "mnr", "bm", "forecast"
inline const char* name_of(MaskKind kind) {
  constexpr const char* names[] = {"rm", "mnr", "bm", "forecast"};
  return names[static_cast<int>(kind)];
}
inline MaskKind mask_kind(const std::string& name) {
  for (const MaskKind kind : {MaskKind::rm, MaskKind::mnr, MaskKind::bm, MaskKind::forecast})
    if (name == name_of(kind)) return kind;
  throw_value_error("mask: '" + name + "' is not one of rm, mnr, bm, forecast");
}

enum class MaskPer { batch, sample };  // one mask for all samples, or one each

namespace detail {

// One of 0 .. n-1.
inline index_t draw_below(Generator& gen, index_t n) {
  const PhiloxWords words = philox(gen.next(), 0);
  const std::uint64_t bits = std::uint64_t(words.word[0]) << 32 | words.word[1];
  return static_cast<index_t>(uint128(bits) * static_cast<std::uint64_t>(n) >> 64);
}

template <class T>
void blank(TensorView<T, 1> channel, index_t begin, index_t end) {
  for (index_t l = begin; l < end; ++l) channel(l) = T(0);
}

inline void check_mask_length(MaskKind kind, index_t k, index_t L) {
  const std::string what = std::string("mask ") + name_of(kind) + ": k is " + std::to_string(k);
  if (k < 1) throw_value_error(what + ", expected at least 1");
  if (k >= L)
    throw_value_error(what + " of " + std::to_string(L) +
                      " entries, so nothing would be known; expected less than the length");
}

}  // namespace detail

// mask (C, L) is assigned.
template <class T>
void draw_mask(MaskKind kind, index_t k, Generator& gen, TensorView<T, 2> mask) {
  const index_t C = mask.size(0), L = mask.size(1);
  detail::check_mask_length(kind, k, L);
  detail::fill(mask, T(1));
  const index_t chunks = (L + k - 1) / k;
  index_t begin = kind == MaskKind::forecast ? L - k : 0;
  if (kind == MaskKind::bm) begin = detail::draw_below(gen, chunks) * k;
  Scratch scratch;
  const TensorView<index_t, 1> order = scratch.tensor<index_t>(Extents<1>{L});
  for (index_t c = 0; c < C; ++c) {
    if (kind == MaskKind::rm) {
      gen.permutation(order);
      for (index_t i = 0; i < k; ++i) mask(c, order(i)) = T(0);
      continue;
    }
    if (kind == MaskKind::mnr) begin = detail::draw_below(gen, chunks) * k;
    detail::blank(mask[c], begin, std::min(begin + k, L));
  }
}

// mask (B, C, L) is assigned. On the device it arrives by one copy, which waits.
template <class T, device D>
void draw_mask(MaskKind kind, index_t k, Generator& gen, TensorView<T, 3, D> mask, MaskPer per = MaskPer::sample) {
  init::on_host(mask, [&](TensorView<T, 3> to) {
    for (index_t b = 0; b < to.size(0); ++b) {
      if (b == 0 || per == MaskPer::sample)
        draw_mask(kind, k, gen, to[b]);
      else
        copy(to[b], to[0]);
    }
  });
}

// For masks from outside: 0 and 1 only, and every sample has something known.
template <class T>
void check_mask(TensorView<T, 3> mask) {
  for (index_t b = 0; b < mask.size(0); ++b) {
    bool any = false;
    for (index_t c = 0; c < mask.size(1); ++c)
      for (index_t l = 0; l < mask.size(2); ++l) {
        const double m = static_cast<double>(mask(b, c, l));
        if (m != 0 && m != 1)
          throw_value_error("mask: entry (" + std::to_string(b) + ", " + std::to_string(c) + ", " + std::to_string(l) +
                            ") is " + std::to_string(m) + ", expected 0 or 1");
        any = any || m == 1;
      }
    if (!any) throw_value_error("mask: nothing of sample " + std::to_string(b) + " is known");
  }
}

}  // namespace longwave
