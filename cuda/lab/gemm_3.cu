// Version 3: version 2 with backward in two kernels, dz and then dv. dz comes back from memory, 3 passes more, but each
// kernel is short and has registers to spare. Expected: 0.34, 0.42 + 0.38, 0.30 ms.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_3 = Fused<float, detail::GluSteps::split, 1>::version("3 split");

}  // namespace longwave::cuda::lab
