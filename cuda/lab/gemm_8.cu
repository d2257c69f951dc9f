// Version 8: version 2 in bfloat16. Expected: 0.22, 0.45, 0.16 ms.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<bfloat16> gemm_8 = Fused<bfloat16, detail::GluSteps::whole, 1>::version("8 bfloat16, whole");

}  // namespace longwave::cuda::lab
