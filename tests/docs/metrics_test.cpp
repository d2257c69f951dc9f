// The snippets of docs/course/17_metrics.md.
#include <cmath>
#include <numbers>

#include "check.hpp"
#include "files.hpp"
#include "longwave/data/csv.hpp"
#include "longwave/data/series.hpp"
#include "longwave/data/trace_split.hpp"
#include "longwave/metrics/regression.hpp"
#include "longwave/metrics/sequence.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<std::int32_t, 2> table(index_t rows, index_t columns, const std::vector<std::int32_t>& values) {
  Tensor<std::int32_t, 2> ids(rows, columns);
  std::copy(values.begin(), values.end(), ids.data());
  return ids;
}

}  // namespace

TEST_CASE("course 17: a table with gaps becomes windows and masks") {
  const TemporaryFolder folder;
  std::string text = "date,load,OT\n";
  for (int i = 0; i < 100; ++i)
    text += "hour " + std::to_string(i) + "," + (i % 9 == 4 ? "" : std::to_string(i % 24)) + ",30.5\n";
  const std::string path = folder / "table.csv";
  write_text(path, text);
  // [snippet: metrics_series]
  const CsvTable<float> table = read_csv<float>(path);  // (rows, C), NaN where a cell is empty; dates in table.text
  const RowRange training = {0, 80};
  const Normalizer<float> scale = fit_observed(table.values.view(), training);
  Tensor<float, 3> x = series_windows(table.values.view(), training, {.length = 24, .stride = 8});  // (n, C, L)
  scale.apply(x.view());
  const Tensor<float, 3> mask = take_missing(x.view());  // 1 = observed; x is 0 where it was NaN
  // [/snippet]
  CHECK(x.sizes() == Extents<3>{8, 2, 24});
  CHECK(mask(0, 0, 4) == 0);
  CHECK(mask(0, 1, 4) == 1);
  CHECK(x(0, 0, 4) == 0);
  CHECK(table.text[1] == "hour 1");
}

TEST_CASE("course 17: traces, their vocabulary and scale") {
  const TemporaryFolder folder;
  const std::string path = folder / "training";
  write_text(path, "1,2,3,1\n5,5,1,2\nbroken\n1,2,3,5");
  // [snippet: metrics_traces]
  const Traces file = read_traces(path);                         // text or npy; file.unparsable lines were left out
  const Tensor<std::int32_t, 2> train = equal_lengths(file, 4);  // (N, L)
  const EventVocabulary known(train.view());
  const IdScale scale(train.view());
  const Tensor<float, 3> x = scale.to_unit<float>(train.view());           // (N, 1, L) in [0, 1]
  const Tensor<std::int32_t, 2> back = scale.to_ids(x.view(), known);      // the nearest known ids
  const Tensor<index_t, 2> classes = known.places(train.view(), "train");  // 0 .. size() - 1, or an error
  // [/snippet]
  CHECK(file.unparsable == 1);
  CHECK(same_bits(back, train));
  CHECK(classes(1, 0) == 3);
}

TEST_CASE("course 17: a loop that comes round with another phase is in no test window") {
  std::vector<std::int32_t> recording;
  for (int i = 0; i < 1000; ++i) recording.push_back(i < 500 ? i % 97 : i * i % 1009);
  // [snippet: metrics_split]
  const TraceSplit split = split_stream(recording, 20, 5);
  CHECK(unseen_rows(split.test, split.train).size() == static_cast<std::size_t>(split.test.size(0)));
  // [/snippet]
  CHECK(split.test.size(0) > 0);
}

TEST_CASE("course 17: scores of imputed events") {
  // [snippet: metrics_impute]
  const auto truth = table(1, 8, {1, 2, 3, 1, 2, 3, 1, 2}), guess = table(1, 8, {1, 2, 1, 2, 3, 1, 1, 2});
  const auto mask = table(1, 8, {1, 1, 0, 0, 0, 0, 1, 1});  // 0: to impute, here 3 1 2 3; the guess is 1 2 3 1
  const ImputeScores scores = impute_scores(guess.view(), truth, mask.view());
  CHECK(scores.accuracy == 0);    // every event one place too early
  CHECK(scores.rouge_l == 0.75);  // but 1 2 3 in the right order
  CHECK(scores.perfect_rate == 0);
  // [/snippet]
  CHECK(scores.positions == 4);
}

TEST_CASE("course 17: generated sequences among real ones") {
  const auto real = table(2, 4, {1, 2, 3, 4, 1, 1, 2, 2}), generated = table(2, 4, {1, 2, 3, 5, 2, 2, 1, 1});
  // [snippet: metrics_generation]
  const BestMatches matches = best_matches(rows_of(generated), rows_of(real));  // each against all real ones
  const EventCounts p(rows_of(real)), q(rows_of(generated));
  const double common = kl_divergence(p, q);  // over the events that both have
  const double all = kl_smoothed(p, q);       // over all events, none with share 0
  // [/snippet]
  CHECK(matches.rouge_ls == std::vector<double>{0.75, 0.5});
  CHECK(common < all);
}

TEST_CASE("course 17: samples of a forecast") {
  // [snippet: metrics_crps]
  Tensor<double, 4> samples(1000, 1, 1, 1);  // (S, B, C, L), here of the standard normal distribution
  Generator(1).normal(samples.view());
  Tensor<double, 3> target(1, 1, 1), mask(1, 1, 1);  // mask 0: to be scored
  target(0, 0, 0) = 0.5;
  const SampleScores scores = sample_scores(samples.view(), target.view(), mask.view());
  const double below = std::erfc(-0.5 / std::numbers::sqrt2) / 2,
               density = std::exp(-0.125) / std::sqrt(2 * std::numbers::pi);
  const double exact = 0.5 * (2 * below - 1) + 2 * density - 1 / std::sqrt(std::numbers::pi);
  CHECK(scores.crps_samples == Approx(exact).margin(0.02));
  // [/snippet]
}
