#include "sssd/report.hpp"

#include "check.hpp"
#include "common/metrics_log.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::examples::sssd;
using longwave::examples::Chart;
using longwave::examples::MetricsLog;
using longwave::test::contains;
using longwave::test::read_text;
using longwave::test::TemporaryFolder;

namespace {

template <int N>
Tensor<float, N> values(Extents<N> sizes, const std::vector<float>& numbers) {
  Tensor<float, N> x(sizes);
  std::copy(numbers.begin(), numbers.end(), x.data());
  return x;
}

}  // namespace

TEST_CASE("sssd report: the chart of a series has median, band, observed and hidden points") {
  const auto target = values<3>({1, 1, 4}, {1, 2, 3, 4}), mask = values<3>({1, 1, 4}, {1, 0, 1, 0});
  const auto known = values<3>({1, 1, 4}, {1, 1, 1, 0});
  const auto samples = values<4>({2, 1, 1, 4}, {1, 0, 3, 0, 1, 4, 3, 2});
  const Chart chart = series_chart("OT", samples, {target, mask, target, known}, 0);
  CHECK(chart.curves[0].y == std::vector<double>{1, 2, 3, 1});
  CHECK(chart.bands[0].low[1] == Approx(0.2));
  CHECK(chart.bands[0].high[1] == Approx(3.8));
  CHECK(chart.points[0].x == std::vector<double>{1});  // hidden; what was never known is nowhere
  CHECK(chart.points[1].x == std::vector<double>{0, 2});
}

TEST_CASE("sssd report: the chart of events shows the gap and what is around it") {
  std::vector<float> ones(30, 1), truth(30);
  for (int i = 0; i < 30; ++i) truth[static_cast<std::size_t>(i)] = static_cast<float>(i);
  ones[15] = ones[16] = 0;
  const auto target = values<3>({1, 1, 30}, truth), mask = values<3>({1, 1, 30}, ones);
  const Chart chart = event_chart("gzip", target, {target, mask, target}, 0, 3);
  CHECK(chart.points[0].x == std::vector<double>{12, 13, 14, 17, 18, 19});
  CHECK(chart.points[1].x == std::vector<double>{15, 16});
  CHECK(chart.points[2].y == std::vector<double>{15, 16});
}

TEST_CASE("sssd report: the most frequent events of the first list, side by side") {
  const std::vector<std::int32_t> a = {7, 7, 7, 3, 3, 5}, b = {3, 9};
  const Chart chart = frequency_chart({{"real", EventCounts({a})}, {"generated", EventCounts({b})}}, 2);
  REQUIRE(chart.bars.size() == 2);
  CHECK(chart.bars[0].x == std::vector<double>{3, 7});
  CHECK(chart.bars[0].y == std::vector<double>{2.0 / 6, 0.5});
  CHECK(chart.bars[1].y == std::vector<double>{0.5, 0});
  CHECK(frequency_chart({}).bars.empty());
}

TEST_CASE("sssd report: one file with tables, charts, events and losses") {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder / "metrics.jsonl");
    for (int i = 0; i < 3; ++i)
      log.write("iteration", 100 * i, {{"train_loss", 1.0 / (i + 1)}, {"validation_loss", NAN}});
  }
  CHECK(loss_charts("").empty());
  CHECK(loss_charts(folder / "none.jsonl").empty());
  REQUIRE(loss_charts(folder / "metrics.jsonl").size() == 1);
  CHECK(loss_charts(folder / "metrics.jsonl")[0].curves[0].x == std::vector<double>{0, 100, 200});

  const std::vector<std::int32_t> a = {7, 7, 3};
  ReportContent content;
  content.title = "sssd <impute>";
  content.figures = {{"accuracy", "81.6 %"}};
  content.paragraphs = {"A paragraph."};
  content.tables = {{"Imputed events", {"", "accuracy"}, {{"model", "0.8"}, {"majority", "0.24"}}}};
  const auto target = values<3>({1, 1, 4}, {1, 2, 3, 4}), mask = values<3>({1, 1, 4}, {1, 0, 1, 0});
  content.series = {series_chart("OT", target.view().reshape(Extents<4>{1, 1, 1, 4}), {target, mask, target}, 0)};
  content.events = {{"real", EventCounts({a})}};
  content.metrics = folder / "metrics.jsonl";
  content.options = "{\"a\": 1}";
  write_report(folder / "r.html", content);
  const std::string html = read_text(folder / "r.html");
  for (const char* part :
       {"sssd &lt;impute&gt;", "81.6 %", "A paragraph.", "Imputed events", "majority", "share of events",
        "class=\"band\"", "observed", "validation", "{&quot;a&quot;: 1}", "Machine"})
    CHECK(contains(html, part));
  CHECK_FALSE(contains(html, "nan"));
  CHECK_FALSE(contains(html, "http"));
}
