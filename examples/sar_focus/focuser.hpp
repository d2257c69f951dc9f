// focuser.hpp - a trained network over whole products, column by column, in chunks of rows.
#pragma once

#include <memory>
#include <vector>

#include "longwave/cuda/device.hpp"
#include "longwave/data/sar_product.hpp"
#include "sar_focus/network.hpp"
#include "sar_focus/scene.hpp"

namespace longwave::examples::sar_focus {

// Columns in, columns out, on the device it was made for.
class Focuser {
 public:
  virtual ~Focuser() = default;
  // x (B, L, 3) -> y (B, L, 2), any B and L
  virtual void run(TensorView<float, 3> y, TensorView<const float, 3> x) = 0;
};

std::unique_ptr<Focuser> make_focuser(const TrainedNetwork& trained, const DeviceChoice& device);
std::unique_ptr<Focuser> make_cuda_focuser(const TrainedNetwork& trained);  // in cuda/ or no_cuda/

// Rows [begin, end) of a chunk, and over how many rows it is faded in and out.
struct Chunk {
  index_t begin, end;
  index_t fade_in, fade_out;
};

// UsageError where these make no chunks.
void check_chunks(index_t size, index_t overlap);

// Chunks of at most `size` rows that share `overlap` with their neighbours; size 0: one chunk of all.
std::vector<Chunk> chunks_of(index_t rows, index_t size, index_t overlap);

// The weight of a chunk's row i: flanks of a Hann window where it meets others, so that the weights of a row sum to 1.
double chunk_weight(const Chunk& chunk, index_t i);

// y (B, L, 2) in the network's own units: overlap-add of the chunks.
void focus_columns(Focuser& focuser, TensorView<float, 3> y, TensorView<const float, 3> x,
                   const std::vector<Chunk>& chunks);

// The whole product in the units of az.
Image focus_product(Focuser& focuser, const SarProduct& product, const SarSampling& sampling,
                    const std::vector<Chunk>& chunks);

}  // namespace longwave::examples::sar_focus
