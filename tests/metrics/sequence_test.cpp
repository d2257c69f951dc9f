#include "longwave/metrics/sequence.hpp"

#include "check.hpp"
#include "files.hpp"
#include "longwave/core/random.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Ids = Tensor<std::int32_t, 2>;

Ids table(index_t rows, index_t columns, const std::vector<std::int32_t>& values) {
  Ids ids(rows, columns);
  std::copy(values.begin(), values.end(), ids.data());
  return ids;
}

Ids draw(index_t rows, index_t length, std::uint64_t seed) {
  Tensor<double, 2> u(rows, length);
  Generator(seed).uniform(u.view(), 1, 7);
  Ids ids(rows, length);
  for (index_t i = 0; i < ids.count(); ++i) ids.data()[i] = static_cast<std::int32_t>(u.data()[i]);
  return ids;
}

}  // namespace

TEST_CASE("sequence: imputation scores by hand") {
  const Ids truth = table(3, 4, {1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 1});
  Tensor<float, 2> mask(3, 4), predicted(3, 4);
  const float m[] = {1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1}, p[] = {9, 2.4f, 2.6f, 9, 6.25f, 7, 7, 9, 9, 9, 9, NAN};
  std::copy_n(m, 12, mask.data());
  std::copy_n(p, 12, predicted.data());
  const ImputeScores s = impute_scores(predicted.view(), truth, mask.view());
  CHECK(s.sequences == 2);  // the third has nothing to impute, whatever stands in the prediction
  CHECK(s.positions == 5);
  CHECK(s.accuracy == Approx((1 + 1.0 / 3) / 2));
  CHECK(s.perfect_rate == 0.5);
  CHECK(s.rouge_l == Approx((1 + 2.0 / 3) / 2));  // 6 7 of 6 7 7 and 5 6 7
  CHECK(s.rouge_l_whole == Approx((1 + 3.0 / 4) / 2));
  CHECK(s.mse == Approx((0.16 + 0.16 + 1.5625 + 1 + 0) / 5).epsilon(1e-6));
}

TEST_CASE("sequence: an imputation of the truth is perfect, for every type and view") {
  const Ids truth = draw(7, 31, 1);
  Tensor<double, 2> predicted(31, 7);
  Tensor<int, 2> mask(7, 31);
  for (index_t r = 0; r < 7; ++r)
    for (index_t l = 0; l < 31; ++l) predicted(l, r) = truth(r, l) + 0.4, mask(r, l) = l % 3 == r % 3 ? 0 : 1;
  const ImputeScores s = impute_scores(predicted.view().transpose(0, 1), truth, mask.view());
  CHECK(s.accuracy == 1);
  CHECK(s.perfect_rate == 1);
  CHECK(s.rouge_l == 1);
  CHECK(s.rouge_l_whole == 1);
  CHECK(s.mse == Approx(0.16));
}

TEST_CASE("sequence: imputation errors") {
  const Ids truth = table(1, 2, {1, 2});
  Tensor<float, 2> mask(1, 2), predicted(1, 2), ones(1, 2);
  ones(0, 0) = ones(0, 1) = 1;
  CHECK(error_text<ValueError>([&] { impute_scores(predicted.view(), truth, ones.view()); }) ==
        "impute_scores: the mask leaves nothing to impute: every entry is 1");
  predicted(0, 1) = NAN;
  CHECK(error_text<ValueError>([&] { impute_scores(predicted.view(), truth, mask.view()); }) ==
        "impute_scores: the prediction at (0, 1) is nan, which is no event id");
  CHECK(error_text<ShapeError>([&] { impute_scores(predicted.view(), truth, Tensor<float, 2>(2, 1).view()); }) ==
        "impute_scores: mask and truth differ in shape: mask is (2, 1), truth is (1, 2)");
}

TEST_CASE("sequence: counts and frequencies") {
  const Ids ids = table(2, 4, {3, 1, 3, 2, 2, 9, 1, 3});
  const EventCounts counts(rows_of(ids));
  CHECK(counts.ids == std::vector<std::int32_t>{1, 2, 3, 9});
  CHECK(counts.counts == std::vector<index_t>{2, 2, 3, 1});
  CHECK(counts.total == 8);
  CHECK(counts.unique() == 4);
  CHECK(counts.frequency(9) == 0.125);
  CHECK(counts.frequency(4) == 0);
  CHECK(counts.majority() == 3);
  CHECK(EventCounts(rows_of(table(1, 4, {7, 5, 5, 7}))).majority() == 5);
  CHECK(error_text<ValueError>([] { static_cast<void>(EventCounts().majority()); }) ==
        "EventCounts: there are no events");
}

TEST_CASE("sequence: KL over the common events as it is, smoothed over all") {
  const EventCounts real(rows_of(table(1, 4, {1, 1, 2, 3}))), generated(rows_of(table(1, 4, {1, 2, 2, 4})));
  CHECK(kl_divergence(real, generated) == Approx(0.5 * std::log(2) + 0.25 * std::log(0.5)));
  CHECK(kl_divergence(real, real) == 0);
  CHECK(kl_divergence(real, EventCounts(rows_of(table(1, 1, {1})))) == Approx(0.5 * std::log(0.5)));  // negative
  const double e = 1e-10, n = 1 + 4 * e;
  const double want = (0.5 + e) / n * std::log((0.5 + e) / (0.25 + e)) +
                      (0.25 + e) / n * std::log((0.25 + e) / (0.5 + e)) + (0.25 + e) / n * std::log((0.25 + e) / e) +
                      e / n * std::log(e / (0.25 + e));
  CHECK(kl_smoothed(real, generated) == Approx(want));
  CHECK(kl_smoothed(real, real) == 0);
  CHECK(kl_smoothed(real, EventCounts(rows_of(table(1, 1, {1})))) > 5);
  CHECK(kl_smoothed(real, generated, 0.1) < kl_smoothed(real, generated));
  CHECK(contains(error_text<ValueError>([&] { kl_smoothed(real, EventCounts()); }), "one side has no events"));
}

TEST_CASE("sequence: best matches against a search of all pairs, with any lengths") {
  const Ids real = draw(23, 40, 2), short_real = draw(5, 33, 3), generated = draw(11, 40, 4);
  std::vector<EventSequence> real_rows = rows_of(real), generated_rows = rows_of(generated);
  for (const EventSequence& s : rows_of(short_real)) real_rows.push_back(s);
  real_rows.push_back(real_rows[0]);  // twice the same changes nothing
  generated_rows.push_back(real_rows[3]);
  generated_rows.push_back(EventSequence(real_rows[3]).first(20));
  const BestMatches scores = best_matches(generated_rows, real_rows);
  REQUIRE(scores.accuracies.size() == 13);
  double accuracy_sum = 0, rouge_sum = 0, rouge_squares = 0;
  for (std::size_t g = 0; g < 13; ++g) {
    double accuracy = 0, rouge = 0;
    for (const EventSequence& r : real_rows) {
      index_t equal = 0;
      for (std::size_t i = 0; r.size() == generated_rows[g].size() && i < r.size(); ++i)
        equal += r[i] == generated_rows[g][i] ? 1 : 0;
      accuracy = std::max(accuracy, static_cast<double>(equal) / static_cast<double>(r.size()));
      const auto lcs = static_cast<double>(lcs_length(r, generated_rows[g]));
      rouge = std::max(rouge, lcs / static_cast<double>(r.size()));
    }
    CHECK(scores.accuracies[g] == accuracy);
    CHECK(scores.rouge_ls[g] == rouge);
    accuracy_sum += accuracy, rouge_sum += rouge, rouge_squares += rouge * rouge;
  }
  CHECK(scores.accuracies[11] == 1);
  CHECK(scores.accuracies[12] == 0);  // no real sequence of its length
  CHECK(scores.accuracy == Approx(accuracy_sum / 13));
  CHECK(scores.rouge_l == Approx(rouge_sum / 13));
  CHECK(scores.rouge_l_std == Approx(std::sqrt(rouge_squares / 13 - std::pow(rouge_sum / 13, 2))));
}

TEST_CASE("sequence: best matches are the same bits for any number of threads, and defined for nothing") {
  const Ids real = draw(17, 70, 5), generated = draw(19, 70, 6);
  set_num_threads(1);
  const BestMatches one = best_matches(rows_of(generated), rows_of(real));
  set_num_threads(4);
  const BestMatches four = best_matches(rows_of(generated), rows_of(real));
  set_num_threads(0);
  CHECK(one.rouge_l == four.rouge_l);
  CHECK(one.rouge_ls == four.rouge_ls);
  CHECK(one.accuracies == four.accuracies);
  CHECK(best_matches({}, rows_of(real)).accuracy == 0);
  CHECK(best_matches(rows_of(generated), {}).rouge_l == 0);
}
