#include "long_sequence/judge.hpp"

#include <algorithm>

#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

constexpr std::size_t shown = 6;  // examples of each kind

double sureness(const Example& e) { return *std::max_element(e.probabilities.begin(), e.probabilities.end()); }

class Gallery {
 public:
  explicit Gallery(index_t classes) : seen_(static_cast<std::size_t>(classes)) {}

  void add(TensorView<const float, 1> scores, const HostBatch& batch, index_t b) {
    const index_t label = batch.classes(b, 0);
    const bool correct = largest(scores) == label;
    if (correct && (right_.size() == shown || seen_[static_cast<std::size_t>(label)])) return;
    Example example{{}, probabilities(scores), static_cast<int>(label)};
    if (!correct && wrong_.size() == shown && sureness(example) <= sureness(wrong_.back())) return;
    const bool tokens = batch.input.tokens.data() != nullptr;
    for (index_t l = 0; l < batch.input.lengths(b); ++l)
      example.sequence.push_back(tokens ? static_cast<float>(batch.input.tokens(b, l)) : batch.input.x(b, 0, l));
    if (correct) {
      seen_[static_cast<std::size_t>(label)] = true;
      right_.push_back(std::move(example));
      return;
    }
    const auto at = std::upper_bound(wrong_.begin(), wrong_.end(), example,
                                     [](const Example& a, const Example& c) { return sureness(a) > sureness(c); });
    wrong_.insert(at, std::move(example));
    if (wrong_.size() > shown) wrong_.pop_back();
  }

  std::vector<Example> take() {
    right_.insert(right_.end(), std::make_move_iterator(wrong_.begin()), std::make_move_iterator(wrong_.end()));
    return std::move(right_);
  }

 private:
  std::vector<bool> seen_;
  std::vector<Example> right_, wrong_;
};

}  // namespace

Judgement judge(Predictor& predictor, const Trained& trained, const Part& part, double rate) {
  Judgement out;
  out.items = size_of(part);
  const auto batches = make_batches(part, evaluation_batches(trained.options, trained.shape), Generator(0));
  const index_t K = trained.shape.outputs;
  Gallery gallery(K);
  ScoreSums sums;
  predictor.predict(*batches, rate, [&](index_t, TensorView<const float, 3> scores, const HostBatch& batch) {
    sums.add(scores, batch);
    if (!sums.of_classes) return;
    if (!out.matrix) out.matrix.emplace(K);
    for (index_t b = 0; b < scores.size(0); ++b) {
      for (index_t m = 0; m < scores.size(2); ++m) {
        const TensorView<const float, 1> at(&scores(b, 0, m), Extents<1>{K}, {scores.stride(1)});
        out.matrix->add(batch.classes(b, m), largest(at));
        if (scores.size(2) == 1) gallery.add(at, batch, b);
      }
    }
  });
  out.scores = mean_of(sums);
  out.examples = gallery.take();
  return out;
}

}  // namespace longwave::examples
