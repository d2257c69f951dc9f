// report.hpp - what a run of the program shows, as one HTML file: scores with baselines, series with their bands, event
// frequencies, loss curves.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/chart.hpp"
#include "longwave/cuda/device.hpp"
#include "sssd/scores.hpp"

namespace longwave::examples::sssd {

struct EventShares {
  std::string name;  // "real", "generated"
  EventCounts counts;
};

struct ReportContent {
  std::string title;                                         // "sssd impute: ETTh1.csv"
  std::vector<std::pair<std::string, std::string>> figures;  // large, on top
  std::vector<std::string> paragraphs;
  std::vector<ScoreTable> tables;
  std::string series_note;    // over the charts of series
  std::vector<Chart> series;  // of series_chart and event_chart
  std::vector<EventShares> events;
  std::string metrics;  // metrics.jsonl of the training run; nothing is shown where it is empty or not there
  std::string options;  // JSON
  DeviceChoice device;
};

// One channel of one series: the truth shown to the model and the hidden part as points, the samples' median as a line,
// the band from their .05 to their .95 quantile. samples (S, N, C, L); known as in ImputeTask.
Chart series_chart(const std::string& title, TensorView<const float, 4> samples, const ImputeTask& task, index_t n,
                   index_t c = 0);

// Events of one sequence: shown, hidden and imputed (N, 1, L) ones as points, `around` events on each side of the first
// to the last hidden one.
Chart event_chart(const std::string& title, Values imputed, const ImputeTask& task, index_t n, index_t around = 20);

// Share of each event, the most frequent ones of the first list, side by side.
Chart frequency_chart(const std::vector<EventShares>& events, std::size_t most = 40);

// Training and validation loss by iteration.
std::vector<Chart> loss_charts(const std::string& metrics);

void write_report(const std::string& path, const ReportContent& content);

}  // namespace longwave::examples::sssd
