#include "mnist1d_diffusion/results.hpp"

#include <algorithm>
#include <ctime>

#include "common/format.hpp"
#include "longwave/io/json.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

using Json = nlohmann::ordered_json;

const char* title(Loss loss) { return loss == Loss::mse ? "MSE" : "KL"; }
const char* title(Mixing mixing) { return mixing == Mixing::gaussian ? "Gaussian" : "Convex"; }
const char* title(Training training) { return training == Training::implicit ? "Implicit" : "Semi-implicit"; }

std::string configuration(const Experiment& e) {
  return std::string(title(e.loss)) + " / " + title(e.mixing) + " / " + title(e.training);
}

Spread spread(std::vector<double> values) {
  Spread s;
  if (values.empty()) return s;
  const auto n = static_cast<double>(values.size());
  s.mean = 0;
  for (const double v : values) s.mean += v / n;
  double squares = 0;
  for (const double v : values) squares += (v - s.mean) * (v - s.mean);
  s.deviation = values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
  return s;
}

double number(const nlohmann::json& value) { return value.is_null() ? NAN : value.get<double>(); }

Json summary_of(const SweepResult& result) {
  std::int64_t failed = 0;
  Json configurations = Json::array();
  for (const Record& r : result.records) {
    failed += r.failed() ? 1 : 0;
    const std::string text = configuration(r.experiment);
    if (configurations.empty() || configurations.back() != text) configurations.push_back(text);
  }
  const auto total = static_cast<std::int64_t>(result.records.size());
  return {{"total_experiments", total},
          {"successful", total - failed},
          {"failed", failed},
          {"configurations", std::move(configurations)}};
}

Json identity_of(const Record& r) {
  return {{"experiment_id", r.experiment.id},
          {"architecture", "iterative"},
          {"loss_function", name(r.experiment.loss)},
          {"sampling_method", name(r.experiment.mixing)},
          {"training_method", name(r.experiment.training)},
          {"seed", r.seed}};
}

Json result_of(const Record& r) {
  Json json = identity_of(r);
  if (r.failed()) {
    json["error"] = r.error;
    json["status"] = "failed";
    return json;
  }
  json["num_parameters"] = r.parameters;
  json["feature_dim"] = r.points;
  json["final_training_loss"] = r.final_loss();
  json["test_mse"] = r.test.mse;
  json["test_mae"] = r.test.mae;
  json["test_kl_divergence"] = r.test.kl;
  json["runtime_seconds"] = r.seconds;
  json["epochs"] = r.losses.size();
  json["convergence_rate"] = r.convergence_rate();
  return json;
}

Json details_of(const Record& r) {
  Json samples = Json::array();
  for (const Sample& s : r.samples)
    samples.push_back({{"digit", s.digit}, {"target", s.target}, {"predicted", s.predicted}});
  return {{"experiment_id", r.experiment.id}, {"repeat", r.repeat},     {"seed", r.seed},
          {"parameters", r.parameters},       {"points", r.points},     {"losses", r.losses},
          {"test_mse", r.test.mse},           {"test_mae", r.test.mae}, {"test_kl", r.test.kl},
          {"train_mse", r.train_mse},         {"seconds", r.seconds},   {"error", r.error},
          {"samples", std::move(samples)}};
}

Record record_from(const nlohmann::json& json) {
  Record r;
  const auto id = json.at("experiment_id").get<std::size_t>();
  r.experiment = all_experiments().at(id - 1);
  r.repeat = json.at("repeat").get<std::int64_t>();
  r.seed = json.at("seed").get<std::int64_t>();
  r.parameters = json.at("parameters").get<std::int64_t>();
  r.points = json.at("points").get<std::int64_t>();
  for (const auto& loss : json.at("losses")) r.losses.push_back(number(loss));
  r.test = {number(json.at("test_mse")), number(json.at("test_mae")), number(json.at("test_kl"))};
  r.train_mse = number(json.at("train_mse"));
  r.seconds = number(json.at("seconds"));
  r.error = json.at("error").get<std::string>();
  for (const auto& s : json.at("samples")) {
    Sample sample{s.at("digit").get<int>(), {}, {}};
    for (const auto& v : s.at("target")) sample.target.push_back(static_cast<float>(number(v)));
    for (const auto& v : s.at("predicted")) sample.predicted.push_back(static_cast<float>(number(v)));
    r.samples.push_back(std::move(sample));
  }
  return r;
}

std::string best_line(const std::vector<Row>& rows, const char* by, double Spread::*part, Spread Row::*figure) {
  const Row* best = nullptr;
  for (const Row& row : rows)
    if (std::isfinite(row.*figure.*part) && (best == nullptr || row.*figure.*part < best->*figure.*part)) best = &row;
  if (best == nullptr) return "";
  return format("- Best by %s: experiment %d (%s), %s\n", by, best->experiment.id,
                configuration(best->experiment).c_str(), (best->*figure).text("%.4g").c_str());
}

}  // namespace

std::string Spread::text(const char* pattern) const {
  if (!std::isfinite(mean)) return "nan";
  return deviation > 0 ? format(pattern, mean) + " +- " + format(pattern, deviation) : format(pattern, mean);
}

std::vector<Row> rows_of(const SweepResult& result) {
  std::vector<Row> rows;
  for (const Experiment& e : all_experiments()) {
    Row row{e, 0, 0, {}, {}, {}, {}, {}, {}};
    std::vector<double> mse, mae, kl, loss, seconds, train;
    for (const Record& r : result.records) {
      if (r.experiment.id != e.id) continue;
      ++row.repeats;
      row.failed += r.failed() ? 1 : 0;
      if (r.failed()) continue;
      mse.push_back(r.test.mse);
      mae.push_back(r.test.mae);
      kl.push_back(r.test.kl);
      loss.push_back(r.final_loss());
      seconds.push_back(r.seconds);
      train.push_back(r.train_mse);
    }
    row.mse = spread(mse);
    row.mae = spread(mae);
    row.kl = spread(kl);
    row.loss = spread(loss);
    row.seconds = spread(seconds);
    row.train_mse = spread(train);
    if (row.repeats > 0) rows.push_back(row);
  }
  return rows;
}

std::string file_time() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d_%H%M%S", &utc);
  return text;
}

std::string results_json(const SweepResult& result) {
  const auto options = nlohmann::json::parse(result.options);
  Json results = Json::array();
  for (const Record& r : result.records) results.push_back(result_of(r));
  std::int64_t points = 0;
  for (const Record& r : result.records) points = std::max(points, r.points);
  const Json json = {{"metadata",
                      {{"start_time", result.start_time},
                       {"end_time", result.end_time},
                       {"dataset", options.at("task")},
                       {"n_samples", options.at("n_samples")},
                       {"max_epochs", options.at("max_epochs")},
                       {"batch_size", options.at("batch_size")},
                       {"timesteps", options.at("timesteps")},
                       {"feature_dim", points},
                       {"device", result.device},
                       {"total_experiments", result.records.size()}}},
                     {"results", std::move(results)},
                     {"summary", summary_of(result)}};
  return json.dump(2) + "\n";
}

std::string details_json(const SweepResult& result) {
  Json records = Json::array(), baselines = Json::array();
  for (const Record& r : result.records) records.push_back(details_of(r));
  for (const auto& [what, f] : result.baselines)
    baselines.push_back({{"name", what}, {"mse", f.mse}, {"mae", f.mae}, {"kl", f.kl}});
  const Json json = {{"configuration", Json::parse(result.options)},
                     {"start_time", result.start_time},
                     {"end_time", result.end_time},
                     {"device", result.device},
                     {"baselines", std::move(baselines)},
                     {"records", std::move(records)}};
  return json.dump() + "\n";
}

SweepResult parse_details(const std::string& text, const std::string& source) {
  const nlohmann::json json = longwave::detail::parse_json(text, source);
  SweepResult result;
  try {
    result.options = Json::parse(text).at("configuration").dump();  // with its order
    result.start_time = json.at("start_time").get<std::string>();
    result.end_time = json.at("end_time").get<std::string>();
    result.device = json.at("device").get<std::string>();
    for (const auto& b : json.at("baselines"))
      result.baselines.push_back(
          {b.at("name").get<std::string>(), {number(b.at("mse")), number(b.at("mae")), number(b.at("kl"))}});
    for (const auto& r : json.at("records")) result.records.push_back(record_from(r));
  } catch (const std::exception& error) {  // a key that is missing, a type or number that cannot be
    throw IoError(source, std::string("is no file of results of this program: ") + error.what());
  }
  return result;
}

SweepResult read_details(const std::string& path) {
  const MappedFile file(path);
  return parse_details({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, path);
}

std::string markdown(const SweepResult& result) {
  const auto options = nlohmann::json::parse(result.options);
  const std::vector<Row> rows = rows_of(result);
  std::string text = "# MNIST-1D diffusion: experiment report\n\n";
  text += "- Date: " + result.end_time + "\n- Dataset: " + options.at("task").get<std::string>() + "\n";
  text += "- Samples: " + options.at("n_samples").dump() + ", epochs: " + options.at("max_epochs").dump() +
          ", batch size: " + options.at("batch_size").dump() + ", timesteps: " + options.at("timesteps").dump() +
          ", seeds: " + options.at("repeats").dump() + " from " + options.at("seed").dump() +
          "\n\n## Configurations\n\n";
  for (const Row& row : rows) text += format("%d. ", row.experiment.id) + configuration(row.experiment) + "\n";
  text += "\n## Results\n\n| Exp | Loss | Sampling | Training | Test MSE | Test KL | Runtime |\n";
  text += "|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) {
    const Experiment& e = row.experiment;
    const bool none = row.failed == row.repeats;
    text += format("| %d | %s | %s | %s | %s | %s | %s |\n", e.id, title(e.loss), title(e.mixing), title(e.training),
                   none ? "failed" : row.mse.text("%.4f").c_str(), none ? "failed" : row.kl.text("%.2f").c_str(),
                   none ? "-" : (row.seconds.text("%.2f") + " s").c_str());
  }
  text += '\n';
  text += best_line(rows, "MSE", &Spread::mean, &Row::mse) + best_line(rows, "KL", &Spread::mean, &Row::kl);
  text += "\n## Answers without a network\n\n| Answer | Test MSE | Test MAE | Test KL |\n|---|---|---|---|\n";
  for (const auto& [what, f] : result.baselines)
    text += format("| %s | %.4f | %.4f | %.2f |\n", what.c_str(), f.mse, f.mae, f.kl);
  for (const Record& r : result.records)
    if (r.failed())
      text += format("\nExperiment %d (seed %lld) failed: ", r.experiment.id, (long long)r.seed) + r.error + "\n";
  text +=
      "\nThe KL loss has no gradient and semi-implicit training ignores the name of the loss: experiments 2 and 6, and "
      "4 "
      "and 8, are the same run. Convex mixing with the target \"noise\" cannot be learned: its loss tends to 1.\n";
  return text;
}

std::string console_table(const SweepResult& result) {
  std::string text = format("%-4s %-5s %-9s %-14s %-16s %-16s %-18s %-16s %s\n", "Exp", "Loss", "Sampling", "Training",
                            "Final loss", "Test MSE", "Test MAE", "Test KL", "Runtime");
  for (const Row& row : rows_of(result)) {
    const Experiment& e = row.experiment;
    text += format("%-4d %-5s %-9s %-14s ", e.id, title(e.loss), title(e.mixing), title(e.training));
    if (row.failed == row.repeats)
      text += "failed\n";
    else
      text += format("%-16s %-16s %-18s %-16s %s s\n", row.loss.text("%.4g").c_str(), row.mse.text("%.3f").c_str(),
                     row.mae.text("%.3f").c_str(), row.kl.text("%.1f").c_str(), row.seconds.text("%.2f").c_str());
  }
  for (const auto& [what, f] : result.baselines)
    text += format("%-52s%-16.3f %-18.3f %.1f\n", ("     " + what).c_str(), f.mse, f.mae, f.kl);
  return text;
}

std::string banner(const Experiment& e, int number_, int of) {
  const std::string line(64, '=');
  return line +
         format("\nEXPERIMENT %d/%d\nLoss: %s, Sampling: %s, Training: %s\n", number_, of, name(e.loss), name(e.mixing),
                name(e.training)) +
         line + "\n";
}

std::string results_block(const Record& r) {
  if (r.failed()) return "FAILED: " + r.error + "\n";
  return format(
      "Results:\n  Parameters: %lld\n  Test MSE: %.6f\n  Test MAE: %.6f\n  Test KL Divergence: %.6f\n  Runtime: %.2f "
      "s\n",
      static_cast<long long>(r.parameters), r.test.mse, r.test.mae, r.test.kl, r.seconds);
}

}  // namespace longwave::examples::mnist1d_diffusion
