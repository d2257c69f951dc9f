// activation.cuh - y = value(x), dx = dy slope(x) on the device, for the rules of ops/activation.hpp or a user's own;
// glu. Bytes per element: forward 2 sizeof(T), backward 3, glu 3 and 5 per element of y; memory-bound for every rule
// here.
#pragma once

#include "kernels/map.cuh"
#include "longwave/ops/activation.hpp"

namespace longwave::cuda {

namespace detail {

// Plain structs, not lambdas: those would need a flag of nvcc in every project that instantiates a rule of its own.
template <class Rule>
struct UnaryValue {
  Rule rule;
  template <class T>
  __device__ void operator()(T& y, T x) const {
    y = T(rule.value(Arithmetic<T>(x)));
  }
};

template <class Rule>
struct UnarySlope {
  Rule rule;
  template <class T>
  __device__ void operator()(T& dx, T dy, T x) const {
    dx = T(dy * rule.slope(Arithmetic<T>(x)));
  }
};

struct GluValue {
  template <class T>
  __device__ void operator()(T& y, T a, T b) const {
    y = a * math::sigmoid(b);
  }
};

struct GluSlopes {
  template <class T>
  __device__ void operator()(T& da, T& db, T dy, T a, T b) const {
    const T s = math::sigmoid(b);
    da = dy * s;
    db = dy * a * s * (T(1) - s);
  }
};

}  // namespace detail

template <class Rule, class T>
void unary_forward(const Elements<T, 2>& elements, Rule rule) {
  map_elements<1>(Rule::name, elements, detail::UnaryValue<Rule>{rule});
}

template <class Rule, class T>
void unary_backward(const Elements<T, 3>& elements, Rule rule) {
  map_elements<1>(Rule::name, elements, detail::UnarySlope<Rule>{rule});
}

template <class T>
void glu_forward(const Elements<T, 3>& elements) {
  map_elements<1>("glu", elements, detail::GluValue());
}

template <class T>
void glu_backward(const Elements<T, 5>& elements) {
  map_elements<2>("glu", elements, detail::GluSlopes());
}

}  // namespace longwave::cuda
