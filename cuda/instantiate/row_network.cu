#include "kernels/row_network.cuh"

namespace longwave::cuda {

template void run_rows(const RowNetwork<float>&);
template void run_rows(const RowNetwork<double>&);

}  // namespace longwave::cuda
