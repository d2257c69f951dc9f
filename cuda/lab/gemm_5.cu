// Version 5: as version 3, with clusters of two blocks: each brings half of a block of W and sends it to both.
//
// Expected: half as many reads of W from the second-level cache, where they are half of all reads forward and backward.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_5 = Fused<float, detail::WarpgroupProduct, false, 2>::version("5 clusters");

}  // namespace longwave::cuda::lab
