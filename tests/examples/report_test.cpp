#include "common/report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "check.hpp"
#include "common/metrics_log.hpp"
#include "longwave/io/file.hpp"

using namespace longwave::examples;
using longwave::index_t;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    char name[] = "/tmp/longwave-report-XXXXXX";
    path = mkdtemp(name);
  }
  ~TemporaryFolder() {
    const std::string command = "rm -r '" + path + "'";
    if (std::system(command.c_str()) != 0) WARN("could not remove " << path);
  }
  std::string operator/(const char* name) const { return path + "/" + name; }
};

}  // namespace

TEST_CASE("chart: ticks are round numbers inside the range") {
  CHECK(ticks(0, 1, 5) == std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1});
  CHECK(ticks(-7, 12, 4) == std::vector<double>{-5, 0, 5, 10});
  CHECK(ticks(3, 3, 5).empty());
}

TEST_CASE("chart: points that are not finite, or not above zero on a logarithmic axis, interrupt the line") {
  Chart chart{"loss", "epoch", {{"training", {0, 1, 2, 3, 4}, {1, 2, NAN, 3, 4}}}};
  const std::string svg = chart_svg(chart);
  CHECK(has(svg, "aria-label=\"loss\""));
  CHECK(has(svg, "training"));
  CHECK_FALSE(has(svg, "nan"));
  const auto path = svg.substr(svg.find(" d=\"") + 4, 60);
  CHECK(std::count(path.begin(), path.end(), 'M') == 2);
  chart.log_y = true;
  chart.curves[0].y = {1, 0, -1, 10, 100};
  CHECK_FALSE(has(chart_svg(chart), "inf"));
}

TEST_CASE("chart: on a logarithmic x axis equal factors are equal distances; marks stay inside the picture") {
  Chart chart{"time", "L", {{"scan", {10, 100, 1000, 0, -1}, {1, 2, 3, 4, 5}}}};
  chart.log_x = true;
  chart.marks = {{100, "chunk < scan"}, {0, "never"}, {1e6, "outside"}};
  const std::string svg = chart_svg(chart);
  CHECK_FALSE(has(svg, "nan"));
  CHECK_FALSE(has(svg, "inf"));
  double x0 = 0, x1 = 0, x2 = 0, y = 0;
  REQUIRE(std::sscanf(svg.c_str() + svg.find(" d=\"M") + 5, "%lf %lfL%lf %lfL%lf", &x0, &y, &x1, &y, &x2) == 5);
  CHECK(std::abs((x1 - x0) - (x2 - x1)) < 0.2);  // coordinates have one digit after the point
  CHECK(has(svg, "chunk &lt; scan"));
  CHECK_FALSE(has(svg, "never"));
  CHECK_FALSE(has(svg, "outside"));
}

TEST_CASE("chart: no points, one point and a constant still make a picture") {
  CHECK(has(chart_svg({"a", "x", {}}), "</svg>"));
  CHECK(has(chart_svg({"a", "x", {{"c", {1}, {1}}}}), "<circle"));
  CHECK_FALSE(has(chart_svg({"a", "x", {{"c", {1, 2}, {5, 5}}}}), "nan"));
  CHECK(has(trace_svg({}, 10, 10), "</svg>"));
  CHECK_FALSE(has(trace_svg({1, NAN, 1}, 10, 10), "nan"));
}

TEST_CASE("chart: a band is one closed area for each run of finite points, behind the curves") {
  Chart chart{"load", "hour", {{"median", {0, 1, 2, 3, 4}, {1, 2, 3, 4, 5}}}};
  chart.bands = {{"90 %", {0, 1, 2, 3, 4}, {0, 1, 2, NAN, 4}, {2, 3, 4, 5, 6}, 0}};
  const std::string svg = chart_svg(chart);
  CHECK_FALSE(has(svg, "nan"));
  const std::size_t band = svg.find("class=\"band\"");
  REQUIRE(band != std::string::npos);
  CHECK(band < svg.find("stroke-linejoin"));
  const std::string path = svg.substr(band, svg.find("/>", band) - band);
  CHECK(std::count(path.begin(), path.end(), 'Z') == 2);
  CHECK(has(svg, "90 %"));
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // the axis reaches from the lowest to the highest edge
  REQUIRE(std::sscanf(svg.c_str() + svg.find(" d=\"M") + 5, "%lf %lfL%lf %lf", &x0, &y0, &x1, &y1) == 4);
  CHECK(y1 < y0);
  CHECK(x0 < x1);
}

TEST_CASE("chart: points are circles, those that cannot be shown are left out") {
  Chart chart{"load", "hour", {}};
  chart.points = {{"observed", {0, 1, 2, NAN}, {1, NAN, 3, 4}}};
  const std::string svg = chart_svg(chart);
  CHECK_FALSE(has(svg, "nan"));
  std::size_t circles = 0;
  for (std::size_t at = svg.find("<circle r"); at != std::string::npos; at = svg.find("<circle r", at + 1)) ++circles;
  CHECK(circles == 2);
}

TEST_CASE("chart: bars stand side by side on zero, negative ones below") {
  Chart chart{"events", "id", {}};
  chart.bars = {{"real", {1, 2, 3}, {0.5, 0.25, -0.25}}, {"generated", {1, 2, 3}, {0.4, NAN, 0.1}}};
  const std::string svg = chart_svg(chart);
  CHECK_FALSE(has(svg, "nan"));
  double x[5] = {}, wide = 0, y[5] = {}, high[5] = {};
  int found = 0;
  for (std::size_t at = svg.find("<g fill"); found < 5; ++found) {
    at = svg.find("<rect", at + 1);
    REQUIRE(std::sscanf(svg.c_str() + at, "<rect x=\"%lf\" width=\"%lf\" y=\"%lf\" height=\"%lf\"", &x[found], &wide,
                        &y[found], &high[found]) == 4);
  }
  CHECK(x[3] == Approx(x[0] + wide).margin(0.11));     // the second group's first bar touches the first group's
  CHECK(high[0] == Approx(2 * high[1]).margin(0.21));  // 0.5 and 0.25
  CHECK(y[0] + high[0] == Approx(y[2]).margin(0.11));  // up to zero, down from zero
  chart.log_y = true;
  CHECK_FALSE(has(chart_svg(chart), "inf"));
  CHECK_FALSE(has(chart_svg({"a", "x", {}, false, false, false, {}, {}, {}, {{"one", {1}, {2}}}}), "nan"));
}

TEST_CASE("report: one file without references to others, and all text escaped") {
  Report report("a < b & \"c\"");
  report.heading("<script>alert(1)</script>");
  report.table({"class"}, {{"<0>"}});
  longwave::Tensor<index_t, 2> counts(2, 2);
  counts(0, 0) = 9;
  counts(0, 1) = 1;
  report.confusion(counts.view(), {"zero", "one"});
  report.examples({{{0, 1, 0.5f}, {0.25, 0.75}, 1}, {{1}, {0.75, 0.25}, 1}}, {"zero", "one"});
  const std::string html = report.html();
  CHECK(has(html, "a &lt; b &amp; &quot;c&quot;"));
  CHECK_FALSE(has(html, "<script"));
  CHECK_FALSE(has(html, "http"));
  CHECK(has(html, "&lt;0&gt;"));
  CHECK(has(html, "right: true class one"));
  CHECK(has(html, "wrong: true class one"));
  CHECK(has(html, "75.0 %"));
}

TEST_CASE("report: is written as a whole, and a folder that is not there is an IoError") {
  TemporaryFolder folder;
  Report report("t");
  report.write(folder / "report.html");
  CHECK(has(content(folder / "report.html"), "</html>"));
  CHECK(has(longwave::test::error_text<longwave::IoError>([&] { report.write(folder / "none/report.html"); }),
            "none/report.html"));
}

TEST_CASE("metrics_log: one JSON object a line, null for figures that are not finite") {
  TemporaryFolder folder;
  {
    MetricsLog log(folder / "m.jsonl");
    log.write("step", 1, {{"loss", 0.5}, {"lr", NAN}});
    CHECK(content(folder / "m.jsonl") == "{\"kind\":\"step\",\"step\":1,\"loss\":0.5,\"lr\":null}\n");
    log.write("epoch", 2, {{"loss", 0.25}});
  }
  const auto rows = read_metrics(folder / "m.jsonl", "epoch");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].at("loss") == 0.25);
  CHECK(rows[0].at("step") == 2);
  CHECK(std::isnan(read_metrics(folder / "m.jsonl", "step")[0].at("lr")));
}

TEST_CASE("metrics_log: a resumed run keeps the lines up to its step and drops later and broken ones") {
  TemporaryFolder folder;
  {
    MetricsLog log(folder / "m.jsonl");
    for (int i = 1; i <= 4; ++i) log.write("step", i, {{"loss", 1.0 * i}});
  }
  std::ofstream(folder / "m.jsonl", std::ios::app) << "{\"kind\":\"st";
  {
    MetricsLog log(folder / "m.jsonl", 2);
    log.write("step", 3, {{"loss", 30}});
  }
  const auto rows = read_metrics(folder / "m.jsonl", "step");
  REQUIRE(rows.size() == 3);
  CHECK(rows[2].at("loss") == 30);
  { MetricsLog afresh(folder / "m.jsonl"); }
  CHECK(read_metrics(folder / "m.jsonl", "step").empty());
}

TEST_CASE("metrics_log: a full disk is an IoError that says so") {
  if (!longwave::file_exists("/dev/full")) return;
  MetricsLog log("/dev/full");
  CHECK(has(longwave::test::error_text<longwave::IoError>([&] { log.write("step", 1, {}); }), "free some space"));
}
