// transform.hpp - how positive numbers of a state-space model (steps, decays, frequencies) are stored.
//
//   name       value                     slope            stored as
//   exp        e^x                       e^x              log v
//   none       x                         1                v
//   relu       max(x, 0) + 1e-4          [x > 0]          v
//   sigmoid    1 / (1 + e^-x)            s (1 - s)        log(v / (1 - v))
//   softplus   log(1 + e^x)              sigmoid(x)       log(e^v - 1)
//
// Source: version 4 of the official S4 code. As there, relu leaves its 1e-4 in what is stored, so that no start value
// is on its flat side.
#pragma once

#include <cmath>
#include <string>

#include "longwave/core/names.hpp"

namespace longwave {

enum class Transform { exp, none, relu, sigmoid, softplus };

namespace detail {

inline constexpr Named<Transform> transform_names[] = {{"exp", Transform::exp},
                                                       {"none", Transform::none},
                                                       {"relu", Transform::relu},
                                                       {"sigmoid", Transform::sigmoid},
                                                       {"softplus", Transform::softplus}};

}  // namespace detail

inline Transform transform_of(std::string_view name, const char* option = "transform") {
  return value_of_name(option, name, detail::transform_names);
}
inline std::string_view name_of(Transform f) { return name_of_value(f, detail::transform_names); }

struct Transformed {
  double value, slope;
};

LONGWAVE_HD inline Transformed transformed(Transform f, double x) {
  switch (f) {
    case Transform::exp: {
      const double y = std::exp(x);
      return {y, y};
    }
    case Transform::none:
      return {x, 1};
    case Transform::relu:
      return {(x > 0 ? x : 0) + 1e-4, x > 0 ? 1.0 : 0.0};
    case Transform::sigmoid: {  // from e^-|x|, so that neither end cancels
      const double e = std::exp(-std::abs(x));
      return {(x < 0 ? e : 1) / (1 + e), e / ((1 + e) * (1 + e))};
    }
    case Transform::softplus: {
      const double e = std::exp(-std::abs(x));
      return {(x > 0 ? x : 0) + std::log1p(e), (x < 0 ? e : 1) / (1 + e)};
    }
  }
  return {0, 0};
}

// What is stored for `value` > 0 at the start.
inline double inverse_transform(Transform f, double value, const char* option = "transform") {
  if (!(value > 0 && std::isfinite(value)) || (f == Transform::sigmoid && value >= 1))
    throw_value_error(std::string(option) + ": " + std::string(name_of(f)) + " cannot start at " +
                      std::to_string(value) +
                      (f == Transform::sigmoid ? ", its values are between 0 and 1" : ", its values are above 0"));
  switch (f) {
    case Transform::exp:
      return std::log(value);
    case Transform::sigmoid:
      return std::log(value) - std::log1p(-value);
    case Transform::softplus:
      return value + std::log(-std::expm1(-value));  // log(e^v - 1)
    default:
      return value;
  }
}

}  // namespace longwave
