// Version 7: version 2 with tensors and operands in bfloat16, sums in float: half the bytes, half the reads of shared
// memory.
//
// Expected: what is left is bound by GELU, sigmoids and addresses, some 15 thousand instructions per warp and tile.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<bfloat16> gemm_7 = Fused<bfloat16, detail::WarpProduct, false, 1>::version("7 bfloat16, warps");

}  // namespace longwave::cuda::lab
