#include "kernels/dropout.cuh"
#include "longwave/cuda/glu_product.hpp"

namespace longwave::cuda {

namespace {

constexpr int threads = 128;

// A thread per channel of a sequence, a row of the tensor that is dropped.
__global__ void __launch_bounds__(threads) kept_channels_kernel(std::uint32_t* bits, detail::Factors<float> factors) {
  const index_t row = blockIdx.x * index_t(threads) + threadIdx.x;
  const std::uint32_t word = __ballot_sync(~0u, factors.of_row(row) != 0);
  if (threadIdx.x % 32 == 0) bits[row / 32] = word;
}

}  // namespace

void kept_channels(TensorView<std::uint32_t, 2, Cuda> bits, const DropoutDraw& draw) {
  if (bits.empty()) return;
  const detail::Factors<float> factors{draw.key, current_stream().advance(),
                                       static_cast<std::uint32_t>(draw.p * 0x1p32), 1.0f};
  kept_channels_kernel<<<detail::blocks_for(32 * bits.count(), threads), threads, 0, stream_handle()>>>(bits.data(),
                                                                                                        factors);
  check_launch("kept_channels");
}

}  // namespace longwave::cuda
