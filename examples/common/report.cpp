#include "common/report.hpp"

#include <algorithm>
#include <cstdio>

#include "common/machine.hpp"
#include "common/png.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples {

namespace {

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1d2530; --soft: #66707c; --line: #d9dee4; --page: #ffffff; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ed; --soft: #98a2ae; --line: #343c46; --page: #14181d; --card: #1c2229; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1180px;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.soft { color: var(--soft); }
.row { display: flex; flex-wrap: wrap; gap: 14px; } .row + .row { margin-top: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.figure b { display: block; font-size: 1.45rem; font-weight: 600; }
.wide { flex: 1 1 420px; max-width: 560px; } .chart { width: 100%; font-size: 12px; fill: var(--ink); }
.chart .title { font-weight: 600; font-size: 13px; }
.grid line { stroke: var(--line); } .grid text { fill: var(--soft); font-size: 11px; }
.trace path { stroke: #2a6fdb; stroke-width: 1.5; }
table { border-collapse: collapse; } td, th { padding: 3px 9px; text-align: right; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: left; }
.confusion td { text-align: center; min-width: 2.2em; border: 1px solid var(--page); }
figure { margin: 0; } figure img { max-width: 100%; image-rendering: pixelated; }
.example { width: 250px; } .example svg { width: 100%; }
.bar { display: grid; grid-template-columns: 4.5em 1fr 4em; gap: 6px; font-size: 12px; align-items: center; white-space: nowrap; }
.bar i { display: block; height: 9px; background: #8b97a5; border-radius: 2px; }
.right { color: #2f9e62; } .wrong { color: #d23f31; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; overflow: auto; }
)";

std::string percent(double part) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * part);
  return text;
}

std::string class_name(const std::vector<std::string>& classes, std::size_t i) {
  return escape_html(i < classes.size() ? classes[i] : std::to_string(i));
}

// The three most likely classes as bars.
std::string probability_bars(const Example& example, const std::vector<std::string>& classes) {
  std::vector<std::size_t> order(example.probabilities.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return example.probabilities[a] > example.probabilities[b]; });
  if (order.size() > 3) order.erase(order.begin() + 3, order.end());
  std::string html;
  for (const std::size_t c : order) {
    const double p = example.probabilities[c];
    char width[32];
    std::snprintf(width, sizeof width, "width:%.1f%%", 100 * p);
    html += "<div class=\"bar\"><span>" + class_name(classes, c) + "</span><span><i style=\"" + width +
            "\"></i></span><span>" + percent(p) + "</span></div>";
  }
  return html;
}

}  // namespace

void Report::heading(const std::string& text) { body_ += "<h2>" + escape_html(text) + "</h2>\n"; }

void Report::paragraph(const std::string& text) { body_ += "<p>" + escape_html(text) + "</p>\n"; }

void Report::figures(const std::vector<std::pair<std::string, std::string>>& name_and_value) {
  body_ += "<div class=\"row\">";
  for (const auto& [name, value] : name_and_value)
    body_ += "<div class=\"card figure\"><b>" + escape_html(value) + "</b><span class=\"soft\">" + escape_html(name) +
             "</span></div>";
  body_ += "</div>\n";
}

void Report::charts(const std::vector<Chart>& charts) {
  body_ += "<div class=\"row\">";
  for (const Chart& chart : charts) body_ += "<div class=\"card wide\">" + chart_svg(chart) + "</div>\n";
  body_ += "</div>\n";
}

void Report::table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  body_ += "<table><tr>";
  for (const std::string& cell : head) body_ += "<th>" + escape_html(cell) + "</th>";
  body_ += "</tr>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (const std::string& cell : row) body_ += "<td>" + escape_html(cell) + "</td>";
    body_ += "</tr>\n";
  }
  body_ += "</table>\n";
}

void Report::pairs(const std::vector<std::pair<std::string, std::string>>& name_and_value) {
  body_ += "<table>";
  for (const auto& [name, value] : name_and_value)
    body_ +=
        "<tr><td>" + escape_html(name) + "</td><td style=\"text-align:left\">" + escape_html(value) + "</td></tr>\n";
  body_ += "</table>\n";
}

void Report::code(const std::string& text) { body_ += "<pre>" + escape_html(text) + "</pre>\n"; }

void Report::pictures(const std::vector<Picture>& pictures) {
  body_ += "<div class=\"row\">";
  for (const Picture& picture : pictures)
    body_ += "<figure class=\"card\"><img src=\"" + png_data_uri(picture.png) + "\" alt=\"" +
             escape_html(picture.caption) + "\"><figcaption>" + escape_html(picture.caption) +
             "</figcaption></figure>\n";
  body_ += "</div>\n";
}

void Report::confusion(TensorView<const index_t, 2> counts, const std::vector<std::string>& classes) {
  const index_t n = counts.size(0);
  body_ += "<table class=\"confusion\"><tr><th>true \\ predicted</th>";
  for (index_t j = 0; j < n; ++j) body_ += "<th>" + class_name(classes, static_cast<std::size_t>(j)) + "</th>";
  body_ += "</tr>\n";
  for (index_t i = 0; i < n; ++i) {
    index_t row = 0;
    for (index_t j = 0; j < n; ++j) row += counts(i, j);
    body_ += "<tr><th>" + class_name(classes, static_cast<std::size_t>(i)) + "</th>";
    for (index_t j = 0; j < n; ++j) {
      const double part = row > 0 ? static_cast<double>(counts(i, j)) / static_cast<double>(row) : 0;
      char colour[64];  // green on the diagonal, red off it, deeper with its share of the row
      std::snprintf(colour, sizeof colour, "rgba(%s,%.3f)", i == j ? "47,158,98" : "210,63,49",
                    i == j     ? 0.8 * part
                    : part > 0 ? std::min(0.85, 0.12 + 2.5 * part)
                               : 0.0);
      body_ += std::string("<td style=\"background:") + colour + "\">" + std::to_string(counts(i, j)) + "</td>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</table>\n";
}

void Report::examples(const std::vector<Example>& examples, const std::vector<std::string>& classes) {
  body_ += "<div class=\"row\">";
  for (const Example& example : examples) {
    const auto best = std::max_element(example.probabilities.begin(), example.probabilities.end());
    const bool right = best - example.probabilities.begin() == example.label;
    body_ += "<div class=\"card example\"><span class=\"";
    body_ += right ? "right\">right: " : "wrong\">wrong: ";
    body_ += "true class " + class_name(classes, static_cast<std::size_t>(example.label)) + "</span>" +
             trace_svg(example.sequence, 220, 70) + probability_bars(example, classes) + "</div>\n";
  }
  body_ += "</div>\n";
}

std::string Report::html() const {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width\"><title>" +
         escape_html(title_) + "</title><style>" + style + "</style></head><body>\n<h1>" + escape_html(title_) +
         "</h1>\n<p class=\"soft\">" + timestamp() + "</p>\n" + body_ + "</body></html>\n";
}

void Report::write(const std::string& path) const { replace_file(path, html()); }

}  // namespace longwave::examples
