#include "long_sequence/contiguous.hpp"

namespace longwave::examples {

namespace {

class ContiguousBatches final : public Batches {
 public:
  ContiguousBatches(const TokenSet& windows, index_t rows)
      : windows_(windows),
        batches_(windows.size() / rows),
        tokens_(rows, windows.longest()),
        classes_(rows, windows.targets),
        lengths_(rows) {
    for (index_t b = 0; b < rows; ++b) lengths_(b) = windows.longest();
  }

  index_t batches() const override { return batches_; }
  index_t items() const override { return batches_ * lengths_.size(0); }
  void start_epoch(index_t) override {}

  HostBatch batch(index_t i) override {
    for (index_t b = 0; b < lengths_.size(0); ++b) {
      const index_t window = b * batches_ + i;
      const TensorView<const Token, 1> from = windows_.sequence(window)[0];
      for (index_t l = 0; l < from.size(0); ++l) tokens_(b, l) = static_cast<index_t>(from(l));
      for (index_t m = 0; m < windows_.targets; ++m) classes_(b, m) = windows_.target(window)(m);
    }
    HostBatch out;
    out.items = lengths_.size(0);
    out.input.tokens = std::as_const(tokens_).view();
    out.input.lengths = std::as_const(lengths_).view();
    out.classes = std::as_const(classes_).view();
    return out;
  }

 private:
  const TokenSet& windows_;
  index_t batches_;
  Tensor<index_t, 2> tokens_, classes_;  // (B, L), (B, M)
  Tensor<index_t, 1> lengths_;
};

}  // namespace

std::unique_ptr<Batches> make_contiguous_batches(const Part& part, index_t batch, bool all_rows) {
  const auto* windows = std::get_if<TokenSet>(&part);
  if (windows == nullptr) throw_value_error("contiguous batches are of windows of tokens");
  if (windows->size() < 1 || (all_rows && windows->size() < batch))
    throw_value_error(windows->name + " has " + std::to_string(windows->size()) +
                      " windows, fewer than loader.batch = " + std::to_string(batch) +
                      " rows that go on side by side; lower it, or dataset.length");
  return std::make_unique<ContiguousBatches>(*windows, std::min(batch, windows->size()));
}

}  // namespace longwave::examples
