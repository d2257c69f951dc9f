#include "mnist1d_diffusion/page.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "common/format.hpp"
#include "common/machine.hpp"
#include "common/report.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

std::string label(const Experiment& e) {
  return std::to_string(e.id) + " " + (e.loss == Loss::mse ? "MSE" : "KL") + "/" +
         (e.mixing == Mixing::gaussian ? "Gauss" : "Convex") + "/" +
         (e.training == Training::implicit ? "impl" : "semi");
}

std::vector<double> counted(std::size_t n) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(i) + 1;
  return x;
}

// Mean loss of each epoch over the repeats, with the range they cover, for the experiments with this loss.
Chart loss_chart(const SweepResult& result, Loss loss) {
  Chart chart;
  chart.title = std::string("training loss: ") + (loss == Loss::mse ? "MSE" : "KL (implicit: 0.1 MSE + KL)");
  chart.x_label = "epoch";
  chart.log_y = loss == Loss::kl;
  for (const Experiment& e : all_experiments()) {
    if (e.loss != loss) continue;
    std::vector<double> mean, low, high;
    double count = 0;
    for (const Record& r : result.records) {
      if (r.experiment.id != e.id || r.failed()) continue;
      mean.resize(r.losses.size());
      low.resize(r.losses.size(), INFINITY);
      high.resize(r.losses.size(), -INFINITY);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        mean[i] += r.losses[i];
        low[i] = std::min(low[i], r.losses[i]);
        high[i] = std::max(high[i], r.losses[i]);
      }
      ++count;
    }
    if (count == 0) continue;
    for (double& v : mean) v /= count;
    if (count > 1)
      chart.bands.push_back({"", counted(mean.size()), std::move(low), std::move(high), chart.curves.size()});
    chart.curves.push_back({std::to_string(e.id), counted(mean.size()), std::move(mean)});
  }
  return chart;
}

// A bar for the mean of each experiment, a circle for each repeat.
template <class F>
Chart bar_chart(const SweepResult& result, const char* title, F&& figure) {
  Chart chart;
  chart.title = title;
  chart.x_label = "experiment";
  std::map<int, std::vector<double>> values;
  for (const Record& r : result.records)
    if (!r.failed()) values[r.experiment.id].push_back(figure(r));
  Curve bars, points;
  for (const auto& [id, all] : values) {
    double mean = 0;
    for (const double v : all) mean += v / static_cast<double>(all.size());
    bars.x.push_back(id);
    bars.y.push_back(mean);
    for (const double v : all) {
      points.x.push_back(id);
      points.y.push_back(v);
    }
  }
  chart.bars.push_back(std::move(bars));
  if (result.records.size() > values.size()) chart.points.push_back(std::move(points));
  return chart;
}

// One picture per digit: the target and what the experiments with this loss made of it, of the first repeat.
std::vector<Chart> sample_charts(const SweepResult& result, Loss loss) {
  std::vector<Chart> charts;
  for (int digit = 0; digit < 10; ++digit) {
    Chart chart;
    chart.title = "digit " + std::to_string(digit);
    chart.x_label = "position";
    for (const Record& r : result.records) {
      if (r.failed() || r.repeat != 0 || r.experiment.loss != loss) continue;
      for (const Sample& s : r.samples) {
        if (s.digit != digit) continue;
        const auto curve = [&](const std::string& what, const std::vector<float>& values) {
          chart.curves.push_back({what, counted(values.size()), std::vector<double>(values.begin(), values.end())});
        };
        if (chart.curves.empty()) curve("target", s.target);
        curve(std::to_string(r.experiment.id), s.predicted);
      }
    }
    if (!chart.curves.empty()) charts.push_back(std::move(chart));
  }
  return charts;
}

void add_table(Report& report, const SweepResult& result) {
  std::vector<std::vector<std::string>> lines;
  for (const Row& row : rows_of(result)) {
    if (row.failed == row.repeats) {
      lines.push_back({label(row.experiment), "failed", "", "", "", "", ""});
      continue;
    }
    lines.push_back({label(row.experiment), row.loss.text("%.4g"), row.mse.text("%.3f"), row.train_mse.text("%.3f"),
                     row.mae.text("%.3f"), row.kl.text("%.1f"), row.seconds.text("%.2f")});
  }
  for (const auto& [what, f] : result.baselines)
    lines.push_back({what, "", format("%.3f", f.mse), "", format("%.3f", f.mae), format("%.1f", f.kl), ""});
  report.table({"experiment", "final loss", "test MSE", "MSE on training rows", "test MAE", "test KL", "seconds"},
               lines);
}

Report page(const SweepResult& result) {
  const auto options = nlohmann::json::parse(result.options);
  Report report("MNIST-1D diffusion: the eight experiments");
  std::size_t failed = 0;
  double seconds = 0;
  for (const Record& r : result.records) {
    failed += r.failed() ? 1 : 0;
    seconds += r.seconds;
  }
  report.figures({{"training runs", std::to_string(result.records.size())},
                  {"failed", std::to_string(failed)},
                  {"epochs", options.at("max_epochs").dump()},
                  {"seeds", options.at("repeats").dump()},
                  {"seconds in all runs", format("%.1f", seconds)}});
  report.heading("Results");
  report.paragraph(
      "Mean and deviation over the seeds; below, answers that need no diffusion. The KL loss has no gradient, and "
      "semi-implicit training ignores the name of the loss: experiments 2 and 6, and 4 and 8, are the same run. Convex "
      "mixing with the target \"noise\" cannot be learned, its loss tends to 1.");
  add_table(report, result);
  for (const Record& r : result.records)
    if (r.failed()) report.paragraph(label(r.experiment) + ", seed " + std::to_string(r.seed) + ": " + r.error);
  report.heading("Losses");
  report.charts({loss_chart(result, Loss::mse), loss_chart(result, Loss::kl)});
  report.heading("Figures by experiment");
  report.paragraph("Bars: means; circles: seeds.");
  report.charts({bar_chart(result, "test MSE", [](const Record& r) { return r.test.mse; }),
                 bar_chart(result, "test KL", [](const Record& r) { return r.test.kl; }),
                 bar_chart(result, "seconds", [](const Record& r) { return r.seconds; })});
  for (const Loss loss : {Loss::mse, Loss::kl}) {
    const std::vector<Chart> charts = sample_charts(result, loss);
    if (charts.empty() || options.at("task") != "mnist1d") continue;
    report.heading(loss == Loss::mse ? "Samples and targets, MSE (1 to 4)" : "Samples and targets, KL (5 to 8)");
    report.charts(charts);
  }
  report.heading("Options");
  report.code(options.dump(2));
  report.heading("Machine that wrote this page");
  report.pairs(machine_info());
  report.paragraph("Experiments ran on: " + result.device + ", from " + result.start_time + " to " + result.end_time);
  return report;
}

}  // namespace

std::string find_details(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (!fs::is_directory(path, failure)) return path;
  std::string newest;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("mnist1d_diffusion_details_", 0) == 0 && entry.path().extension() == ".json")
      newest = std::max(newest, name);  // the time is in the name
  }
  if (newest.empty())
    throw_value_error(path +
                      ": holds no mnist1d_diffusion_details_*.json; `run` writes it when all experiments are done");
  return path + "/" + newest;
}

std::string page_html(const SweepResult& result) { return page(result).html(); }

void write_page(const SweepResult& result, const std::string& path) { page(result).write(path); }

}  // namespace longwave::examples::mnist1d_diffusion
