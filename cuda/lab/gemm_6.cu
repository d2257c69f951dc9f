// Version 6: as version 5, with the turns of version 4.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_6 = Fused<float, detail::WarpgroupProduct, true, 2>::version("6 clusters, turns");

}  // namespace longwave::cuda::lab
