// Version 9: version 3 in bfloat16. Expected: 0.22, 0.26 + 0.22, 0.16 ms.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<bfloat16> gemm_9 = Fused<bfloat16, detail::GluSteps::split, 1>::version("9 bfloat16, split");

}  // namespace longwave::cuda::lab
