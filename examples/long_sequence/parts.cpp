#include "long_sequence/parts.hpp"

namespace longwave::examples {

namespace {

template <class X, class Y>
class BatchesOf final : public Batches {
 public:
  BatchesOf(const SequenceSet<X, Y>& set, const SequenceLoaderOptions& options, const Generator& gen)
      : loader_(set, options, gen), items_(options.drop_last ? loader_.batches() * options.batch : set.size()) {}

  index_t batches() const override { return loader_.batches(); }
  index_t items() const override { return items_; }
  void start_epoch(index_t epoch) override { loader_.start_epoch(epoch); }

  HostBatch batch(index_t i) override {
    const auto b = loader_.batch(i);
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
  SequenceLoader<X, Y> loader_;
  index_t items_;
};

}  // namespace

std::unique_ptr<Batches> make_batches(const Part& part, const BatchOptions& o, const Generator& gen) {
  return std::visit(
      [&]<class X, class Y>(const SequenceSet<X, Y>& set) -> std::unique_ptr<Batches> {
        SequenceLoaderOptions options{.batch = o.batch, .shuffle = o.shuffle, .drop_last = o.drop_last};
        if (o.buckets > 1) options.bounds = equal_buckets(set.lengths(), o.buckets);
        return std::make_unique<BatchesOf<X, Y>>(set, options, gen);
      },
      part);
}

}  // namespace longwave::examples
