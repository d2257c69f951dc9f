#include "sssd/scores.hpp"

#include <nlohmann/json.hpp>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::examples::sssd;

namespace {

template <int N>
Tensor<float, N> values(Extents<N> sizes, const std::vector<float>& numbers) {
  Tensor<float, N> x(sizes);
  std::copy(numbers.begin(), numbers.end(), x.data());
  return x;
}

std::vector<std::string> keys(const nlohmann::ordered_json& json) {
  std::vector<std::string> names;
  for (const auto& [key, value] : json.items()) names.push_back(key);
  return names;
}

}  // namespace

TEST_CASE("sssd scores: events, the model first and the baselines beside it") {
  const auto target = values<3>({2, 1, 4}, {1, 2, 3, 1, 1, 1, 1, 2}),
             mask = values<3>({2, 1, 4}, {1, 0, 0, 1, 1, 0, 0, 1});
  const auto train = values<3>({3, 1, 4}, {1, 2, 3, 1, 1, 1, 1, 2, 1, 4, 1, 1});
  const auto model = values<3>({2, 1, 4}, {1, 2.2f, 3.4f, 1, 1, 1, 2, 2});
  const ImputeTask task{target, mask, train};
  const auto scores = score_events(task, model);
  REQUIRE(scores.size() == 4);
  CHECK(scores[0].name == "model");
  CHECK(scores[0].scores.accuracy == 0.75);
  CHECK(scores[0].scores.perfect_rate == 0.5);
  CHECK(scores[1].name == "majority");
  CHECK(scores[1].scores.accuracy == 0.5);
  CHECK(scores[3].scores.accuracy == 1);
  CHECK(score_events(task).size() == 3);

  const auto json = nlohmann::ordered_json::parse(json_of(scores));
  CHECK(keys(json) == std::vector<std::string>{"model", "baselines"});
  CHECK(json["model"]["perfect_rate"] == 0.5);
  CHECK(keys(json["baselines"]) == std::vector<std::string>{"majority", "copy_previous", "nearest_training_sequence"});
  const std::string text = text_of(table_of(scores));
  CHECK(contains(text, "model" + std::string(24, ' ') + "75.00 %    50.00 %"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  CHECK(contains(error_text<ShapeError>([&] {
                   score_events({values<3>({1, 2, 1}, {1, 1}), mask, train});
                 }),
                 "expected one channel"));
  CHECK(contains(error_text<ShapeError>([&] {
                   score_events(task, values<3>({1, 1, 4}, {1, 1, 1, 1}));
                 }),
                 "model and target differ in shape"));
}

TEST_CASE("sssd scores: series, without the values that were never known") {
  const auto target = values<3>({1, 1, 4}, {1, 2, 3, 99}), mask = values<3>({1, 1, 4}, {1, 0, 1, 0});
  const auto known = values<3>({1, 1, 4}, {1, 1, 1, 0}), train = values<3>({1, 1, 4}, {4, 4, 4, 8});
  const auto samples = values<4>({3, 1, 1, 4}, {1, 2.5f, 3, 0, 1, 1.5f, 3, 0, 1, 3, 3, 0});
  ImputeTask task{target, mask, train, known, known};
  const auto scores = score_series(task, samples);
  REQUIRE(scores.size() == 5);
  CHECK(scores[0].scores.entries == 1);
  CHECK(scores[0].scores.mae == 0.5);
  CHECK(scores[1].name == "mean");
  CHECK(scores[1].scores.mae == 2);  // of the known ones: 4
  CHECK(scores[3].name == "linear");
  CHECK(scores[3].scores.mae == 0);
  CHECK(scores[3].scores.crps_quantile == 0);
  const auto json = nlohmann::ordered_json::parse(json_of(scores));
  CHECK(json["baselines"]["mean"]["mae"] == 2);
  CHECK(keys(json["model"]) == std::vector<std::string>{"mae", "rmse", "crps", "crps_samples", "coverage", "entries"});
  CHECK(contains(text_of(table_of(scores)), "seasonal"));
}

TEST_CASE("sssd scores: generation with the published names, and two makeshifts beside it") {
  const std::vector<std::int32_t> a = {1, 2, 3, 4}, b = {1, 1, 2, 2}, c = {1, 2, 9, 4}, d = {2, 2};
  const std::vector<EventSequence> real = {a, b}, generated = {c, d};
  const GenerationScores scores = score_generation(generated, real);
  CHECK(scores.matches.accuracies == std::vector<double>{0.75, 0});
  CHECK(scores.matches.rouge_ls == std::vector<double>{0.75, 0.5});
  const auto json = nlohmann::ordered_json::parse(json_of(scores));
  CHECK(keys(json) == std::vector<std::string>{"similarity_metrics", "distribution_metrics"});
  CHECK(keys(json["similarity_metrics"]) ==
        std::vector<std::string>{"accuracy", "accuracy_std", "rouge_l", "rouge_l_std"});
  CHECK(keys(json["distribution_metrics"]) == std::vector<std::string>{"kl_divergence", "gen_unique_events",
                                                                       "real_unique_events", "gen_mean_length",
                                                                       "real_mean_length", "kl_smoothed"});
  CHECK(json["similarity_metrics"]["accuracy"] == 0.375);
  CHECK(json["similarity_metrics"]["accuracy_std"] == 0.375);
  CHECK(json["distribution_metrics"]["gen_unique_events"] == 4);
  CHECK(json["distribution_metrics"]["real_unique_events"] == 4);
  CHECK(json["distribution_metrics"]["gen_mean_length"] == 3);
  const ScoreTable table = generation_table(scores, generated, real);
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[1][5] == "1");  // the majority event alone
  CHECK(table.rows[0][5] == "4");
  CHECK(contains(error_text<ValueError>([&] { score_generation({}, real); }), "there are no events to compare"));
}
