// padded_rows.hpp - rows of complex numbers of another length: cut, or padded with zeros, and scaled.
#pragma once

#include "longwave/core/complex.hpp"
#include "longwave/core/view.hpp"

namespace longwave::impl {

// y_k = scale x_k, and 0 where x has ended; columns that y has no room for are left out.
template <class T, device D>
struct PaddedRows {
  static constexpr const char* name = "padded_rows";
  TensorView<complex<T>, 2, D> y;
  TensorView<const complex<T>, 2, D> x;
  T scale;
  LONGWAVE_HD void operator()(index_t i) const {
    const index_t b = i / y.size(1), k = i % y.size(1);
    y(b, k) = k < x.size(1) ? scale * x(b, k) : complex<T>();
  }
};

}  // namespace longwave::impl
