// Version 7: version 4 in clusters.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_7 = Fused<float, detail::GluSteps::kept, 2>::version("7 kept, clusters");

}  // namespace longwave::cuda::lab
