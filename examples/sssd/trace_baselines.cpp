#include "sssd/trace_baselines.hpp"

#include <cstdio>

#include "sssd/traces_folder.hpp"

namespace longwave::examples::sssd {

namespace {

const char* const workloads[] = {"compress-gzip", "ffmpeg",   "iozone", "phpbench",    "pybench",
                                 "ramspeed",      "scimark2", "stream", "unpack-linux"};

std::string cell(const char* pattern, double value) {
  char text[32];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

// One row per workload and their mean: sequences scored, then accuracy and perfect rate of each baseline.
ScoreTable split_table(const std::string& root, const std::vector<std::string>& datasets, index_t length, index_t k,
                       bool honest) {
  ScoreTable table{honest ? "honest split: test windows that stand nowhere in the training part" : "published split",
                   {"workload", "sequences"},
                   {}};
  std::vector<double> sums;
  for (const std::string& dataset : datasets) {
    std::vector<std::string> row = {dataset};
    std::vector<double> figures;
    for (const auto& [name, scores] : workload_baselines(root, dataset, length, k, honest)) {
      if (row.size() == 1) row.push_back(std::to_string(scores.sequences));
      if (table.rows.empty()) table.head.insert(table.head.end(), {name, "perfect"});
      figures.insert(figures.end(), {scores.accuracy, scores.perfect_rate});
    }
    sums.resize(figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i) {
      row.push_back(cell("%.4f", figures[i]));
      sums[i] += figures[i];
    }
    table.rows.push_back(std::move(row));
  }
  std::vector<std::string> mean = {"mean", ""};
  for (const double sum : sums) mean.push_back(cell("%.4f", sum / static_cast<double>(datasets.size())));
  table.rows.push_back(std::move(mean));
  return table;
}

}  // namespace

Tensor<float, 3> centred_block(Extents<3> sizes, index_t k) {
  const index_t L = sizes[2], begin = (L - k) / 2;
  if (k < 1 || k >= L)
    throw_value_error("a block of " + std::to_string(k) + " in a sequence of " + std::to_string(L) +
                      ", expected 1 to " + std::to_string(L - 1));
  Tensor<float, 3> mask(sizes);
  for (index_t n = 0; n < sizes[0]; ++n)
    for (index_t c = 0; c < sizes[1]; ++c)
      for (index_t l = 0; l < L; ++l) mask(n, c, l) = l >= begin && l < begin + k ? 0.0f : 1.0f;
  return mask;
}

std::vector<EventScores> workload_baselines(const std::string& data_root, const std::string& dataset, index_t length,
                                            index_t k, bool honest) {
  const TraceSets sets = read_trace_sets(data_root, dataset, length, honest);
  const Tensor<float, 3> mask = centred_block(sets.test.x.sizes(), k);
  return score_events({.target = sets.test.x, .mask = mask, .train = sets.train.x});
}

int baselines(const BaselinesArguments& arguments) {
  const std::string root = data_root(arguments.data);
  if (root.empty()) throw_value_error("no folder of kernel traces: name it with --data or in LONGWAVE_DATA");
  std::vector<std::string> datasets = arguments.datasets;
  if (datasets.empty()) datasets.assign(std::begin(workloads), std::end(workloads));
  std::printf("%lld events in the middle of %lld; accuracy and share of perfect sequences\n",
              static_cast<long long>(arguments.missing_k), static_cast<long long>(arguments.sequence_length));
  for (const bool honest : {false, true}) {
    const ScoreTable table = split_table(root, datasets, arguments.sequence_length, arguments.missing_k, honest);
    std::printf("\n%s\n%s", table.title.c_str(), text_of(table).c_str());
  }
  return 0;
}

}  // namespace longwave::examples::sssd
