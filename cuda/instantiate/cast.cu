#include "kernels/cast.cuh"

namespace longwave::cuda {

template void cast(const CastElements<bfloat16, float>&);
template void cast(const CastElements<float, bfloat16>&);

}  // namespace longwave::cuda
