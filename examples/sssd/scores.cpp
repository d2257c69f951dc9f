#include "sssd/scores.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "longwave/core/random.hpp"

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;

std::string number(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}
std::string percent(double part) { return number("%.2f %%", 100 * part); }

// A target that is NaN where the data have no value, so that nothing is scored there.
Tensor<float, 3> scored_target(const ImputeTask& task) {
  check_same_shape("scores", "mask", task.mask, "target", task.target);
  auto target = Tensor<float, 3>::uninitialized(task.target.sizes());
  for (index_t n = 0; n < target.size(0); ++n)
    for (index_t c = 0; c < target.size(1); ++c)
      for (index_t l = 0; l < target.size(2); ++l)
        target(n, c, l) = task.known.data() != nullptr && task.known(n, c, l) == 0 ? NAN : task.target(n, c, l);
  return target;
}

TensorView<const float, 4> one_sample(const Tensor<float, 3>& x) {
  return x.view().reshape(Extents<4>{1, x.size(0), x.size(1), x.size(2)});
}

Json to_json(const ImputeScores& s) {
  return {{"accuracy", s.accuracy},
          {"perfect_rate", s.perfect_rate},
          {"rouge_l", s.rouge_l},
          {"rouge_l_whole", s.rouge_l_whole},
          {"mse", s.mse},
          {"sequences", s.sequences},
          {"positions", s.positions}};
}
Json to_json(const SampleScores& s) {
  return {{"mae", s.mae},           {"rmse", s.rmse},      {"crps", s.crps_quantile}, {"crps_samples", s.crps_samples},
          {"coverage", s.coverage}, {"entries", s.entries}};
}

template <class Scores>
std::string with_baselines(const std::vector<Scores>& all) {
  Json json;
  for (const Scores& s : all) (s.name == "model" ? json["model"] : json["baselines"][s.name]) = to_json(s.scores);
  return json.dump(2);
}

// Where names hold UTF-8 the width is a byte or two short, no more.
std::string padded(const std::string& cell, std::size_t width, bool left) {
  const std::string blanks(width > cell.size() ? width - cell.size() : 0, ' ');
  return left ? cell + blanks : blanks + cell;
}

double mean_length(const std::vector<EventSequence>& sequences) {
  double sum = 0;
  for (const EventSequence& s : sequences) sum += static_cast<double>(s.size());
  return sequences.empty() ? 0 : sum / static_cast<double>(sequences.size());
}

// As many sequences as `like`, of its lengths, each event event(i), i counted over all.
template <class Event>
GenerationScores score_made(const std::vector<EventSequence>& like, const std::vector<EventSequence>& real,
                            Event&& event) {
  std::vector<std::int32_t> ids;
  for (const EventSequence& s : like)
    for (std::size_t i = 0; i < s.size(); ++i) ids.push_back(event(static_cast<index_t>(ids.size())));
  std::vector<EventSequence> made;
  std::size_t begin = 0;
  for (const EventSequence& s : like) {
    made.push_back(EventSequence(ids).subspan(begin, s.size()));
    begin += s.size();
  }
  return score_generation(made, real);
}

}  // namespace

namespace {

// Ids of the target (N, 1, L) as whole numbers (N, L).
Tensor<std::int32_t, 2> true_ids(const ImputeTask& task) {
  const index_t N = task.target.size(0), L = task.target.size(2);
  if (task.target.size(1) != 1)
    throw_shape_error("score_events: target is " + to_string(task.target.sizes(), "NCL") + ", expected one channel");
  auto truth = Tensor<std::int32_t, 2>::uninitialized({N, L});
  for (index_t n = 0; n < N; ++n)
    for (index_t l = 0; l < L; ++l) truth(n, l) = static_cast<std::int32_t>(std::lround(task.target(n, 0, l)));
  return truth;
}

ImputeScores scores_of(const ImputeTask& task, const char* name, Values x, const Tensor<std::int32_t, 2>& truth) {
  check_same_shape("score_events", name, x, "target", task.target);
  const auto flat = [&](Values y) {
    return TensorView<const float, 2>(y.data(), truth.sizes(), {y.stride(0), y.stride(2)});
  };
  return impute_scores(flat(x), truth, flat(task.mask));
}

}  // namespace

ImputeScores score_imputation(const ImputeTask& task, Values imputed) {
  return scores_of(task, "imputed", imputed, true_ids(task));
}

std::vector<EventScores> score_events(const ImputeTask& task, Values model) {
  const Tensor<std::int32_t, 2> truth = true_ids(task);
  std::vector<EventScores> all;
  const auto add = [&](const char* name, Values x) { all.push_back({name, scores_of(task, name, x, truth)}); };
  if (model.data() != nullptr) add("model", model);
  const std::vector<float> majority = {majority_event(task.train)};
  add("majority", impute_constant(task.target, task.mask, majority));
  add("copy_previous", impute_previous(task.target, task.mask, majority));
  add("nearest_training_sequence", impute_nearest_sequence(task.target, task.mask, task.train));
  return all;
}

std::vector<SeriesScores> score_series(const ImputeTask& task, TensorView<const float, 4> samples) {
  const Tensor<float, 3> target = scored_target(task);
  std::vector<SeriesScores> all;
  const auto add = [&](const char* name, TensorView<const float, 4> x) {
    all.push_back({name, sample_scores(x, target.view(), task.mask)});
  };
  if (samples.data() != nullptr) add("model", samples);
  const std::vector<float> means = channel_means(task.train, task.train_known);
  add("mean", one_sample(impute_constant(task.target, task.mask, means)));
  add("previous_value", one_sample(impute_previous(task.target, task.mask, means)));
  add("linear", one_sample(impute_linear(task.target, task.mask, means)));
  add("seasonal", one_sample(impute_seasonal(task.target, task.mask, task.period, means)));
  return all;
}

ScoreTable table_of(const std::vector<EventScores>& scores) {
  ScoreTable table{"Imputed events", {"", "accuracy", "perfect", "ROUGE-L", "MSE of ids"}, {}};
  for (const auto& [name, s] : scores)
    table.rows.push_back(
        {name, percent(s.accuracy), percent(s.perfect_rate), percent(s.rouge_l), number("%.2f", s.mse)});
  return table;
}

ScoreTable table_of(const std::vector<SeriesScores>& scores) {
  ScoreTable table{"Imputed values", {"", "MAE", "RMSE", "CRPS", "CRPS (units)", "in 90 % band"}, {}};
  for (const auto& [name, s] : scores)
    table.rows.push_back({name, number("%.4f", s.mae), number("%.4f", s.rmse), number("%.4f", s.crps_quantile),
                          number("%.4f", s.crps_samples), name == "model" ? percent(s.coverage) : "-"});
  return table;
}

std::string text_of(const ScoreTable& table) {
  std::vector<std::size_t> widths(table.head.size());
  const auto measure = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  };
  measure(table.head);
  for (const auto& row : table.rows) measure(row);
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i)
      text += (i == 0 ? "" : "   ") + padded(row[i], widths[i], i == 0);
    text += '\n';
  };
  add(table.head);
  for (const auto& row : table.rows) add(row);
  return text;
}

std::string json_of(const std::vector<EventScores>& scores) { return with_baselines(scores); }
std::string json_of(const std::vector<SeriesScores>& scores) { return with_baselines(scores); }

GenerationScores score_generation(const std::vector<EventSequence>& generated, const std::vector<EventSequence>& real) {
  const EventCounts generated_events(generated), real_events(real);
  if (generated_events.total == 0 || real_events.total == 0)
    throw_value_error("score_generation: there are no events to compare");
  GenerationScores scores;
  scores.matches = best_matches(generated, real);
  scores.kl_divergence = kl_divergence(real_events, generated_events);
  scores.kl_smoothed = kl_smoothed(real_events, generated_events);
  scores.generated_unique = generated_events.unique();
  scores.real_unique = real_events.unique();
  scores.generated_mean_length = mean_length(generated);
  scores.real_mean_length = mean_length(real);
  return scores;
}

std::string json_of(const GenerationScores& s) {
  Json json;
  json["similarity_metrics"] = {{"accuracy", s.matches.accuracy},
                                {"accuracy_std", s.matches.accuracy_std},
                                {"rouge_l", s.matches.rouge_l},
                                {"rouge_l_std", s.matches.rouge_l_std}};
  json["distribution_metrics"] = {
      {"kl_divergence", s.kl_divergence},       {"gen_unique_events", s.generated_unique},
      {"real_unique_events", s.real_unique},    {"gen_mean_length", s.generated_mean_length},
      {"real_mean_length", s.real_mean_length}, {"kl_smoothed", s.kl_smoothed}};
  return json.dump(2);
}

ScoreTable generation_table(const GenerationScores& scores, const std::vector<EventSequence>& generated,
                            const std::vector<EventSequence>& real) {
  const EventCounts events(real);
  std::vector<double> below;  // cumulated frequencies
  double sum = 0;
  for (const std::int32_t id : events.ids) below.push_back(sum += events.frequency(id));
  index_t total = 0;
  for (const EventSequence& s : generated) total += static_cast<index_t>(s.size());
  Tensor<double, 1> lots(total);
  Generator(0).uniform(lots.view());
  const GenerationScores majority = score_made(generated, real, [&](index_t) { return events.majority(); });
  const GenerationScores independent = score_made(generated, real, [&](index_t i) {
    const auto at = std::upper_bound(below.begin(), below.end() - 1, lots(i)) - below.begin();
    return events.ids[static_cast<std::size_t>(at)];
  });
  ScoreTable table{
      "Generated sequences", {"", "accuracy", "ROUGE-L", "KL", "KL smoothed", "events", "real events"}, {}};
  for (const auto& [name, s] : {std::pair<const char*, const GenerationScores&>("generated", scores),
                                {"majority event alone", majority},
                                {"events drawn one by one", independent}})
    table.rows.push_back({name, percent(s.matches.accuracy) + " +- " + percent(s.matches.accuracy_std),
                          percent(s.matches.rouge_l) + " +- " + percent(s.matches.rouge_l_std),
                          number("%.4f", s.kl_divergence), number("%.4f", s.kl_smoothed),
                          std::to_string(s.generated_unique), std::to_string(s.real_unique)});
  return table;
}

}  // namespace longwave::examples::sssd
