#include "compare/report.hpp"

#include <cstdio>

#include "common/report.hpp"
#include "compare/forms.hpp"
#include "compare/summary.hpp"

namespace longwave::compare {

namespace {

using examples::Chart;
using examples::Report;

std::string text(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return text("%.3g us", 1e6 * seconds);
  return seconds < 1 ? text("%.3g ms", 1e3 * seconds) : text("%.3g s", seconds);
}

std::string label(const std::string& form) { return form_named(form).label; }

// One line per form over L; every form has its place, so that colours and legends agree from chart to chart.
Chart chart_of(const Group& group, const char* title, Quantity quantity, double unit, bool mark) {
  Chart chart{title, "L", {}};
  chart.log_x = chart.log_y = true;
  for (const Form& form : forms()) {
    examples::Curve curve{form.label, {}, {}};
    for (const Series& s : group.series)
      for (const Result* r : s.points)
        if (s.form == form.name) {
          curve.x.push_back(static_cast<double>(r->sizes.L));
          curve.y.push_back(r->*quantity / unit);
        }
    chart.curves.push_back(std::move(curve));
  }
  if (mark)
    for (const Crossover& c : crossovers(group, quantity))
      chart.marks.push_back({c.L, label(c.to) + " from " + text("%.0f", c.L)});
  return chart;
}

void add_group(Report& report, const Group& group) {
  report.heading("B = " + std::to_string(group.B) + ", H = " + std::to_string(group.H) +
                 ", N = " + std::to_string(group.N));
  report.charts({chart_of(group, "forward, ms", &Result::forward, 1e-3, true),
                 chart_of(group, "forward + backward, ms", &Result::both, 1e-3, true)});
  report.charts({chart_of(group, "memory of forward, MiB", &Result::forward_bytes, 1 << 20, false),
                 chart_of(group, "memory of both, MiB", &Result::both_bytes, 1 << 20, false)});
}

void add_crossovers(Report& report, const std::vector<Group>& groups) {
  std::vector<std::vector<std::string>> rows;
  for (const Group& group : groups)
    for (const bool both : {false, true})
      for (const Crossover& c : crossovers(group, both ? &Result::both : &Result::forward))
        rows.push_back({both ? "forward + backward" : "forward", std::to_string(group.B), std::to_string(group.H),
                        std::to_string(group.N), label(c.from), label(c.to), text("%.0f", c.L)});
  report.heading("Crossovers");
  if (rows.empty()) return report.paragraph("One form is the fastest at all lengths, for each B, H and N.");
  report.paragraph("The length at which another form becomes the fastest, on the straight line between measurements.");
  report.table({"pass", "B", "H", "N", "from", "to", "at L"}, rows);
}

std::vector<std::vector<std::string>> choice_rows(const Results& results, bool backward) {
  std::vector<std::vector<std::string>> rows;
  for (const Choice& c : choices(results, backward))
    rows.push_back({std::to_string(c.sizes.B), std::to_string(c.sizes.H), std::to_string(c.sizes.N),
                    std::to_string(c.sizes.L), label(c.chosen), label(c.best), time_text(c.chosen_time),
                    time_text(c.best_time), text("%.2f", c.slower()) + (c.poor() ? " !" : "")});
  return rows;
}

const std::vector<std::string> choice_head = {"B",    "H",           "N",          "L",    "auto_",
                                              "best", "auto_ takes", "best takes", "ratio"};

std::string choice_summary(const Results& results, bool backward) {
  const auto all = choices(results, backward);
  std::size_t poor = 0;
  double worst = 1;
  for (const Choice& c : all) {
    poor += c.poor() ? 1 : 0;
    worst = std::max(worst, c.slower());
  }
  return std::to_string(poor) + " of " + std::to_string(all.size()) +
         " points more than 15 % slower than the best (!)" +
         (all.empty() ? "" : ", the worst by a factor of " + text("%.2f", worst));
}

void add_measurements(Report& report, const std::vector<Group>& groups) {
  std::vector<std::vector<std::string>> rows;
  for (const Group& group : groups)
    for (const Series& s : group.series)
      for (const Result* r : s.points)
        rows.push_back({label(s.form), std::to_string(group.B), std::to_string(group.H), std::to_string(group.N),
                        std::to_string(r->sizes.L), time_text(r->forward), time_text(r->backward), time_text(r->both),
                        text("%.1f MiB", r->forward_bytes / (1 << 20)), text("%.1f MiB", r->both_bytes / (1 << 20))});
  report.heading("All measurements");
  report.table(
      {"form", "B", "H", "N", "L", "forward", "backward", "forward + backward", "memory, forward", "memory, both"},
      rows);
}

}  // namespace

void write_report(const Results& results, const std::string& path) {
  const std::vector<Group> groups = groups_of(results);
  Report report("Forms of a state-space layer");
  report.paragraph(
      "y = K * u + D u with u (B, H, L) in float, N = d_state (N / 2 modes are stored), computed in several ways. "
      "Times are medians. Memory is "
      "the peak of the resident set above what the process held with input, cotangent and parameters in place.");
  std::vector<std::pair<std::string, std::string>> names;
  for (const Form& form : forms()) names.emplace_back(form.label, form.what);
  report.pairs(names);
  for (const Group& group : groups) add_group(report, group);
  add_crossovers(report, groups);
  for (const bool backward : {false, true}) {
    report.heading(std::string("Algorithm::auto_, ") + (backward ? "backward" : "forward"));
    report.paragraph("The form that auto_ takes beside the best one measured: " + choice_summary(results, backward) +
                     ".");
    report.table(choice_head, choice_rows(results, backward));
  }
  add_measurements(report, groups);
  report.heading("Measured with");
  report.pairs(results.machine);
  report.write(path);
}

std::string choice_text(const Results& results) {
  std::string lines;
  for (const bool backward : {false, true}) {
    lines +=
        std::string("auto_, ") + (backward ? "backward" : "forward") + ": " + choice_summary(results, backward) + "\n";
    for (const Choice& c : choices(results, backward)) {
      char line[200];
      std::snprintf(line, sizeof line, "  %-34s auto_ %-6s best %-6s %9s %9s  %.2f%s\n", text_of(c.sizes).c_str(),
                    label(c.chosen).c_str(), label(c.best).c_str(), time_text(c.chosen_time).c_str(),
                    time_text(c.best_time).c_str(), c.slower(), c.poor() ? " !" : "");
      lines += line;
    }
  }
  return lines;
}

}  // namespace longwave::compare
