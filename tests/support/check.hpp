// check.hpp - what op tests share: random tensors, one comparison, error texts.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "catch.hpp"
#include "longwave/autograd/grad_check.hpp"
#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::test {

template <class T, int N>
Tensor<T, N> random(Extents<N> sizes, std::uint64_t seed = 1, T deviation = 1) {
  Tensor<T, N> t(sizes);
  Generator(seed).normal(t.view(), 0, deviation);
  return t;
}

// max |got - want| / max(|want|, floor) over all elements, in double; infinity for a NaN or another shape.
template <class T, class U, int N>
double relative_error(TensorView<T, N> got, TensorView<U, N> want, double floor = 1e-30) {
  if (!(got.sizes() == want.sizes())) return INFINITY;
  if (got.count() == 0) return 0;
  const Extents<N> strides[2] = {got.strides(), want.strides()};
  const detail::RowPlan<N, 2> plan(got.sizes(), strides);
  double error = 0, scale = floor;
  for (index_t r = 0; r < plan.rows(); ++r) {
    const Row<2> row = plan.row(r);
    for (index_t i = 0; i < row.length; ++i) {
      const double a = static_cast<double>(got.data()[row.offset[0] + i * row.step[0]]);
      const double b = static_cast<double>(want.data()[row.offset[1] + i * row.step[1]]);
      if (!(std::abs(a - b) < INFINITY)) return INFINITY;
      error = std::max(error, std::abs(a - b));
      scale = std::max(scale, std::abs(b));
    }
  }
  return error / scale;
}
template <class T, class U, int N>
double relative_error(const Tensor<T, N>& got, const Tensor<U, N>& want, double floor = 1e-30) {
  return relative_error(got.view(), want.view(), floor);
}

// The text of the Error that f throws; "" when it throws none.
template <class E = Error, class F>
std::string error_text(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace longwave::test
