// Version 2: one kernel forward and one backward, and one for dW (kernels/glu_product.cuh), with mma.sync.
//
// Against version 1: 10 passes over a tensor (B, H, L) instead of 22, for one product more. mma.sync reaches 62 % of
// the tensor cores, and each warp reads all of W from shared memory for 16 positions: 8 bytes per cycle and more than
// that memory gives at the full rate of mma.sync. Expected: 230 TFLOP/s, 1.2 ms forward and backward.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_2 = Fused<float, detail::WarpProduct, false, 1>::version("2 fused, warps");

}  // namespace longwave::cuda::lab
