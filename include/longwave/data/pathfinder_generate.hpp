// pathfinder_generate.hpp - images like those of Pathfinder, drawn at any resolution: two long dashed curves, shorter
// ones as distractors, and two dots. Label 1: the dots are the ends of one curve; 0: an end of each.
//
//   const Pathfinder images = draw_pathfinder(20000, {.side = 32, .seed = 1});
//
// A curve grows dash by dash, each turned a little against the last, and keeps `clearance` from itself and from all
// that is there; where it cannot go on it is begun again, and after a while the image. What is left between curves is
// at least twice what is left between dashes, so that the label can be told from the pixels. Lengths are in units of
// side / 32: every resolution shows the same scenes, and Path-X is side 128 with more dashes. Image i of a seed is
// always the same. A generator of its own: like the published sets in kind, not in distribution.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "longwave/data/draws.hpp"
#include "longwave/data/pathfinder.hpp"

namespace longwave {

struct PathfinderScene {
  index_t side = 32;
  index_t dashes = 9;       // of the two long curves
  index_t distractors = 3;  // curves of a third of the dashes
  double dash = 1.7, gap = 1.4, width = 0.9;
  double clearance = 2.9;  // between the middle lines of curves
  double dot = 1.3;        // radius
  double turn = 0.45;      // largest, in radians, from dash to dash
  std::uint64_t seed = 0;
};

namespace detail {

struct Point {
  double x = 0, y = 0;
};

inline double distance(Point p, Point a, Point b) {  // of p to the line from a to b
  const double dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
  const double t = square > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

struct Dash {
  Point from, to;
};
using Curve = std::vector<Dash>;

class PathfinderDraft {
 public:
  PathfinderDraft(const PathfinderScene& scene, Draws& draws) : scene_(scene), draws_(draws) {}

  // Whether all found room. curves: the two long ones first.
  bool draw(std::vector<Curve>& curves) {
    curves.clear();
    const index_t short_dashes = std::max<index_t>(scene_.dashes / 3, 1);
    for (index_t k = 0; k < 2 + scene_.distractors; ++k) {
      Curve curve;
      bool grown = false;
      for (int attempt = 0; attempt < 40 && !grown; ++attempt)
        grown = grow(curves, k < 2 ? scene_.dashes : short_dashes, curve);
      if (!grown) return false;
      curves.push_back(std::move(curve));
    }
    return true;
  }

 private:
  static constexpr double size = 32;

  bool grow(const std::vector<Curve>& others, index_t dashes, Curve& curve) {
    curve.clear();
    Point at{draws_.uniform(0, size), draws_.uniform(0, size)};
    double angle = draws_.uniform(0, 2 * std::numbers::pi);
    for (index_t k = 0; k < dashes; ++k) {
      bool placed = false;
      for (int attempt = 0; attempt < 12 && !placed; ++attempt) {
        const double turned = angle + (k == 0 ? 0 : draws_.uniform(-scene_.turn, scene_.turn));
        const double c = std::cos(turned), s = std::sin(turned), skip = k == 0 ? 0 : scene_.gap;
        const Point from{at.x + skip * c, at.y + skip * s}, to{from.x + scene_.dash * c, from.y + scene_.dash * s};
        if (!free(others, curve, from) || !free(others, curve, to)) continue;
        curve.push_back({from, to});
        at = to;
        angle = turned;
        placed = true;
      }
      if (!placed) return false;
    }
    return true;
  }

  // Inside, with room for a dot, and far enough from all but the last two dashes of its own curve.
  bool free(const std::vector<Curve>& others, const Curve& own, Point p) const {
    const double margin = scene_.dot;
    if (p.x < margin || p.y < margin || p.x > size - margin || p.y > size - margin) return false;
    for (std::size_t i = 0; i + 2 < own.size(); ++i)
      if (distance(p, own[i].from, own[i].to) < scene_.clearance) return false;
    for (const Curve& curve : others)
      for (const Dash& dash : curve)
        if (distance(p, dash.from, dash.to) < scene_.clearance + scene_.dash / 2) return false;
    return true;
  }

  const PathfinderScene& scene_;
  Draws& draws_;
};

// Brightens the pixels within radius of the line, with a soft edge of one pixel.
inline void paint(TensorView<std::uint8_t, 2> image, Point a, Point b, double radius) {
  const index_t side = image.size(0);
  const auto bound = [&](double v) { return std::clamp<index_t>(static_cast<index_t>(std::floor(v)), 0, side - 1); };
  for (index_t row = bound(std::min(a.y, b.y) - radius - 1); row <= bound(std::max(a.y, b.y) + radius + 1); ++row)
    for (index_t column = bound(std::min(a.x, b.x) - radius - 1); column <= bound(std::max(a.x, b.x) + radius + 1);
         ++column) {
      const Point centre{static_cast<double>(column) + 0.5, static_cast<double>(row) + 0.5};
      const double cover = std::clamp(radius + 0.5 - distance(centre, a, b), 0.0, 1.0);
      image(row, column) = std::max(image(row, column), static_cast<std::uint8_t>(std::lround(255 * cover)));
    }
}

inline index_t draw_pathfinder_image(const PathfinderScene& scene, TensorView<std::uint8_t, 2> image, Draws& draws) {
  const bool joined = draws.below(2) == 1;
  std::vector<Curve> curves;
  PathfinderDraft draft(scene, draws);
  int attempts = 0;
  while (!draft.draw(curves))
    if (++attempts == 2000)
      throw_value_error("draw_pathfinder: " + std::to_string(scene.dashes) + " dashes and " +
                        std::to_string(scene.distractors) +
                        " distractors found no room in 2000 drafts; take fewer or a smaller clearance");
  const double unit = static_cast<double>(scene.side) / 32;
  const auto scaled = [&](Point p) { return Point{p.x * unit, p.y * unit}; };
  for (index_t l = 0; l < image.count(); ++l) image.data()[l] = 0;
  for (const Curve& curve : curves)
    for (const Dash& dash : curve) paint(image, scaled(dash.from), scaled(dash.to), scene.width * unit / 2);
  const Point first = curves[0].front().from, second = joined                ? curves[0].back().to
                                                       : draws.below(2) == 1 ? curves[1].back().to
                                                                             : curves[1].front().from;
  for (const Point p : {first, second}) paint(image, scaled(p), scaled(p), scene.dot * unit);
  return joined;
}

}  // namespace detail

inline Pathfinder draw_pathfinder(index_t n, const PathfinderScene& scene = {}) {
  const double between = scene.gap - scene.width;  // dashes end round
  const bool lengths = scene.dash > 0 && between > 0 && scene.width > 0 && scene.dot > 0 && scene.turn >= 0;
  const bool apart = scene.clearance - std::max(scene.width, scene.dot + scene.width / 2) >= 2 * between;
  if (n < 1 || scene.side < 16 || scene.dashes < 1 || scene.distractors < 0)
    throw_value_error("draw_pathfinder: " + std::to_string(n) + " images of side " + std::to_string(scene.side) +
                      " (16 or more) with " + std::to_string(scene.dashes) + " dashes and " +
                      std::to_string(scene.distractors) + " distractors cannot be drawn");
  if (!lengths || !apart)
    throw_value_error("draw_pathfinder: lengths must be above 0, the gap above the width, and the clearance, " +
                      std::to_string(scene.clearance) + ", wide enough to tell curves from gaps");
  Pathfinder out{"generated Pathfinder", scene.side,
                 Tensor<std::uint8_t, 2>::uninitialized({n, scene.side * scene.side}),
                 Tensor<index_t, 1>::uninitialized({n})};
  parallel_blocks(n, 16, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      Draws draws({scene.seed, 0, 0}, i);
      out.y(i) = detail::draw_pathfinder_image(scene, {&out.image(i, 0), Extents<2>{scene.side, scene.side}}, draws);
    }
  });
  return out;
}

}  // namespace longwave
