// Version 9: version 6 in bfloat16.
//
// Expected: as version 8 or a little less; W is less of what is read than with floats of the same time.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<bfloat16> gemm_9 =
    Fused<bfloat16, detail::WarpgroupProduct, true, 2>::version("9 bfloat16, clusters, turns");

}  // namespace longwave::cuda::lab
