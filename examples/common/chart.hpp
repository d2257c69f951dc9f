// chart.hpp - small SVG pictures: curves, bands, points and bars with axes, a bare trace of a sequence. Text in, text
// out, no dependencies.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace longwave::examples {

struct Curve {
  std::string name;
  std::vector<double> x, y;  // points with a value that is not finite interrupt the line
};

struct Band {  // the area between two curves, paler than a curve
  std::string name;
  std::vector<double> x, low, high;  // interrupted where one is not finite
  std::size_t colour = 0;            // that of curve number `colour`
};

struct Mark {  // a vertical line with a text
  double x;
  std::string text;
};

struct Chart {
  std::string title, x_label;
  std::vector<Curve> curves;
  bool log_y = false;    // for values above zero; others interrupt the line
  bool percent = false;  // y in [0, 1], shown as percent
  bool log_x = false;    // as log_y
  std::vector<Mark> marks = {};
  std::vector<Band> bands = {};    // behind everything else
  std::vector<Curve> points = {};  // circles, not joined
  std::vector<Curve> bars = {};    // from 0 up or down, those of one x side by side
};

std::string chart_svg(const Chart& chart);

// Line through values[0..n) that fills the given size.
std::string trace_svg(const std::vector<float>& values, int width, int height);

// Round numbers inside [low, high], about `count` of them: steps of 1, 2 or 5 times a power of ten.
std::vector<double> ticks(double low, double high, int count);

std::string escape_html(const std::string& text);

}  // namespace longwave::examples
