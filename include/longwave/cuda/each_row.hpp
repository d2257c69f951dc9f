// each_row.hpp - for_each_row of core/each_row.hpp on the device: one warp per row. Instantiated per body in
// longwave::cuda.
#pragma once

#include "longwave/core/extents.hpp"

namespace longwave::cuda {

template <class F>
void for_each_row(const char* name, index_t rows, index_t columns, const F& f);

}  // namespace longwave::cuda
