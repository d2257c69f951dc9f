#include "kernels/optim.cuh"

namespace longwave::cuda {

namespace {

__global__ void set_number_kernel(double* to, double value) { *to = value; }

}  // namespace

void set_number(double* to, double value) {
  set_number_kernel<<<1, 1, 0, stream_handle()>>>(to, value);
  check_launch("set_number");
}

template void adam_step(const impl::Updates<float, Cuda>&, const impl::AdamNumbers&);
template void sgd_step(const impl::Updates<float, Cuda>&, const impl::SgdNumbers&);
template void ema_update(const impl::Updates<float, Cuda>&, const impl::EmaNumbers&);
template void swap_values(const impl::Updates<float, Cuda>&);
template void zero_gradients(const impl::Updates<float, Cuda>&);
template void clip_gradients(const impl::Updates<float, Cuda>&, double, double*);
template void adam_step(const impl::Updates<double, Cuda>&, const impl::AdamNumbers&);
template void sgd_step(const impl::Updates<double, Cuda>&, const impl::SgdNumbers&);
template void ema_update(const impl::Updates<double, Cuda>&, const impl::EmaNumbers&);
template void swap_values(const impl::Updates<double, Cuda>&);
template void zero_gradients(const impl::Updates<double, Cuda>&);
template void clip_gradients(const impl::Updates<double, Cuda>&, double, double*);

}  // namespace longwave::cuda
