#include "longwave/metrics/classification.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("classification: precision, recall and F1 by hand") {
  ConfusionMatrix m(3);
  const int pairs[][2] = {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}, {1, 1}, {1, 1}, {2, 1}};
  for (const auto& [truth, prediction] : pairs) m.add(truth, prediction);
  CHECK(m.total() == 8);
  CHECK(m.accuracy() == 5.0 / 8);
  CHECK(m.precision(0) == 2.0 / 3);
  CHECK(m.recall(0) == 2.0 / 3);
  CHECK(m.precision(1) == 3.0 / 5);
  CHECK(m.recall(1) == 3.0 / 4);
  CHECK(m.f1(1) == 6.0 / 9);
  CHECK(m.precision(2) == 0);  // never predicted
  CHECK(m.f1(2) == 0);
  CHECK(m.macro_recall() == Approx((2.0 / 3 + 3.0 / 4) / 3));
  CHECK(m.macro_precision() == Approx((2.0 / 3 + 3.0 / 5) / 3));
  CHECK(m.macro_f1() == Approx((2.0 / 3 + 6.0 / 9) / 3));
  CHECK(m.counts()(1, 0) == 1);
  CHECK(m.counts()(0, 1) == 1);
}

TEST_CASE("classification: classes that do not occur do not lower the macro averages") {
  ConfusionMatrix m(5);
  m.add(0, 0);
  m.add(3, 3);
  CHECK(m.macro_f1() == 1);
  CHECK(ConfusionMatrix(2).accuracy() == 0);
  CHECK(ConfusionMatrix(2).macro_f1() == 0);
}

TEST_CASE("classification: the largest logit is the prediction, the first of equals") {
  Tensor<float, 2> logits(3, 4);
  logits(0, 2) = 1;
  logits(1, 3) = -1;
  logits(2, 0) = -2, logits(2, 1) = -1, logits(2, 2) = -1, logits(2, 3) = -3;
  Tensor<index_t, 1> y(3);
  y(0) = 2, y(1) = 0, y(2) = 1;
  CHECK(accuracy(logits.view(), y) == 1);
  y(2) = 2;
  CHECK(accuracy(logits.view(), y) == Approx(2.0 / 3));
  CHECK(accuracy(logits.view().transpose(0, 1).transpose(0, 1), y) == Approx(2.0 / 3));
}

TEST_CASE("classification: wrong classes, shapes and nan are refused") {
  ConfusionMatrix m(3);
  Tensor<double, 2> logits(2, 3);
  Tensor<index_t, 1> y(2), longer(3);
  CHECK(error_text<ValueError>([&] { m.add(3, 0); }) == "ConfusionMatrix: class 3 predicted as 0, expected 0 to 2");
  CHECK(error_text<ShapeError>([&] { m.add(logits.view(), longer); }) ==
        "ConfusionMatrix: logits are (B=2, K=3), y is (B=3), for 3 classes");
  logits(1, 2) = NAN;
  CHECK(error_text<ValueError>([&] { m.add(logits.view(), y); }) == "ConfusionMatrix: the logit at (1, 2) is nan");
  CHECK(error_text<ValueError>([] { ConfusionMatrix none(0); }) == "ConfusionMatrix: at least one class is needed");
}
