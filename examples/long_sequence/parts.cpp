#include "long_sequence/parts.hpp"

#include "long_sequence/contiguous.hpp"

namespace longwave::examples {

namespace {

constexpr std::uint32_t augmentation_stream = 200;  // of random numbers, apart from the one of the order

template <class X, class Y>
class BatchesOf final : public Batches {
 public:
  using V = typename SequenceLoader<X, Y>::V;

  BatchesOf(const SequenceSet<X, Y>& set, const SequenceLoaderOptions& options,
            const std::optional<Augmentation>& augmentation, FreshPart fresh, const Generator& gen)
      : fresh_(std::move(fresh)),
        own_(fresh_ ? set : SequenceSet<X, Y>()),
        loader_(fresh_ ? own_ : set, options, gen),
        items_(options.drop_last ? loader_.batches() * options.batch : set.size()),
        augmentation_(augmentation),
        seed_(gen.state().seed) {
    if (augmentation_)
      augmented_ = Tensor<V, 1>::uninitialized({std::min(options.batch, set.size()) * set.channels * set.longest()});
  }

  index_t batches() const override { return loader_.batches(); }
  index_t items() const override { return items_; }
  void start_epoch(index_t epoch) override {
    if (fresh_ && epoch != epoch_) own_ = std::get<SequenceSet<X, Y>>(fresh_(epoch));
    epoch_ = epoch;
    loader_.start_epoch(epoch);
  }

  HostBatch batch(index_t i) override {
    auto b = loader_.batch(i);
    if (augmentation_) b.x = augmented(b.x, i);
    HostBatch out;
    out.items = b.y.size(0);
    out.input.lengths = b.lengths;
    if constexpr (SequenceSet<X, Y>::has_tokens)
      out.input.tokens = b.tokens();
    else
      out.input.x = b.x;
    if constexpr (SequenceSet<X, Y>::has_classes)
      out.classes = b.y;
    else
      out.values = b.y;
    return out;
  }

 private:
  TensorView<const V, 3> augmented(TensorView<const V, 3> x, index_t i) {
    const TensorView<V, 3> to(augmented_.data(), x.sizes());
    copy(to, x);
    const auto draw = static_cast<std::uint32_t>(epoch_ * loader_.batches() + i);
    crop_flip(to, augmentation_->height, augmentation_->width, augmentation_->how, {seed_, augmentation_stream, draw},
              image_);
    return to;
  }

  FreshPart fresh_;
  SequenceSet<X, Y> own_;  // that of epoch_, where each has one
  SequenceLoader<X, Y> loader_;
  index_t items_;
  std::optional<Augmentation> augmentation_;
  std::uint64_t seed_;
  index_t epoch_ = 0;
  Tensor<V, 1> augmented_;
  std::vector<V> image_;  // room for one
};

}  // namespace

std::unique_ptr<Batches> make_batches(const Part& part, const BatchOptions& o, const Generator& gen) {
  if (o.contiguous) return make_contiguous_batches(part, o.batch, o.shuffle);
  return std::visit(
      [&]<class X, class Y>(const SequenceSet<X, Y>& set) -> std::unique_ptr<Batches> {
        SequenceLoaderOptions options{.batch = o.batch, .shuffle = o.shuffle, .drop_last = o.drop_last};
        if (o.buckets > 1) options.bounds = equal_buckets(set.lengths(), o.buckets);
        options.pad_to_bound = o.pad_to_bound && !options.bounds.empty();
        return std::make_unique<BatchesOf<X, Y>>(set, options, o.augmentation, o.fresh, gen);
      },
      part);
}

}  // namespace longwave::examples
