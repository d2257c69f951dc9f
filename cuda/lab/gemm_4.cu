// Version 4: as version 3, with one warpgroup of a block multiplying at a time, eight blocks of W each, while the other
// computes GELU or GLU and reads and writes.
//
// Expected: tensor cores idle only where both compute GELU; in version 3 the two can fall into step and then both wait
// for memory at once.
#include "lab/gemm.cuh"

namespace longwave::cuda::lab {

const TailVersion<float> gemm_4 = Fused<float, detail::WarpgroupProduct, true, 1>::version("4 warpgroups in turns");

}  // namespace longwave::cuda::lab
