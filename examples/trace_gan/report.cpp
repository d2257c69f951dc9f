#include <cmath>
#include <cstdio>

#include "common/machine.hpp"
#include "common/metrics_log.hpp"
#include "common/report.hpp"
#include "longwave/models/gan_progress.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/comparison.hpp"
#include "trace_gan/saved.hpp"

namespace longwave::examples::trace_gan {

namespace {

std::string figure(double x) {
  char text[48];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

struct Pair {
  const BlockTrace& original;
  const BlockTrace& synthetic;
};

// A logarithmic axis where the upper half of the mass spans less than a tenth of the range.
bool heavy_tailed(const std::vector<double>& sample) {
  const auto q = quantiles(sample, {0, 0.9, 1});
  return q[2] > q[0] && (q[1] - q[0]) < 0.1 * (q[2] - q[0]);
}

Chart distribution(const std::string& title, const std::vector<double>& a, const std::vector<double>& b) {
  const auto qa = quantiles(a, {0, 1}), qb = quantiles(b, {0, 1});
  const double low = std::min(qa[0], qb[0]), high = std::max(qa[1], qb[1]);
  const bool logarithmic = heavy_tailed(a);
  Histogram ha = histogram(a, low, high, 60, logarithmic), hb = histogram(b, low, high, 60, logarithmic);
  if (logarithmic)
    for (Histogram* h : {&ha, &hb})
      for (double& x : h->at) x = x - low + 1;
  Chart chart;
  chart.title = title;
  chart.x_label = logarithmic ? title + " above its minimum, plus 1" : title;
  chart.log_x = logarithmic;
  chart.percent = true;
  chart.curves = {{"original", ha.at, ha.share}, {"synthetic", hb.at, hb.share}};
  return chart;
}

std::vector<double> gaps_of(const BlockTrace& trace) {
  std::vector<double> gaps = column_of(trace, TraceColumn::timestamp);
  std::sort(gaps.begin(), gaps.end());  // synthetic rows come in any order
  to_arrival_gaps(TensorView<double, 1>(gaps.data(), Extents<1>{static_cast<index_t>(gaps.size())}));
  gaps.erase(gaps.begin());
  return gaps;
}

void add_score(Report& page, const Pair& traces, const ReportArguments& a) {
  page.heading("MMD");
  MmdProtocolOptions options;
  options.seed = static_cast<std::uint64_t>(a.seed);
  const MmdScore score = mmd_protocol(MmdProtocol::p1, traces.original.view(), traces.synthetic.view(), options);
  std::vector<std::vector<std::string>> rows = {{"synthetic", figure(score.mmd2), figure(score.sigma)}};
  for (const Reference& r : references(MmdProtocol::p1, traces.original.view(), traces.synthetic.rows(), options))
    rows.push_back({r.name, figure(r.score.mmd2), figure(r.score.sigma)});
  page.table({"against the original", "MMD^2 (p1)", "sigma"}, rows);
  page.paragraph(
      "The floor is the original against itself, in two halves without a row in common; it may fall below 0. Shuffled "
      "columns have every column right and nothing that binds them; N(0,1) has their means and deviations only.");
}

void add_columns(Report& page, const Pair& traces) {
  page.heading("Columns");
  const std::vector<double> at = {0, 0.25, 0.5, 0.75, 0.99, 1};
  std::vector<Chart> charts;
  std::vector<std::vector<std::string>> rows;
  for (const TraceColumn column : traces.original.columns) {
    const std::string name = trace_column_names[static_cast<int>(column)];
    const auto a = column_of(traces.original, column), b = column_of(traces.synthetic, column);
    charts.push_back(distribution(name, a, b));
    for (const auto& [label, sample] : {std::pair("original", &a), std::pair("synthetic", &b)}) {
      std::vector<std::string> row = {name + ", " + label};
      for (const double q : quantiles(*sample, at)) row.push_back(figure(q));
      rows.push_back(std::move(row));
    }
  }
  page.charts(charts);
  page.table({"column", "minimum", "25 %", "median", "75 %", "99 %", "maximum"}, rows);
  std::vector<std::vector<std::string>> correlations;
  for (int i = 0; i < 4; ++i)
    for (int j = i + 1; j < 4; ++j) {
      const auto both = [&](const BlockTrace& t) {
        return figure(
            rank_correlation(column_of(t, static_cast<TraceColumn>(i)), column_of(t, static_cast<TraceColumn>(j))));
      };
      correlations.push_back({std::string(trace_column_names[i]) + ", " + trace_column_names[j], both(traces.original),
                              both(traces.synthetic)});
    }
  page.table({"correlation of ranks", "original", "synthetic"}, correlations);
}

void add_structure(Report& page, const Pair& traces) {
  page.heading("Arrivals and addresses");
  const Reuse a = address_reuse(traces.original), b = address_reuse(traces.synthetic);
  Chart reuse;
  reuse.title = "requests whose address is in a cache";
  reuse.x_label = "addresses the cache holds (least recently used goes first)";
  reuse.log_x = reuse.percent = true;
  reuse.curves = {{"original", a.window, a.share}, {"synthetic", b.window, b.share}};
  page.charts(
      {distribution("gap between requests in order of time", gaps_of(traces.original), gaps_of(traces.synthetic)),
       reuse});
  page.table({"", "original", "synthetic"},
             {{"requests", std::to_string(traces.original.rows()), std::to_string(traces.synthetic.rows())},
              {"different addresses over requests", figure(a.distinct), figure(b.distinct)},
              {"requests that start where the one before ended", figure(a.sequential), figure(b.sequential)}});
}

void add_losses(Report& page, const std::string& model) {
  page.heading("Training");
  std::vector<GanLosses> epochs;
  Curve d{"discriminator", {}, {}}, g{"generator", {}, {}};
  for (const auto& line : read_metrics(model_paths(model).losses, "epoch")) {
    const auto number = [&](const char* key) { return line.count(key) > 0 ? line.at(key) : NAN; };
    const double epoch = number("step"), d_loss = number("d_loss"), g_loss = number("g_loss");
    if (!std::isfinite(d_loss) || !std::isfinite(g_loss)) continue;
    epochs.push_back({d_loss, g_loss});
    d.x.push_back(epoch);
    d.y.push_back(d_loss);
    g.x.push_back(epoch);
    g.y.push_back(g_loss);
  }
  if (epochs.empty()) throw IoError(model_paths(model).losses, "holds no losses");
  Chart chart;
  chart.title = "losses";
  chart.x_label = "epoch";
  const std::vector<double> ends = {d.x.front(), d.x.back()};
  chart.curves = {d,
                  g,
                  {"2 ln 2", ends, {gan_equilibrium.discriminator, gan_equilibrium.discriminator}},
                  {"ln 2", ends, {gan_equilibrium.generator, gan_equilibrium.generator}}};
  page.charts({chart});
  const GanDiagnosis diagnosis = diagnose_gan(epochs);
  page.pairs({{"pattern", diagnosis.name},
              {"advice", diagnosis.advice},
              {"epochs", std::to_string(epochs.size())},
              {"distance from the equilibrium", figure(equilibrium_distance(epochs.back()))}});
}

}  // namespace

int report(const ReportArguments& a) {
  refuse_to_replace({a.out}, a.force);
  set_num_threads(static_cast<int>(a.threads));
  const std::vector<TraceColumn> all = {TraceColumn::timestamp, TraceColumn::length, TraceColumn::lba,
                                        TraceColumn::latency};
  const BlockTrace original = read_columns(a.original, trace_layout(a.layout), a.max_lines, all);
  const BlockTrace synthetic = read_columns(a.synthetic, TraceLayout::automatic, a.max_lines, all);
  const Pair traces{original, synthetic};
  Report page("Synthetic block-I/O trace");
  page.pairs({{"original", a.original}, {"synthetic", a.synthetic}});
  add_score(page, traces, a);
  add_columns(page, traces);
  add_structure(page, traces);
  if (!a.model.empty()) add_losses(page, a.model);
  page.heading("Machine");
  page.pairs(machine_info());
  page.write(a.out);
  std::fprintf(stderr, "report: %s\n", a.out.c_str());
  return 0;
}

}  // namespace longwave::examples::trace_gan
