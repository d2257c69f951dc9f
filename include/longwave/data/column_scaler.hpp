// column_scaler.hpp - columns of a table to [-1, 1] and back, in double, each with a transform of its own first:
//
//   linear     u = x
//   log        u = log(1 + x - min)                    heavy tails to the right
//   quantile   u = where x stands among the sorted numbers of the fit, in [0, 1]: the scaled column is uniform. Between
//              two numbers u is interpolated; of a number that occurs often u is any point of its share, which `tie`
//              in [0, 1) chooses, and every one of them leads back to the number itself.
//   scaled = 2 (u - u_min) / (u_max - u_min) - 1, where a range of 0 counts as 1: a constant column becomes -1.
//
// linear goes beyond [-1, 1] outside of the range of the fit, as does log; quantile stops there. unscale(scale(x)) is x
// to 1e-12 of the range (log: of 1 + x - min). Files: safetensors, the numbers bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/io/crc32c.hpp"
#include "longwave/io/safetensors.hpp"

namespace longwave {

enum class ColumnTransform { linear, log, quantile };

inline constexpr const char* column_transform_names[] = {"linear", "log", "quantile"};

inline ColumnTransform column_transform(const std::string& name) {
  for (int i = 0; i < 3; ++i)
    if (name == column_transform_names[i]) return static_cast<ColumnTransform>(i);
  throw_value_error("there is no transform \"" + name + "\"; there are linear, log, quantile");
}

class ColumnScaler {
 public:
  static constexpr index_t most_knots = 4097;  // of a quantile column

  ColumnScaler() = default;

  // x (n, C); transforms: one per column, none for linear throughout.
  static ColumnScaler fit(TensorView<const double, 2> x, std::vector<ColumnTransform> transforms = {}) {
    const index_t n = x.size(0), C = x.size(1);
    if (n < 1) throw_value_error("ColumnScaler: nothing to fit: x is " + to_string(x.sizes(), "nC"));
    if (transforms.empty()) transforms.assign(static_cast<std::size_t>(C), ColumnTransform::linear);
    if (static_cast<index_t>(transforms.size()) != C)
      throw_value_error("ColumnScaler: " + std::to_string(transforms.size()) + " transforms for " + std::to_string(C) +
                        " columns");
    ColumnScaler scaler;
    for (index_t c = 0; c < C; ++c) {
      std::vector<double> sorted;
      sorted.reserve(static_cast<std::size_t>(n));
      for (index_t i = 0; i < n; ++i) {
        if (!std::isfinite(x(i, c)))
          throw_value_error("ColumnScaler: row " + std::to_string(i) + " of column " + std::to_string(c) +
                            " is not finite");
        sorted.push_back(x(i, c));
      }
      const ColumnTransform transform = transforms[static_cast<std::size_t>(c)];
      Column column{transform,
                    *std::min_element(sorted.begin(), sorted.end()),
                    *std::max_element(sorted.begin(), sorted.end()),
                    {}};
      if (transform == ColumnTransform::quantile) column.knots = knots_of(std::move(sorted));
      scaler.columns_.push_back(std::move(column));
    }
    return scaler;
  }

  index_t columns() const { return static_cast<index_t>(columns_.size()); }
  double min(index_t c) const { return at(c).min; }
  double max(index_t c) const { return at(c).max; }
  ColumnTransform transform(index_t c) const { return at(c).transform; }

  double scale(index_t c, double x, double tie = 0.5) const {
    const Column& column = at(c);
    switch (column.transform) {
      case ColumnTransform::log:
        return ratio(std::log1p(x - column.min), std::log1p(column.max - column.min));
      case ColumnTransform::quantile:
        return 2 * column.position(x, tie) - 1;
      default:
        return ratio(x - column.min, column.max - column.min);
    }
  }
  double unscale(index_t c, double scaled) const {
    const Column& column = at(c);
    const double u = (scaled + 1) / 2;
    switch (column.transform) {
      case ColumnTransform::log:
        return column.min + std::expm1(u * range(std::log1p(column.max - column.min)));
      case ColumnTransform::quantile:
        return column.value(u);
      default:
        return column.min + u * range(column.max - column.min);
    }
  }

  // A table of n rows; ties: where each number stands in its share, (n, C) in [0, 1); without data: in the middle.
  template <class T>
  void scale(TensorView<T, 2> scaled, TensorView<const double, 2> x, TensorView<const double, 2> ties = {}) const {
    check(scaled.sizes(), x.sizes());
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t c = 0; c < columns(); ++c)
        scaled(i, c) = static_cast<T>(scale(c, x(i, c), wanted(ties) ? ties(i, c) : 0.5));
  }
  template <class T>
  void unscale(TensorView<double, 2> x, TensorView<T, 2> scaled) const {
    check(x.sizes(), scaled.sizes());
    parallel_blocks(
        x.size(0), 4096,
        [&](index_t begin, index_t end) {
          for (index_t i = begin; i < end; ++i)
            for (index_t c = 0; c < columns(); ++c) x(i, c) = unscale(c, static_cast<double>(scaled(i, c)));
        },
        x.count() * 20);
  }

  // A short text that two scalers share only if all their numbers are equal.
  std::string id() const {
    std::uint32_t crc = 0;
    const auto add = [&](const void* data, std::size_t bytes) { crc = detail::crc32c(data, bytes, crc); };
    for (const Column& c : columns_) {
      const double numbers[] = {static_cast<double>(c.transform), c.min, c.max};
      add(numbers, sizeof numbers);
      add(c.knots.data(), c.knots.size() * sizeof(double));
    }
    char text[16];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(crc));
    return text;
  }

  void save(const std::string& path, std::map<std::string, std::string> metadata = {}) const {
    Tensor<double, 2> range(columns(), 2);
    Tensor<std::int64_t, 1> kinds(columns());
    std::vector<NamedArray> arrays;
    for (index_t c = 0; c < columns(); ++c) {
      range(c, 0) = min(c);
      range(c, 1) = max(c);
      kinds(c) = static_cast<std::int64_t>(transform(c));
      if (!at(c).knots.empty())
        arrays.push_back(named_array(
            "knots." + std::to_string(c),
            TensorView<const double, 1>(at(c).knots.data(), Extents<1>{static_cast<index_t>(at(c).knots.size())})));
    }
    arrays.push_back(named_array("range", std::as_const(range).view()));
    arrays.push_back(named_array("transform", std::as_const(kinds).view()));
    metadata["format"] = "longwave column scaler 1";
    write_safetensors(path, arrays, metadata);
  }

  // metadata, if given, takes what save was given.
  static ColumnScaler load(const std::string& path, std::map<std::string, std::string>* metadata = nullptr) {
    const SafetensorsFile file(path);
    const auto format = file.metadata().find("format");
    if (format == file.metadata().end() || format->second != "longwave column scaler 1")
      throw IoError(path, "is not a scaler of columns");
    const auto range = file.read<double, 2>("range");
    const auto kinds = file.values<std::int64_t>("transform");
    if (range.size(1) != 2 || static_cast<index_t>(kinds.size()) != range.size(0))
      throw IoError(path, "the scaler's range is " + to_string(range.sizes()) + " for " + std::to_string(kinds.size()) +
                              " columns");
    ColumnScaler scaler;
    for (index_t c = 0; c < range.size(0); ++c) {
      const std::int64_t kind = kinds[static_cast<std::size_t>(c)];
      const std::string knots = "knots." + std::to_string(c);
      Column column{static_cast<ColumnTransform>(kind), range(c, 0), range(c, 1), {}};
      if (kind == 2) column.knots = file.values<double>(knots);
      const bool sound =
          kind >= 0 && kind <= 2 && std::isfinite(column.min) && std::isfinite(column.max) &&
          column.min <= column.max &&
          (kind != 2 || (!column.knots.empty() && std::is_sorted(column.knots.begin(), column.knots.end()) &&
                         column.knots.front() == column.min && column.knots.back() == column.max));
      if (!sound) throw IoError(path, "column " + std::to_string(c) + " of the scaler is damaged");
      scaler.columns_.push_back(std::move(column));
    }
    if (metadata != nullptr) *metadata = file.metadata();
    return scaler;
  }

 private:
  struct Column {
    ColumnTransform transform;
    double min, max;
    std::vector<double> knots;  // quantile: sorted numbers at even shares, the first and the last among them

    // In [0, 1].
    double position(double x, double tie) const {
      const auto low = std::lower_bound(knots.begin(), knots.end(), x), high = std::upper_bound(low, knots.end(), x);
      const double last = static_cast<double>(std::max<std::size_t>(knots.size() - 1, 1));
      const double at = static_cast<double>(low - knots.begin());
      if (low != high) return (at + tie * static_cast<double>(high - low - 1)) / last;
      if (low == knots.begin()) return 0;
      if (low == knots.end()) return knots.size() > 1 ? 1 : 0;
      return (at - 1 + (x - *(low - 1)) / (*low - *(low - 1))) / last;
    }
    double value(double u) const {
      const double at = std::clamp(u, 0.0, 1.0) * static_cast<double>(knots.size() - 1);
      const auto k = static_cast<std::size_t>(at);
      if (k + 1 >= knots.size()) return knots.back();
      return knots[k] + (at - static_cast<double>(k)) * (knots[k + 1] - knots[k]);
    }
  };

  static std::vector<double> knots_of(std::vector<double> sorted) {
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<index_t>(sorted.size());
    if (n <= most_knots) return sorted;
    std::vector<double> knots;
    for (index_t k = 0; k < most_knots; ++k)
      knots.push_back(sorted[static_cast<std::size_t>(k * (n - 1) / (most_knots - 1))]);
    return knots;
  }

  static double range(double span) { return span > 0 ? span : 1; }
  static double ratio(double part, double span) { return 2 * part / range(span) - 1; }
  const Column& at(index_t c) const { return columns_[static_cast<std::size_t>(c)]; }

  void check(const Extents<2>& a, const Extents<2>& b) const {
    if (a[1] != columns() || !(a == b))
      throw_shape_error("ColumnScaler: " + to_string(a, "nC") + " and " + to_string(b, "nC") + " for a scaler of " +
                        std::to_string(columns()) + " columns");
  }

  std::vector<Column> columns_;
};

}  // namespace longwave
