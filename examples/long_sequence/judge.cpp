#include "long_sequence/judge.hpp"

#include <algorithm>

#include "long_sequence/trainer_on.hpp"
#include "longwave/metrics/ranking.hpp"

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
  index_t in_five = 0;
  std::vector<double> margins;  // of two classes: by how much the second is more probable
  std::vector<bool> second;
  ScoreSums sums;
  predictor.predict(*batches, rate, [&](index_t, TensorView<const float, 3> scores, const HostBatch& batch) {
    sums.add(scores, batch);
    if (!sums.of_classes) return;
    if (!out.matrix) out.matrix.emplace(K);
    for (index_t b = 0; b < scores.size(0); ++b) {
      for (index_t m = 0; m < scores.size(2); ++m) {
        const TensorView<const float, 1> at(&scores(b, 0, m), Extents<1>{K}, {scores.stride(1)});
        const index_t label = batch.classes(b, m);
        out.matrix->add(label, largest(at));
        if (K > 5 && in_top(at, label, 5)) ++in_five;
        if (K == 2) {
          margins.push_back(static_cast<double>(at(1)) - static_cast<double>(at(0)));
          second.push_back(label == 1);
        }
        if (scores.size(2) == 1) gallery.add(at, batch, b);
      }
    }
  });
  out.scores = mean_of(sums);
  if (K > 5 && out.matrix) out.top_five = static_cast<double>(in_five) / static_cast<double>(out.matrix->total());
  out.roc_auc = roc_auc(margins, second);
  out.examples = gallery.take();
  return out;
}

}  // namespace longwave::examples
