// Version 2: one kernel forward and one backward, which makes z again, and one for dW.
//
// Against version 1: 10 passes over a tensor (B, H, L) instead of 22, for one product more. A tile of 128 positions is
// 33 thousand cycles of products backward and twice that with what they wait for. Expected: 0.34, 0.65, 0.30 ms.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_2 = Fused<float, detail::GluSteps::whole, 1>::version("2 whole");

}  // namespace longwave::cuda::lab
