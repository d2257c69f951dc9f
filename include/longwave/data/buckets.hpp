// buckets.hpp - padded batches of sequences of different lengths, those of similar length together.
//
//   SequenceLoader loader(set, {.batch = 32, .bounds = equal_buckets(set.lengths(), 8)}, Generator(seed, 1));
//   for (auto [x, y, lengths] : loader.epoch(3)) ...     // x (B, C, L), y (B, M), lengths (B); L the batch's longest
//
// As Loader: the order is a pure function of (seed, stream, epoch), epoch(e, first) goes on in its middle, and a
// batch's views refer to one buffer, which the next batch overwrites. With one bucket and no lengths to tell apart the
// order is Loader's. Items of bucket k are at most bounds[k] long, and longer than bounds[k - 1]; batches do not mix
// buckets and come in random order. The number of batches is the same in every epoch.
//
// Of pairs (parts = 2) a batch of B items has 2 B rows, first all first sequences, then all second: rows i and B + i
// are a pair, as nn/retrieval_decoder.hpp takes them, padded to one length.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "longwave/data/loader.hpp"
#include "longwave/data/sequence_set.hpp"

namespace longwave {

struct SequenceLoaderOptions {
  index_t batch = 32;  // items
  bool shuffle = true;
  bool drop_last = false;            // leave out the smaller last batch of every bucket
  std::vector<index_t> bounds = {};  // longest length of every bucket, ascending; none: one bucket of all
  bool pad_to_bound = false;         // pad to the bucket's bound: few shapes, as plans and captured graphs like them
  index_t pad = 0;                   // what stands behind a sequence
};

// Bounds of at most `buckets` buckets with about as many items each.
inline std::vector<index_t> equal_buckets(std::vector<index_t> lengths, index_t buckets) {
  if (buckets < 1) throw_value_error("equal_buckets: " + std::to_string(buckets) + " buckets; take 1 or more");
  std::sort(lengths.begin(), lengths.end());
  std::vector<index_t> bounds;
  const auto n = static_cast<index_t>(lengths.size());
  for (index_t k = 1; k <= buckets && n > 0; ++k) {
    const index_t bound = lengths[static_cast<std::size_t>(std::max<index_t>(k * n / buckets, 1) - 1)];
    if (bounds.empty() || bound > bounds.back()) bounds.push_back(bound);
  }
  return bounds;
}

// V: what x holds of X; tokens become index_t, as an embedding takes them.
template <class V, class Y>
struct SequenceBatch {
  TensorView<const V, 3> x;              // (B parts, C, L)
  TensorView<const Y, 2> y;              // (B, M)
  TensorView<const index_t, 1> lengths;  // (B parts)

  TensorView<const V, 2> tokens() const { return x.template reshape<2>({x.size(0), x.size(1) * x.size(2)}); }
  TensorView<const Y, 1> target() const { return y.flat(); }  // (B M)
};

template <class X, class Y = index_t>
class SequenceLoader {
 public:
  using V = std::conditional_t<std::is_integral_v<X>, index_t, X>;

  SequenceLoader(const SequenceSet<X, Y>& set, SequenceLoaderOptions options, const Generator& generator)
      : set_(&set), options_(std::move(options)), key_(generator.state()) {
    if (options_.batch < 1)
      throw_value_error("SequenceLoader: a batch of " + std::to_string(options_.batch) + " items; take 1 or more");
    check_sequences(set);
    find_buckets();
    cut_batches();
    const index_t B = std::min(options_.batch, set.size()), rows = B * set.parts;
    const index_t L = options_.pad_to_bound ? options_.bounds.back() : set.longest();
    x_ = Tensor<V, 1>::uninitialized({rows * set.channels * L});
    y_ = Tensor<Y, 2>::uninitialized({B, set.targets});
    lengths_ = Tensor<index_t, 1>::uninitialized({rows});
    order_ = Tensor<index_t, 1>::uninitialized({set.size()});
    shuffled_ = Tensor<index_t, 1>::uninitialized({set.size()});
    start_epoch(0);
  }

  index_t batches() const { return static_cast<index_t>(cuts_.size()); }  // in one epoch

  void start_epoch(index_t epoch) {
    if (epoch < 0 || epoch > std::numeric_limits<std::uint32_t>::max())
      throw_value_error("SequenceLoader: there is no epoch " + std::to_string(epoch));
    draw(shuffled_.view(), key_.seed, epoch);
    std::vector<index_t>& next = next_in_bucket_;
    next = first_in_bucket_;
    for (index_t i = 0; i < set_->size(); ++i) {
      const index_t item = shuffled_(i);
      order_(next[bucket_[static_cast<std::size_t>(item)]]++) = item;
    }
    if (options_.bounds.size() > 1)
      draw(batch_order_.view(), key_.seed + batch_order_seed, epoch);
    else
      std::iota(batch_order_.data(), batch_order_.data() + batches(), index_t(0));
  }

  // (B parts, C, L) of batch i of the epoch started last.
  Extents<3> batch_sizes(index_t i) const {
    const Cut& cut = cut_at(i);
    index_t L = options_.pad_to_bound ? options_.bounds[cut.bucket] : 0;
    for (index_t b = 0; b < cut.count && !options_.pad_to_bound; ++b)
      L = std::max(L, set_->length(order_(cut.first + b)));
    return {cut.count * set_->parts, set_->channels, L};
  }

  // Batch i of the epoch started last; valid until the next call.
  SequenceBatch<V, Y> batch(index_t i) {
    const Extents<3> sizes = batch_sizes(i);
    const TensorView<V, 3> x(x_.data(), sizes);
    const TensorView<Y, 2> y = y_.view().slice(0, 0, sizes[0] / set_->parts);
    const TensorView<index_t, 1> lengths = lengths_.view().slice(0, 0, sizes[0]);
    fill(i, x, y, lengths);
    return {x, y, lengths};
  }

  // The same into memory of the caller, dense and of the batch's sizes, as on the way to a device.
  void fill(index_t i, TensorView<V, 3> x, TensorView<Y, 2> y, TensorView<index_t, 1> lengths) const {
    const Cut& cut = cut_at(i);
    const Extents<3> sizes = batch_sizes(i);
    const index_t B = cut.count;
    if (x.sizes() != sizes || !x.contiguous() || y.sizes() != Extents<2>{B, set_->targets} ||
        lengths.size(0) != sizes[0])
      throw_shape_error("SequenceLoader: fill needs dense memory of batch " + std::to_string(i) + ", " +
                        to_string(sizes, "BCL") + "; x is " + to_string(x.sizes(), "BCL") + ", y " +
                        to_string(y.sizes(), "BM") + ", lengths " + to_string(lengths.sizes(), "B"));
    for (index_t b = 0; b < B; ++b) {
      const index_t item = order_(cut.first + b);
      for (index_t p = 0; p < set_->parts; ++p) {
        const TensorView<const X, 2> from = set_->sequence(item * set_->parts + p);
        lengths(p * B + b) = from.size(1);
        for (index_t c = 0; c < set_->channels; ++c) put_row(&x(p * B + b, c, 0), from, c, sizes[2]);
      }
      for (index_t m = 0; m < set_->targets; ++m) y(b, m) = set_->target(item)(m);
    }
  }

  // Where batch i lies in the data set: item numbers, valid until the next start_epoch.
  TensorView<const index_t, 1> places(index_t i) const {
    const Cut& cut = cut_at(i);
    return order_.view().slice(0, cut.first, cut.first + cut.count);
  }

  class Iterator {
   public:
    Iterator(SequenceLoader* loader, index_t i) : loader_(loader), i_(i) {}
    SequenceBatch<V, Y> operator*() const { return loader_->batch(i_); }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return i_ == other.i_; }

   private:
    SequenceLoader* loader_;
    index_t i_;
  };
  struct Epoch {
    SequenceLoader* loader;
    index_t first;
    Iterator begin() const { return {loader, first}; }
    Iterator end() const { return {loader, loader->batches()}; }
  };

  Epoch epoch(index_t number, index_t first_batch = 0) {
    if (first_batch < 0 || first_batch > batches())
      throw_value_error("SequenceLoader: an epoch of " + std::to_string(batches()) + " batches cannot start at batch " +
                        std::to_string(first_batch));
    start_epoch(number);
    return {this, first_batch};
  }

 private:
  struct Cut {  // a batch: items [first, first + count) of the order
    std::size_t bucket;
    index_t first, count;
  };
  static constexpr std::uint64_t batch_order_seed =
      0x9e3779b97f4a7c15;  // so that the two orders have nothing in common

  void find_buckets() {
    std::vector<index_t>& bounds = options_.bounds;
    if (bounds.empty()) bounds.push_back(set_->longest());
    for (std::size_t k = 0; k < bounds.size(); ++k)
      if (bounds[k] < 1 || (k > 0 && bounds[k] <= bounds[k - 1]))
        throw_value_error("SequenceLoader: the buckets' bounds must ascend from 1 on; number " + std::to_string(k) +
                          " is " + std::to_string(bounds[k]));
    if (set_->longest() > bounds.back())
      throw_value_error("SequenceLoader: " + set_->name + " has a sequence of " + std::to_string(set_->longest()) +
                        ", the last bucket ends at " + std::to_string(bounds.back()));
    first_in_bucket_.assign(bounds.size() + 1, 0);
    bucket_.resize(static_cast<std::size_t>(set_->size()));
    for (index_t i = 0; i < set_->size(); ++i) {
      const auto at = std::lower_bound(bounds.begin(), bounds.end(), set_->length(i)) - bounds.begin();
      bucket_[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(at);
      ++first_in_bucket_[static_cast<std::size_t>(at) + 1];
    }
    std::partial_sum(first_in_bucket_.begin(), first_in_bucket_.end(), first_in_bucket_.begin());
  }

  void cut_batches() {
    for (std::size_t k = 0; k + 1 < first_in_bucket_.size(); ++k)
      for (index_t at = first_in_bucket_[k]; at < first_in_bucket_[k + 1]; at += options_.batch) {
        const index_t count = std::min(options_.batch, first_in_bucket_[k + 1] - at);
        if (count == options_.batch || !options_.drop_last) cuts_.push_back({k, at, count});
      }
    if (cuts_.empty())
      throw_value_error("SequenceLoader: " + set_->name + " has " + std::to_string(set_->size()) + " items in " +
                        std::to_string(options_.bounds.size()) + " buckets, in none a batch of " +
                        std::to_string(options_.batch) + ", and drop_last is on; take a smaller batch");
    batch_order_ = Tensor<index_t, 1>::uninitialized({batches()});
  }

  void draw(TensorView<index_t, 1> order, std::uint64_t seed, index_t epoch) const {
    Generator generator(seed, key_.stream);
    generator.set_state({seed, key_.stream, static_cast<std::uint32_t>(epoch)});
    if (options_.shuffle)
      generator.permutation(order);
    else
      std::iota(order.data(), order.data() + order.size(0), index_t(0));
  }

  const Cut& cut_at(index_t i) const {
    if (i < 0 || i >= batches())
      throw_value_error("SequenceLoader: there is no batch " + std::to_string(i) + " of " + std::to_string(batches()));
    return cuts_[static_cast<std::size_t>(batch_order_(i))];
  }

  void put_row(V* to, TensorView<const X, 2> from, index_t c, index_t L) const {
    const index_t n = from.size(1);
    const X* row = &from(c, 0);
    for (index_t l = 0; l < n; ++l) to[l] = static_cast<V>(row[l]);
    std::fill(to + n, to + L, static_cast<V>(options_.pad));
  }

  const SequenceSet<X, Y>* set_;
  SequenceLoaderOptions options_;
  PhiloxKey key_;
  std::vector<std::uint32_t> bucket_;  // of every item
  std::vector<index_t> first_in_bucket_, next_in_bucket_;
  std::vector<Cut> cuts_;
  Tensor<index_t, 1> shuffled_, order_, batch_order_;
  Tensor<V, 1> x_;
  Tensor<Y, 2> y_;
  Tensor<index_t, 1> lengths_;
};

}  // namespace longwave
