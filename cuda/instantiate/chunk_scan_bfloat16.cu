#include "kernels/chunk_scan_launch.cuh"

namespace longwave::cuda::detail {

namespace {

template <int Tiles>
void start(ScanWork work, const ChunkScanForward<bfloat16>& p) {
  switch (work) {
    case ScanWork::states:
      return start_chunk_scan<Tiles, Product::tf32, ScanWork::states>(p);
    case ScanWork::output:
      return start_chunk_scan<Tiles, Product::tf32, ScanWork::output>(p);
    case ScanWork::plain:
      return start_chunk_scan<Tiles, Product::tf32, ScanWork::plain>(p);
  }
}

template <int Tiles>
void start(bool plain, const ChunkScanBackward<bfloat16>& p) {
  return plain ? start_chunk_scan_backward<Tiles, Product::tf32, true>(p)
               : start_chunk_scan_backward<Tiles, Product::tf32, false>(p);
}

}  // namespace

void launch_chunk_scan(int tiles, Product, ScanWork work, const ChunkScanForward<bfloat16>& p) {
  return tiles == 4 ? start<4>(work, p) : start<8>(work, p);
}

void launch_chunk_scan_backward(int tiles, Product, bool plain, const ChunkScanBackward<bfloat16>& p) {
  return tiles == 4 ? start<4>(plain, p) : start<8>(plain, p);
}

}  // namespace longwave::cuda::detail
