#include "kernels/random.cuh"

namespace longwave::cuda {

template void draw_uniform(float*, index_t, PhiloxKey, float, float);
template void draw_uniform(double*, index_t, PhiloxKey, double, double);
template void draw_normal(float*, index_t, PhiloxKey, float, float);
template void draw_normal(double*, index_t, PhiloxKey, double, double);
template void draw_bernoulli(float*, index_t, PhiloxKey, float);
template void draw_bernoulli(double*, index_t, PhiloxKey, double);

}  // namespace longwave::cuda
