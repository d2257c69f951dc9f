// convex.hpp - noise made of the batch itself: every row is mixed with another row instead of with normal numbers.
//
//   conv(v)_b = a_b v_b + (1 - a_b) v_{p(b)}          p: one random order of the whole batch, a_b uniform in (0, 1)
//
// v (B, P), a (B), p (B). All rows share one order, so a row's result depends on the batch it is in.
#pragma once

#include "longwave/core/arena.hpp"
#include "longwave/core/each.hpp"
#include "longwave/core/random.hpp"

namespace longwave {

// One draw for a batch: row b is mixed with row partner(b), of which it keeps the part `keep(b)`.
template <class T, device D = Host>
struct ConvexPairs {
  TensorView<T, 1, D> keep;
  TensorView<index_t, 1, D> partner;
};

namespace detail {

// order(rank of key i) = i. Equal keys keep their order, so that it is a permutation whatever the keys.
template <class T, device D>
struct OrderByRank {
  static constexpr const char* name = "order_by_rank";
  TensorView<index_t, 1, D> order;
  TensorView<const T, 1, D> keys;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t n = keys.size(0);
    const T* key = keys.data();
    const T mine = key[i];
    index_t rank = 0;
    for (index_t j = 0; j < i; ++j) rank += key[j] <= mine ? 1 : 0;
    for (index_t j = i + 1; j < n; ++j) rank += key[j] < mine ? 1 : 0;
    order(rank) = i;
  }
};

template <class T, device D>
struct ConvexMix {
  static constexpr const char* name = "convex_mix";
  TensorView<T, 2, D> y;
  TensorView<const T, 2, D> v;
  TensorView<const T, 1, D> keep;
  TensorView<const index_t, 1, D> partner;
  T from, to;  // y = from v + to conv(v)
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / v.size(1), p = i % v.size(1);
    const T mine = v(b, p);
    y(b, p) = from * mine + to * (keep(b) * mine + (T(1) - keep(b)) * v(partner(b), p));
  }
};

}  // namespace detail

// A uniformly random order of 0 .. n-1, made where it is needed: n^2 comparisons, nothing waits for the host.
template <device D>
void random_order(Generator& gen, TensorView<index_t, 1, D> order) {
  ScratchOn<D> scratch;
  const TensorView<float, 1, D> keys = scratch.template tensor<float>(order.sizes());
  gen.uniform(keys);
  for_each_index<D>(order.size(0), detail::OrderByRank<float, D>{order, keys}, order.size(0));
}

template <class T, device D>
void draw_pairs(Generator& gen, const ConvexPairs<T, D>& pairs) {
  check_shape("draw_pairs", "partner", pairs.partner, pairs.keep.sizes(), "B");
  random_order(gen, pairs.partner);
  gen.uniform(pairs.keep);
}

// y = (1 - share) v + share conv(v). y is another tensor than v: rows are read after others are written.
template <class T, device D>
void convex_mix(TensorView<T, 2, D> y, In<T, 2, D> v, const ConvexPairs<T, D>& pairs,
                std::type_identity_t<T> share = 1) {
  check_same_shape("convex_mix", "y", y, "v", v);
  check_shape("convex_mix", "keep", pairs.keep, Extents<1>{v.size(0)}, "B");
  check_shape("convex_mix", "partner", pairs.partner, Extents<1>{v.size(0)}, "B");
  if (y.data() == v.data() && !v.empty()) throw_value_error("convex_mix: y is v; give it memory of its own");
  for_each_index<D>(v.count(), detail::ConvexMix<T, D>{y, v, pairs.keep, pairs.partner, T(1) - share, share}, 10);
}

}  // namespace longwave
