#include "sssd/report.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/machine.hpp"
#include "common/metrics_log.hpp"
#include "common/report.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples::sssd {

namespace {

// Points of one channel that `wanted` says yes to.
template <class Wanted>
Curve points(const std::string& name, Values values, index_t n, index_t c, index_t begin, index_t end,
             Wanted&& wanted) {
  Curve curve{name, {}, {}};
  for (index_t l = begin; l < end; ++l)
    if (wanted(l)) {
      curve.x.push_back(static_cast<double>(l));
      curve.y.push_back(static_cast<double>(values(n, c, l)));
    }
  return curve;
}

bool shown(const ImputeTask& task, index_t n, index_t c, index_t l) { return task.mask(n, c, l) != 0; }
bool hidden(const ImputeTask& task, index_t n, index_t c, index_t l) {
  return task.mask(n, c, l) == 0 && (task.known.data() == nullptr || task.known(n, c, l) != 0);
}

Curve metric(const std::string& name, const std::vector<std::map<std::string, double>>& rows, const std::string& key) {
  Curve curve{name, {}, {}};
  for (const auto& row : rows)
    if (row.count("step") > 0 && row.count(key) > 0) {
      curve.x.push_back(row.at("step"));
      curve.y.push_back(row.at(key));
    }
  return curve;
}

}  // namespace

Chart series_chart(const std::string& title, TensorView<const float, 4> samples, const ImputeTask& task, index_t n,
                   index_t c) {
  const index_t L = task.target.size(2);
  const auto band = quantiles(samples.slice(1, n, n + 1).slice(2, c, c + 1), {0.05, 0.5, 0.95});
  Chart chart{title, "time", {{"median", {}, {}}}};
  chart.bands = {{"5 to 95 %", {}, {}, {}}};
  for (index_t l = 0; l < L; ++l) {
    const auto quantile = [&](index_t q) { return static_cast<double>(band(q, 0, 0, l)); };
    for (auto* x : {&chart.curves[0].x, &chart.bands[0].x}) x->push_back(static_cast<double>(l));
    chart.bands[0].low.push_back(quantile(0));
    chart.curves[0].y.push_back(quantile(1));
    chart.bands[0].high.push_back(quantile(2));
  }
  chart.points = {points("hidden", task.target, n, c, 0, L, [&](index_t l) { return hidden(task, n, c, l); }),
                  points("observed", task.target, n, c, 0, L, [&](index_t l) { return shown(task, n, c, l); })};
  return chart;
}

Chart event_chart(const std::string& title, Values imputed, const ImputeTask& task, index_t n, index_t around) {
  const index_t L = task.target.size(2);
  index_t first = L, last = -1;
  for (index_t l = 0; l < L; ++l)
    if (!shown(task, n, 0, l)) {
      first = std::min(first, l);
      last = l;
    }
  const index_t begin = last < 0 ? 0 : std::max<index_t>(0, first - around);
  const index_t end = last < 0 ? L : std::min(L, last + around + 1);
  Chart chart{title, "event", {}};
  chart.points = {points("observed", task.target, n, 0, begin, end, [&](index_t l) { return shown(task, n, 0, l); }),
                  points("hidden", task.target, n, 0, begin, end, [&](index_t l) { return hidden(task, n, 0, l); }),
                  points("imputed", imputed, n, 0, begin, end, [&](index_t l) { return !shown(task, n, 0, l); })};
  return chart;
}

Chart frequency_chart(const std::vector<EventShares>& events, std::size_t most) {
  Chart chart{"share of events", "event id, the most frequent ones", {}, false, true};
  if (events.empty()) return chart;
  std::vector<std::int32_t> ids = events[0].counts.ids;
  std::stable_sort(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) {
    return events[0].counts.frequency(a) > events[0].counts.frequency(b);
  });
  ids.resize(std::min(ids.size(), most));
  std::sort(ids.begin(), ids.end());
  for (const EventShares& of : events) {
    Curve bars{of.name, {}, {}};
    for (const std::int32_t id : ids) {
      bars.x.push_back(id);
      bars.y.push_back(of.counts.frequency(id));
    }
    chart.bars.push_back(std::move(bars));
  }
  return chart;
}

std::vector<Chart> loss_charts(const std::string& metrics) {
  if (metrics.empty() || !file_exists(metrics)) return {};
  const auto rows = read_metrics(metrics, "iteration");
  if (rows.empty()) return {};
  return {{"loss",
           "iteration",
           {metric("training", rows, "train_loss"), metric("validation", rows, "validation_loss")},
           true}};
}

void write_report(const std::string& path, const ReportContent& content) {
  Report report(content.title);
  if (!content.figures.empty()) report.figures(content.figures);
  for (const std::string& text : content.paragraphs) report.paragraph(text);
  for (const ScoreTable& table : content.tables) {
    report.heading(table.title);
    report.table(table.head, table.rows);
  }
  if (!content.series.empty()) {
    report.heading("Series");
    if (!content.series_note.empty()) report.paragraph(content.series_note);
    report.charts(content.series);
  }
  if (!content.events.empty()) {
    report.heading("Events");
    report.charts({frequency_chart(content.events)});
  }
  if (const std::vector<Chart> losses = loss_charts(content.metrics); !losses.empty()) {
    report.heading("Training");
    report.charts(losses);
  }
  if (!content.options.empty()) {
    report.heading("Options");
    report.code(content.options);
  }
  report.heading("Machine");
  report.pairs(machine_info(content.device));
  report.write(path);
}

}  // namespace longwave::examples::sssd
