#include "kernels/chunk_scan_launch.cuh"

namespace longwave::cuda::detail {

namespace {

template <int Tiles, Product product>
void start(ScanWork work, const ChunkScanForward<float>& p) {
  switch (work) {
    case ScanWork::states:
      return start_chunk_scan<Tiles, product, ScanWork::states>(p);
    case ScanWork::output:
      return start_chunk_scan<Tiles, product, ScanWork::output>(p);
    case ScanWork::plain:
      return start_chunk_scan<Tiles, product, ScanWork::plain>(p);
  }
}

template <int Tiles>
void start(Product product, ScanWork work, const ChunkScanForward<float>& p) {
  return product == Product::tf32 ? start<Tiles, Product::tf32>(work, p) : start<Tiles, Product::tf32x3>(work, p);
}

}  // namespace

void launch_chunk_scan(int tiles, Product product, ScanWork work, const ChunkScanForward<float>& p) {
  return tiles == 4 ? start<4>(product, work, p) : start<8>(product, work, p);
}

}  // namespace longwave::cuda::detail
