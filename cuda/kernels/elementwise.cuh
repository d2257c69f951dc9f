// elementwise.cuh - rules of two operands on the device (ops/elementwise.hpp). Bytes per element: forward 3 sizeof(T),
// or 2 where an operand is repeated; both gradients 5, of a linear rule 3; a repeated operand's gradient is one sum.
#pragma once

#include "kernels/map.cuh"
#include "kernels/sum.cuh"
#include "longwave/ops/elementwise.hpp"

namespace longwave::cuda {

namespace detail {

template <class Rule>
struct BinaryValue {
  Rule rule;
  template <class T>
  __device__ void operator()(T& y, T a, T b) const {
    y = rule.value(a, b);
  }
};

template <class Rule>
struct BinarySlopes {
  Rule rule;
  template <class T>
  __device__ void operator()(T& da, T& db, T dy, T a, T b) const {
    da = dy * rule.slope_a(a, b);
    db = dy * rule.slope_b(a, b);
  }
};

template <class Slope>
struct StoredSlope {
  Slope slope;
  template <class T>
  __device__ void operator()(T& dx, T dy, T a, T b) const {
    dx = slope(dy, a, b);
  }
};

template <class T>
struct ScaledTwice {
  T factor_a, factor_b;
  __device__ void operator()(T& da, T& db, T dy) const {
    da = factor_a * dy;
    db = factor_b * dy;
  }
};

template <class T>
struct Scaled {
  T factor;
  __device__ void operator()(T& dx, T dy) const { dx = factor * dy; }
};

}  // namespace detail

template <class Rule, class T>
void binary_forward(const Elements<T, 3>& elements, Rule rule) {
  map_elements<1>(Rule::name, elements, detail::BinaryValue<Rule>{rule});
}

template <class Rule, class T>
void binary_backward(const Elements<T, 5>& elements, Rule rule) {
  map_elements<2>(Rule::name, elements, detail::BinarySlopes<Rule>{rule});
}

template <class Slope, class T>
void binary_slope(const Elements<T, 4>& elements, Slope slope) {
  map_elements<1>("binary_slope", elements, detail::StoredSlope<Slope>{slope});
}

template <class T>
void scaled_twice(const Elements<T, 3>& elements, double factor_a, double factor_b) {
  map_elements<2>("scaled_twice", elements, detail::ScaledTwice<T>{static_cast<T>(factor_a), static_cast<T>(factor_b)});
}

template <class T>
void scaled(const Elements<T, 2>& elements, double factor) {
  map_elements<1>("scaled", elements, detail::Scaled<T>{static_cast<T>(factor)});
}

}  // namespace longwave::cuda
