// Version 6: version 3 in clusters.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_6 = Fused<float, detail::GluSteps::split, 2>::version("6 split, clusters");

}  // namespace longwave::cuda::lab
