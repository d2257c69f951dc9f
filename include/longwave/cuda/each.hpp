// each.hpp - for_each_index of core/each.hpp on the device: one thread per index. Instantiated per body in
// longwave::cuda.
#pragma once

#include "longwave/core/extents.hpp"

namespace longwave::cuda {

template <class F>
void for_each_index(const char* name, index_t n, const F& f);

}  // namespace longwave::cuda
