// picture.hpp - radar images to look at.
#pragma once

#include <string>

#include "sar_focus/scene.hpp"

namespace longwave::examples::sar_focus {

// A grey PNG of the amplitudes in decibels, 45 below white, which 0.2 % of the pixels reach; neighbouring rows and
// columns are averaged in power until the picture fits into `most` pixels on each side.
std::string picture_png(ImageView image, index_t most = 900);

void write_picture(const std::string& path, ImageView image);

}  // namespace longwave::examples::sar_focus
