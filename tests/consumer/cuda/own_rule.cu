// A user's own elementwise function behind the library's front, on both devices: the rule, and one line for each form
// that is wanted on the device.
#include <cmath>

#include "kernels/activation.cuh"
#include "longwave/cuda.hpp"

namespace lw = longwave;

struct CubeRule {
  static constexpr const char* name = "cube";
  template <class T>
  LONGWAVE_HD T value(T x) const {
    return x * x * x;
  }
  template <class T>
  LONGWAVE_HD T slope(T x) const {
    return 3 * x * x;
  }
};

template void lw::cuda::unary_forward(const lw::cuda::Elements<float, 2>&, CubeRule);

int main() {
  lw::Tensor<float, 1> x(1000), y(1000);
  for (lw::index_t i = 0; i < 1000; ++i) x(i) = 0.01f * static_cast<float>(i);
  lw::ops::Unary<CubeRule>::forward(y.view(), x);
  if (lw::cuda::device_count() == 0) return 0;  // built, and nothing to run it on
  lw::Tensor<float, 1, lw::Cuda> there(1000);
  lw::ops::Unary<CubeRule>::forward(there.view(), lw::cuda::to_device(x));
  const auto back = lw::cuda::to_host(there);
  for (lw::index_t i = 0; i < 1000; ++i)
    if (!(std::abs(back(i) - y(i)) <= 1e-6f * y(i))) return 1;
  return 0;
}
