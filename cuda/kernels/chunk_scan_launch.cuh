// chunk_scan_launch.cuh - starting the kernels of the chunked scan, which cuda/instantiate/chunk_scan_*.cu compile.
#pragma once

#include "kernels/chunk_scan_backward.cuh"

namespace longwave::cuda::detail {

inline int group_of(Product product) {
  return product == Product::tf32 ? chunk_group<Product::tf32> : chunk_group<Product::tf32x3>;
}

// tiles: 4 for up to 16 modes, 8 for up to 32.
void launch_chunk_scan(int tiles, Product product, ScanWork work, const ChunkScanForward<float>& p);
void launch_chunk_scan_backward(int tiles, Product product, bool plain, const ChunkScanBackward<float>& p);
// Only Product::tf32: what it leaves out is an eighth of what the rounding of y does.
void launch_chunk_scan(int tiles, Product product, ScanWork work, const ChunkScanForward<bfloat16>& p);
void launch_chunk_scan_backward(int tiles, Product product, bool plain, const ChunkScanBackward<bfloat16>& p);

// One of them.
template <int Tiles, Product product, ScanWork work, class S>
void start_chunk_scan(const ChunkScanForward<S>& p) {
  constexpr int bytes = ForwardLayout<Tiles, product>::bytes;
  const auto kernel = chunk_scan_kernel<Tiles, product, work, S>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "cudaFuncSetAttribute(chunk_scan)");
  const dim3 blocks(static_cast<unsigned>(p.x.size(0)), static_cast<unsigned>(p.blocks));
  kernel<<<blocks, scan_threads, bytes, stream_handle()>>>(p);
  check_launch("chunk_scan");
}

template <int Tiles, Product product, bool plain, class S>
void start_chunk_scan_backward(const ChunkScanBackward<S>& p) {
  constexpr int bytes = BackwardLayout<Tiles, product>::bytes;
  const auto kernel = chunk_scan_backward_kernel<Tiles, product, plain, S>;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "cudaFuncSetAttribute(chunk_scan_backward)");
  const dim3 blocks(static_cast<unsigned>(p.x.size(0)), static_cast<unsigned>(p.blocks));
  kernel<<<blocks, backward_threads, bytes, stream_handle()>>>(p);
  check_launch("chunk_scan_backward");
}

}  // namespace longwave::cuda::detail
