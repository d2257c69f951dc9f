// conv1d_options.hpp - how a convolution along time walks its input (ops/conv1d.hpp).
#pragma once

#include "longwave/core/extents.hpp"

namespace longwave {

struct Conv1dOptions {
  index_t stride = 1;
  index_t padding = 0;  // zeros on both sides
  index_t dilation = 1;
  index_t groups = 1;  // I: depthwise
};

}  // namespace longwave
