// classification.hpp - counts of (truth, prediction) pairs and what follows from them.
//
//   ConfusionMatrix m(10);
//   m.add(logits, y);                    // logits (B, K), y (B): the prediction is the largest, the first of equals
//   m.accuracy();  m.f1(3);  m.macro_f1();
//
// precision = right / predicted, recall = right / true, F1 = 2 right / (predicted + true). Where a quotient is 0 / 0
// (a class never predicted, or absent) the value is 0, and macro averages run over the classes that occur.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/tensor.hpp"
#include "longwave/cuda/memory.hpp"

namespace longwave {

class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(index_t classes) : counts_(classes, classes) {
    if (classes < 1) throw_value_error("ConfusionMatrix: at least one class is needed");
  }

  void add(index_t truth, index_t prediction) {
    if (truth < 0 || truth >= classes() || prediction < 0 || prediction >= classes())
      throw_value_error("ConfusionMatrix: class " + std::to_string(truth) + " predicted as " +
                        std::to_string(prediction) + ", expected 0 to " + std::to_string(classes() - 1));
    ++counts_(truth, prediction);
    ++total_;
  }

  template <class T>
  void add(TensorView<T, 2> logits, TensorView<const index_t, 1> y) {
    if (logits.size(0) != y.size(0) || logits.size(1) != classes())
      throw_shape_error("ConfusionMatrix: logits are " + to_string(logits.sizes(), "BK") + ", y is " +
                        to_string(y.sizes(), "B") + ", for " + std::to_string(classes()) + " classes");
    for (index_t b = 0; b < y.size(0); ++b) add(y(b), largest(logits[b], b));
  }

  // The same of a batch on the device, copied here first.
  template <class T>
  void add(TensorView<T, 2, Cuda> logits, TensorView<const index_t, 1, Cuda> y) {
    const auto scores = cuda::to_host(logits);
    const auto truth = cuda::to_host(y);
    add(scores.view(), truth.view());
  }

  index_t classes() const { return counts_.size(0); }
  index_t total() const { return total_; }
  TensorView<const index_t, 2> counts() const { return counts_.view(); }  // (truth, prediction)

  double accuracy() const {
    index_t right = 0;
    for (index_t k = 0; k < classes(); ++k) right += counts_(k, k);
    return ratio(right, total_);
  }
  double precision(index_t k) const { return ratio(counts_(k, k), predicted(k)); }
  double recall(index_t k) const { return ratio(counts_(k, k), occurring(k)); }
  double f1(index_t k) const { return ratio(2 * counts_(k, k), predicted(k) + occurring(k)); }

  double macro_precision() const {
    return macro([this](index_t k) { return precision(k); });
  }
  double macro_recall() const {
    return macro([this](index_t k) { return recall(k); });
  }
  double macro_f1() const {
    return macro([this](index_t k) { return f1(k); });
  }

 private:
  static double ratio(index_t part, index_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
  index_t predicted(index_t k) const {
    index_t n = 0;
    for (index_t truth = 0; truth < classes(); ++truth) n += counts_(truth, k);
    return n;
  }
  index_t occurring(index_t k) const {
    index_t n = 0;
    for (index_t prediction = 0; prediction < classes(); ++prediction) n += counts_(k, prediction);
    return n;
  }
  template <class F>
  double macro(F&& score) const {
    double sum = 0;
    index_t n = 0;
    for (index_t k = 0; k < classes(); ++k) {
      if (occurring(k) == 0) continue;
      sum += score(k);
      ++n;
    }
    return n == 0 ? 0 : sum / static_cast<double>(n);
  }
  template <class T>
  static index_t largest(TensorView<T, 1> row, index_t b) {
    index_t best = 0;
    for (index_t k = 0; k < row.size(0); ++k) {
      if (std::isnan(row(k)))
        throw_value_error("ConfusionMatrix: the logit at (" + std::to_string(b) + ", " + std::to_string(k) +
                          ") is nan");
      if (row(k) > row(best)) best = k;
    }
    return best;
  }

  Tensor<index_t, 2> counts_;
  index_t total_ = 0;
};

// Share of rows whose largest logit is at the label. logits (B, K), y (B).
template <class T, device D>
double accuracy(TensorView<T, 2, D> logits, std::type_identity_t<TensorView<const index_t, 1, D>> y) {
  ConfusionMatrix m(logits.size(1));
  m.add(logits, y);
  return m.accuracy();
}

}  // namespace longwave
