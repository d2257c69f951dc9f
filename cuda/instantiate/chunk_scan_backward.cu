#include "kernels/chunk_scan_launch.cuh"

namespace longwave::cuda::detail {

namespace {

template <int Tiles>
void start(Product product, bool plain, const ChunkScanBackward<float>& p) {
  if (product == Product::tf32)
    return plain ? start_chunk_scan_backward<Tiles, Product::tf32, true>(p)
                 : start_chunk_scan_backward<Tiles, Product::tf32, false>(p);
  return plain ? start_chunk_scan_backward<Tiles, Product::tf32x3, true>(p)
               : start_chunk_scan_backward<Tiles, Product::tf32x3, false>(p);
}

}  // namespace

void launch_chunk_scan_backward(int tiles, Product product, bool plain, const ChunkScanBackward<float>& p) {
  return tiles == 4 ? start<4>(product, plain, p) : start<8>(product, plain, p);
}

}  // namespace longwave::cuda::detail
