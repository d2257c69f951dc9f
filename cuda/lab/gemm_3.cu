// Version 3: as version 2, with wgmma: W is read from shared memory once for 64 positions.
//
// Expected: 300 TFLOP/s; W from the second-level cache, 0.5 MB per tile of 128 positions, is the next limit (4 TB/s).
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_3 = Fused<float, detail::WarpgroupProduct, false, 1>::version("3 warpgroups");

}  // namespace longwave::cuda::lab
