// Version 5: version 2 in clusters of two blocks that read W together.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_5 = Fused<float, detail::GluSteps::whole, 2>::version("5 whole, clusters");

}  // namespace longwave::cuda::lab
