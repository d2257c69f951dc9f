#include "sar_focus/picture.hpp"

#include <algorithm>
#include <cmath>

#include "common/png.hpp"
#include "longwave/io/file.hpp"
#include "longwave/sar/quality.hpp"

namespace longwave::examples::sar_focus {

std::string picture_png(ImageView image, index_t most) {
  constexpr double depth = 45;
  const auto looks = [&](index_t n) { return (n + most - 1) / most; };
  const Tensor<float, 2> power = sar::multilook<float>(image, looks(image.size(0)), looks(image.size(1)));
  std::vector<float> sorted(power.data(), power.data() + power.count());
  const auto at = static_cast<std::ptrdiff_t>(0.998 * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
  const double white = std::max<double>(sorted[static_cast<std::size_t>(at)], 1e-30);
  Tensor<unsigned char, 2> pixels(power.sizes());
  for (index_t i = 0; i < power.count(); ++i) {
    const double db = 10 * std::log10(std::max<double>(power.data()[i], 1e-30) / white);
    pixels.data()[i] = static_cast<unsigned char>(std::lround(255 * std::clamp(1 + db / depth, 0.0, 1.0)));
  }
  return png_bytes(pixels.view());
}

void write_picture(const std::string& path, ImageView image) { replace_file(path, picture_png(image)); }

}  // namespace longwave::examples::sar_focus
