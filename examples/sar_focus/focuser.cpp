#include "sar_focus/focuser.hpp"

#include <cmath>
#include <numbers>

#include "sar_focus/focuser_on.hpp"

namespace longwave::examples::sar_focus {

std::unique_ptr<Focuser> make_focuser(const TrainedNetwork& trained, const DeviceChoice& device) {
  if (device.on_cuda) return make_cuda_focuser(trained);
  return std::make_unique<FocuserOn<Host>>(trained);
}

void check_chunks(index_t size, index_t overlap) {
  if (size < 2 || overlap < 0 || 2 * overlap > size)
    throw UsageError("chunks of " + std::to_string(size) + " rows with an overlap of " + std::to_string(overlap) +
                     "; expected at least 2 rows, of which at most half overlap");
}

std::vector<Chunk> chunks_of(index_t rows, index_t size, index_t overlap) {
  if (size == 0) return {{0, rows, 0, 0}};
  check_chunks(size, overlap);
  std::vector<Chunk> chunks;
  for (index_t begin = 0;; begin += size - overlap) {
    const bool last = begin + size >= rows;
    chunks.push_back({begin, last ? rows : begin + size, begin > 0 ? overlap : 0, last ? 0 : overlap});
    if (last) return chunks;
  }
}

double chunk_weight(const Chunk& chunk, index_t i) {
  const auto flank = [](index_t at, index_t length) {
    const double s = std::sin(std::numbers::pi * (static_cast<double>(at) + 0.5) / (2 * static_cast<double>(length)));
    return s * s;
  };
  const index_t left = i - chunk.begin, right = chunk.end - 1 - i;
  const double in = left < chunk.fade_in ? flank(left, chunk.fade_in) : 1;
  return right < chunk.fade_out ? in * flank(right, chunk.fade_out) : in;
}

void focus_columns(Focuser& focuser, TensorView<float, 3> y, TensorView<const float, 3> x,
                   const std::vector<Chunk>& chunks) {
  const index_t B = x.size(0);
  detail::fill(y, 0);
  Tensor<float, 3> in, out;
  for (const Chunk& chunk : chunks) {
    const Extents<3> sizes{B, chunk.end - chunk.begin, 3};
    if (in.sizes() != sizes) {
      in = Tensor<float, 3>(sizes);
      out = Tensor<float, 3>(B, sizes[1], 2);
    }
    copy(in.view(), x.slice(1, chunk.begin, chunk.end));
    focuser.run(out.view(), in.view());
    for (index_t i = chunk.begin; i < chunk.end; ++i) {
      const auto weight = static_cast<float>(chunk_weight(chunk, i));
      for (index_t b = 0; b < B; ++b)
        for (index_t c = 0; c < 2; ++c) y(b, i, c) += weight * out(b, i - chunk.begin, c);
    }
  }
}

Image focus_product(Focuser& focuser, const SarProduct& product, const SarSampling& sampling,
                    const std::vector<Chunk>& chunks) {
  constexpr index_t at_once = 16;
  const index_t H = product.rows(), W = product.columns();
  const SarScale scale = sar_scale(sampling.ranges, sampling.level_to == "az");
  Image image(H, W);
  for (index_t first = 0; first < W; first += at_once) {
    const index_t B = std::min(at_once, W - first);
    Tensor<float, 3> x(B, H, 3), y(B, H, 2);
    product.read_input(x.view(), {0, 0, first}, sampling);
    focus_columns(focuser, y.view(), x.view(), chunks);
    for (index_t b = 0; b < B; ++b)
      for (index_t i = 0; i < H; ++i) image(i, first + b) = {scale.from_unit(y(b, i, 0)), scale.from_unit(y(b, i, 1))};
  }
  return image;
}

}  // namespace longwave::examples::sar_focus
