// Version 10: version 4 in bfloat16. Expected: 0.23, 0.34, 0.16 ms.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<bfloat16> gemm_10 = Fused<bfloat16, detail::GluSteps::kept, 1>::version("10 bfloat16, kept");

}  // namespace longwave::cuda::lab
