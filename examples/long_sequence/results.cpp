#include "long_sequence/results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include "common/metrics_log.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples {

namespace {

std::string path_in(const std::string& folder) { return folder + "/test.jsonl"; }

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[200];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

// The last result at one of `subsample` samples; nullptr: none.
const TestResult* result_at(const std::vector<TestResult>& results, index_t subsample) {
  const auto at = std::find_if(results.rbegin(), results.rend(),
                               [&](const TestResult& result) { return result.subsample == subsample; });
  return at == results.rend() ? nullptr : &*at;
}

// "97.33 % +- 0.42 (3)", or a loss; "" where no run has a result.
std::string mean_and_deviation(const RunGroup& group, index_t subsample) {
  std::vector<double> values;
  bool of_classes = true;
  for (const auto& run : group.runs)
    if (const TestResult* result = result_at(run, subsample)) {
      of_classes = !std::isnan(result->scores.accuracy);
      values.push_back(of_classes ? 100 * result->scores.accuracy : result->scores.loss);
    }
  if (values.empty()) return "";
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  std::string text = of_classes ? format("%.2f %%", mean) : format("%.4g", mean);
  if (values.size() > 1)
    text += format(of_classes ? " +- %.2f (%.0f)" : " +- %.2g (%.0f)", std::sqrt(squares / (n - 1)), n);
  return text;
}

double seconds_per_epoch(const RunGroup& group) {
  double sum = 0;
  for (const auto& run : group.runs)
    sum += run.front().seconds / static_cast<double>(std::max<index_t>(1, run.front().epochs));
  return sum / static_cast<double>(group.runs.size());
}

bool is_seed(const std::string& name) {
  return name.size() > 4 && name.rfind("seed", 0) == 0 && name.find_first_not_of("0123456789", 4) == std::string::npos;
}

}  // namespace

TestResult test_result(Trained& trained, const Judgement& test, index_t subsample, double rate) {
  TestResult result{trained.info.step, subsample, rate, test.scores, test.items};
  result.parameters = count_parameters(*trained.network);
  result.epochs = trained.info.epoch;
  const auto seconds = trained.info.more.find("seconds");
  if (seconds != trained.info.more.end()) result.seconds = std::strtod(seconds->second.c_str(), nullptr);
  return result;
}

void write_test_result(const std::string& folder, const TestResult& result, bool afresh) {
  MetricsLog log(path_in(folder), afresh ? -1 : result.step);
  log.write("test", result.step,
            {{"subsample", static_cast<double>(result.subsample)},
             {"rate", result.rate},
             {"accuracy", result.scores.accuracy},
             {"loss", result.scores.loss},
             {"mae", result.scores.mae},
             {"perplexity", result.scores.perplexity()},
             {"bits", result.scores.bits()},
             {"items", static_cast<double>(result.items)},
             {"parameters", static_cast<double>(result.parameters)},
             {"epochs", static_cast<double>(result.epochs)},
             {"seconds", result.seconds}});
}

std::vector<TestResult> read_test_results(const std::string& folder) {
  std::vector<TestResult> results;
  if (!file_exists(path_in(folder))) return results;
  for (auto& row : read_metrics(path_in(folder), "test")) {
    const auto whole = [&row](const char* name) { return static_cast<index_t>(row[name]); };
    TestResult result;
    result.step = whole("step");
    result.subsample = whole("subsample");
    result.rate = row["rate"];
    result.scores = {.loss = row["loss"], .accuracy = row["accuracy"], .mae = row["mae"]};
    result.scores.of_tokens = row.count("bits") > 0 && !std::isnan(row["bits"]);
    result.items = whole("items");
    result.parameters = whole("parameters");
    result.epochs = whole("epochs");
    result.seconds = row["seconds"];
    results.push_back(result);
  }
  return results;
}

std::vector<RunGroup> find_runs(const std::string& folder) {
  namespace fs = std::filesystem;
  std::map<std::string, RunGroup> groups;
  const auto look_into = [&](const fs::path& place) {
    std::vector<TestResult> results = read_test_results(place.string());
    if (results.empty()) return;
    const fs::path of = is_seed(place.filename().string()) ? place.parent_path() : place;
    std::string name = fs::relative(of, folder).string();
    if (name.front() == '.') name = fs::canonical(of).filename().string();  // `folder` itself, or the one above it
    RunGroup& group = groups[name];
    group.name = name;
    group.runs.push_back(std::move(results));
  };
  if (!fs::is_directory(folder)) throw IoError(folder, "is no folder of runs");
  look_into(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_directory()) look_into(entry.path());
  if (groups.empty()) throw IoError(folder, "holds no finished run: none has a test.jsonl");
  std::vector<RunGroup> list;
  for (auto& [name, group] : groups) list.push_back(std::move(group));
  return list;
}

std::string results_table(const std::vector<RunGroup>& groups) {
  std::vector<index_t> subsamples;
  for (const RunGroup& group : groups)
    for (const auto& run : group.runs)
      for (const TestResult& result : run) subsamples.push_back(result.subsample);
  std::sort(subsamples.begin(), subsamples.end());
  subsamples.erase(std::unique(subsamples.begin(), subsamples.end()), subsamples.end());

  std::string head = "| run | parameters | epochs | s per epoch |", line = "|---|---|---|---|", rows;
  for (const index_t k : subsamples) {
    head += k == 1 ? " test |" : format(" one of %lld samples |", static_cast<long long>(k));
    line += "---|";
  }
  for (const RunGroup& group : groups) {
    const TestResult& first = group.runs.front().front();
    rows += format("| %s | %lld | %lld | %.3g |", group.name.c_str(), static_cast<long long>(first.parameters),
                   static_cast<long long>(first.epochs), seconds_per_epoch(group));
    for (const index_t k : subsamples) rows += " " + mean_and_deviation(group, k) + " |";
    rows += "\n";
  }
  return head + "\n" + line + "\n" + rows;
}

}  // namespace longwave::examples
