// png.hpp - pictures of grey pixels as PNG files and inside pages.
#pragma once

#include <string>

#include "longwave/core/view.hpp"

namespace longwave::examples {

// The bytes of an 8-bit grey PNG, pixels (h, w) from the top left corner; at least one of them.
std::string png_bytes(TensorView<const unsigned char, 2> pixels);

// A picture for the `src` of a page's <img>: data:image/png;base64,...
std::string png_data_uri(const std::string& png);

}  // namespace longwave::examples
