// scores.hpp - scores of a run with the baselines beside them, as tables and as JSON.
#pragma once

#include <string>
#include <vector>

#include "longwave/metrics/regression.hpp"
#include "longwave/metrics/sequence.hpp"
#include "sssd/baselines.hpp"

namespace longwave::examples::sssd {

// What imputations are scored on: target (N, C, L), mask (N, C, L) with 1 = shown to the model. Baselines learn from
// `train` (M, C, L). known and train_known: 1, or 0 where the data lack a value; empty: they lack none.
struct ImputeTask {
  Values target, mask, train;
  Values known = {}, train_known = {};
  index_t period = 24;  // series: of the seasonal baseline
};

struct EventScores {
  std::string name;
  ImputeScores scores;
};
struct SeriesScores {
  std::string name;
  SampleScores scores;
};

// Ids of events, C = 1. First the model's imputation (N, 1, L), which need not be whole numbers, then the baselines
// majority, copy previous and nearest training sequence. An empty `model`: the baselines alone.
std::vector<EventScores> score_events(const ImputeTask& task, Values model = {});

// The same of one imputation, without baselines.
ImputeScores score_imputation(const ImputeTask& task, Values imputed);

// Numbers. First the model's samples (S, N, C, L), then the baselines mean, previous value, linear and seasonal.
std::vector<SeriesScores> score_series(const ImputeTask& task, TensorView<const float, 4> samples = {});

struct ScoreTable {
  std::string title;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};
ScoreTable table_of(const std::vector<EventScores>& scores);
ScoreTable table_of(const std::vector<SeriesScores>& scores);
std::string text_of(const ScoreTable& table);  // columns of equal width, one line per row

// {"model": {...}, "baselines": {"majority": {...}, ...}}, indented
std::string json_of(const std::vector<EventScores>& scores);
std::string json_of(const std::vector<SeriesScores>& scores);

// Generated sequences among real ones.
struct GenerationScores {
  BestMatches matches;
  double kl_divergence = 0, kl_smoothed = 0;
  index_t generated_unique = 0, real_unique = 0;
  double generated_mean_length = 0, real_mean_length = 0;
};
GenerationScores score_generation(const std::vector<EventSequence>& generated, const std::vector<EventSequence>& real);

// {"similarity_metrics": {...}, "distribution_metrics": {...}} with the names of the published evaluation, and
// kl_smoothed.
std::string json_of(const GenerationScores& scores);

// The model's generation, then sequences of the majority event alone, and of events drawn one by one by frequency.
ScoreTable generation_table(const GenerationScores& scores, const std::vector<EventSequence>& generated,
                            const std::vector<EventSequence>& real);

}  // namespace longwave::examples::sssd
