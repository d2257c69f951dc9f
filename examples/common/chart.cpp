#include "common/chart.hpp"

#include <algorithm>
#include <cmath>

#include "common/format.hpp"

namespace longwave::examples {

namespace {

constexpr double width = 560, height = 300, left = 58, right = 18, top = 34, bottom = 44;
const char* const colours[] = {"#2a6fdb", "#d9622b", "#2f9e62", "#9a4fc2", "#b8860b", "#4d6272"};

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  bool empty() const { return !(low <= high); }
  void widen() {  // never empty, never of width zero
    if (empty()) *this = {0, 1};
    if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {
      const double pad = high == 0 ? 1 : 0.1 * std::abs(high);
      low -= pad;
      high += pad;
    }
  }
};

struct Axes {
  Range x, y;  // logarithms where the axis is logarithmic
  bool log_x, log_y;
  static double scaled(double v, bool log) { return log ? std::log10(v) : v; }
  double px(double v) const { return left + (scaled(v, log_x) - x.low) / (x.high - x.low) * (width - left - right); }
  double py(double v) const {
    return height - bottom - (scaled(v, log_y) - y.low) / (y.high - y.low) * (height - top - bottom);
  }
  bool shows(double vx, double vy) const {
    return std::isfinite(vx) && std::isfinite(vy) && (!log_x || vx > 0) && (!log_y || vy > 0);
  }
};

std::size_t length(const Curve& curve) { return std::min(curve.x.size(), curve.y.size()); }
std::size_t length(const Band& band) { return std::min({band.x.size(), band.low.size(), band.high.size()}); }

// Between neighbouring groups of bars; 1 where there is one group.
double bar_step(const Chart& chart) {
  std::vector<double> x;
  for (const Curve& bars : chart.bars)
    for (const double v : bars.x)
      if (std::isfinite(v)) x.push_back(v);
  std::sort(x.begin(), x.end());
  double step = INFINITY;
  for (std::size_t i = 1; i < x.size(); ++i)
    if (x[i] > x[i - 1]) step = std::min(step, x[i] - x[i - 1]);
  return std::isfinite(step) ? step : 1;
}

Axes axes_of(const Chart& chart) {
  Axes axes{{}, {}, chart.log_x, chart.log_y};
  const auto add = [&](double x, double y) {
    if (!axes.shows(x, y)) return;
    axes.x.add(Axes::scaled(x, chart.log_x));
    axes.y.add(Axes::scaled(y, chart.log_y));
  };
  for (const auto* kind : {&chart.curves, &chart.points})
    for (const Curve& curve : *kind)
      for (std::size_t i = 0; i < length(curve); ++i) add(curve.x[i], curve.y[i]);
  for (const Band& band : chart.bands)
    for (std::size_t i = 0; i < length(band); ++i) {
      add(band.x[i], band.low[i]);
      add(band.x[i], band.high[i]);
    }
  const double half = chart.bars.empty() ? 0 : bar_step(chart) / 2;
  for (const Curve& bars : chart.bars)
    for (std::size_t i = 0; i < length(bars); ++i)
      for (const double x : {bars.x[i] - half, bars.x[i] + half}) {
        add(x, bars.y[i]);
        add(x, 0);
      }
  axes.x.widen();
  axes.y.widen();
  if (!chart.log_y && axes.y.low > 0 && axes.y.low < 0.3 * axes.y.high) axes.y.low = 0;
  return axes;
}

// Values, for logarithms in [low, high]: 1, 2, 5 per decade; whole decades where there are many, even steps within one.
std::vector<double> log_ticks(const Range& range) {
  if (range.high - range.low < 1) return ticks(std::pow(10.0, range.low), std::pow(10.0, range.high), 5);
  std::vector<double> at;
  for (double decade = std::floor(range.low); decade <= range.high; ++decade)
    for (const double part : {1.0, 2.0, 5.0}) {
      const double log = decade + std::log10(part);
      if (log >= range.low && log <= range.high && (part == 1 || range.high - range.low < 3))
        at.push_back(part * std::pow(10.0, decade));
    }
  return at;
}

std::string number(double v, bool percent) { return percent ? format("%.4g %%", 100 * v) : format("%.4g", v); }

std::string grid(const Axes& axes, const Chart& chart) {
  std::string svg = "<g class=\"grid\">";
  for (const double v : axes.log_y ? log_ticks(axes.y) : ticks(axes.y.low, axes.y.high, 5)) {
    const double y = axes.py(v);
    svg += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", left, width - right, y, y);
    svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", left - 6, y + 4) + number(v, chart.percent) +
           "</text>";
  }
  for (const double v : axes.log_x ? log_ticks(axes.x) : ticks(axes.x.low, axes.x.high, 7)) {
    const double x = axes.px(v);
    svg +=
        format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x, x, height - bottom, height - bottom + 4);
    svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x, height - bottom + 18) + number(v, false) +
           "</text>";
  }
  svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", (left + width - right) / 2, height - 8);
  return svg + escape_html(chart.x_label) + "</text></g>";
}

std::string polyline(const Axes& axes, const Curve& curve, const char* colour) {
  std::string path;
  bool drawing = false;
  std::size_t points = 0;
  double x = 0, y = 0;
  for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
    const bool shown = axes.shows(curve.x[i], curve.y[i]);
    if (shown) {
      x = axes.px(curve.x[i]);
      y = axes.py(curve.y[i]);
      path += format("%s%.1f %.1f", drawing ? "L" : "M", x, y);
      ++points;
    }
    drawing = shown;
  }
  if (points == 1) return format("<circle r=\"3\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\"/>", colour, x, y);
  return format("<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" d=\"", colour) +
         path + "\"/>";
}

// One closed path for each run of points that are shown.
std::string area(const Axes& axes, const Band& band, const char* colour) {
  std::string path;
  for (std::size_t i = 0; i < length(band);) {
    const auto shown = [&](std::size_t j) {
      return axes.shows(band.x[j], band.low[j]) && axes.shows(band.x[j], band.high[j]);
    };
    if (!shown(i)) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    for (; i < length(band) && shown(i); ++i)
      path += format("%s%.1f %.1f", i == begin ? "M" : "L", axes.px(band.x[i]), axes.py(band.high[i]));
    for (std::size_t j = i; j-- > begin;) path += format("L%.1f %.1f", axes.px(band.x[j]), axes.py(band.low[j]));
    path += "Z";
  }
  return format("<path class=\"band\" fill=\"%s\" fill-opacity=\"0.22\" d=\"", colour) + path + "\"/>";
}

std::string circles(const Axes& axes, const Curve& points, const char* colour) {
  std::string svg = format("<g fill=\"%s\">", colour);
  for (std::size_t i = 0; i < length(points); ++i)
    if (axes.shows(points.x[i], points.y[i]))
      svg += format("<circle r=\"2\" cx=\"%.1f\" cy=\"%.1f\"/>", axes.px(points.x[i]), axes.py(points.y[i]));
  return svg + "</g>";
}

// Group number `place` of `groups` side by side within four fifths of a step. On a logarithmic axis from its lower end.
std::string rectangles(const Axes& axes, const Curve& bars, double step, std::size_t place, std::size_t groups,
                       const char* colour) {
  std::string svg = format("<g fill=\"%s\">", colour);
  const double wide = 0.8 * step / static_cast<double>(groups);
  for (std::size_t i = 0; i < length(bars); ++i) {
    const double from = bars.x[i] - 0.4 * step + wide * static_cast<double>(place);
    if (!axes.shows(from, bars.y[i]) || !axes.shows(from + wide, bars.y[i])) continue;
    const double base = axes.log_y ? height - bottom : axes.py(std::clamp(0.0, axes.y.low, axes.y.high));
    const double y = axes.py(bars.y[i]);
    svg += format("<rect x=\"%.1f\" width=\"%.1f\" y=\"%.1f\" height=\"%.1f\"/>", axes.px(from),
                  std::max(0.5, axes.px(from + wide) - axes.px(from)), std::min(y, base), std::abs(y - base));
  }
  return svg + "</g>";
}

// Lines inside the picture, each text a little lower than the one before, so that neighbours stay readable.
std::string marks(const Axes& axes, const Chart& chart) {
  std::string svg;
  double y = top + 12;
  for (const Mark& mark : chart.marks) {
    if (!std::isfinite(mark.x) || (axes.log_x && mark.x <= 0)) continue;
    const double x = axes.px(mark.x);
    if (x < left || x > width - right) continue;
    const bool at_left = x > (left + width) / 2;
    svg +=
        format("<line class=\"mark\" stroke=\"#8b97a5\" stroke-dasharray=\"4 3\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" ",
               x, x, top) +
        format("y2=\"%.1f\"/><text font-size=\"11\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", height - bottom,
               at_left ? x - 4 : x + 4, y, at_left ? "end" : "start") +
        escape_html(mark.text) + "</text>";
    y += 13;
  }
  return svg;
}

// From the right: a name with a sample of its line, area, point or bar.
std::string legend(const Chart& chart) {
  struct Entry {
    const std::string& name;
    const char* shape;  // with the place of the sample's left end
    const char* colour;
  };
  constexpr const char* line = "<rect x=\"%.1f\" y=\"14.5\" width=\"15\" height=\"3\" fill=\"%s\"/>";
  constexpr const char* pale =
      "<rect x=\"%.1f\" y=\"11\" width=\"15\" height=\"10\" fill=\"%s\" fill-opacity=\"0.22\"/>";
  constexpr const char* dot = "<circle transform=\"translate(%.1f 16)\" cx=\"8\" r=\"3\" fill=\"%s\"/>";
  constexpr const char* block = "<rect x=\"%.1f\" y=\"11\" width=\"15\" height=\"10\" fill=\"%s\"/>";
  std::vector<Entry> entries;
  std::size_t used = 0;
  for (const Curve& curve : chart.curves) entries.push_back({curve.name, line, colours[used++ % 6]});
  for (const Band& band : chart.bands) entries.push_back({band.name, pale, colours[band.colour % 6]});
  for (const Curve& points : chart.points) entries.push_back({points.name, dot, colours[used++ % 6]});
  for (const Curve& bars : chart.bars) entries.push_back({bars.name, block, colours[used++ % 6]});
  std::string svg;
  double x = width - right;
  for (std::size_t i = entries.size(); i-- > 0;) {
    if (entries[i].name.empty()) continue;
    x -= 7.0 * static_cast<double>(entries[i].name.size()) + 8;
    svg += format("<text x=\"%.1f\" y=\"20\">", x) + escape_html(entries[i].name) + "</text>";
    x -= 20;
    svg += format(entries[i].shape, x, entries[i].colour);
    x -= 10;
  }
  return svg;
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  std::vector<double> at;
  if (!(high > low) || count < 1) return at;
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double i = first; i <= last; ++i) at.push_back(i == 0 ? 0 : i * step);
  return at;
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string chart_svg(const Chart& chart) {
  const Axes axes = axes_of(chart);
  std::string svg = format("<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
  svg += escape_html(chart.title) + "\">";
  svg += format("<text class=\"title\" x=\"%.1f\" y=\"20\">", left) + escape_html(chart.title) + "</text>";
  svg += grid(axes, chart);
  for (const Band& band : chart.bands) svg += area(axes, band, colours[band.colour % 6]);
  const double step = bar_step(chart);
  const std::size_t curves = chart.curves.size(), points = chart.points.size(), bars = chart.bars.size();
  for (std::size_t i = 0; i < bars; ++i)
    svg += rectangles(axes, chart.bars[i], step, i, bars, colours[(curves + points + i) % 6]);
  for (std::size_t i = 0; i < curves; ++i) svg += polyline(axes, chart.curves[i], colours[i % 6]);
  for (std::size_t i = 0; i < points; ++i) svg += circles(axes, chart.points[i], colours[(curves + i) % 6]);
  return svg + marks(axes, chart) + legend(chart) + "</svg>";
}

std::string trace_svg(const std::vector<float>& values, int w, int h) {
  Range y;
  for (const float v : values)
    if (std::isfinite(v)) y.add(static_cast<double>(v));
  y.widen();
  std::string svg = format(
      "<svg class=\"trace\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\"><path fill=\"none\" d=\"", w, h, w, h);
  bool drawing = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto v = static_cast<double>(values[i]);
    if (std::isfinite(v)) {
      const double x = 2 + (w - 4.0) * static_cast<double>(i) / std::max(1.0, static_cast<double>(values.size()) - 1);
      svg += format("%s%.1f %.1f", drawing ? "L" : "M", x, h - 2 - (h - 4.0) * (v - y.low) / (y.high - y.low));
    }
    drawing = std::isfinite(v);
  }
  return svg + "\"/></svg>";
}

}  // namespace longwave::examples
