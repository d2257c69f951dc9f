// A .cu file that uses views and random numbers in a kernel of its own, and an op on the host.
#include <cstdio>

#include "longwave/core/print.hpp"
#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/ops/matmul.hpp"

namespace lw = longwave;

__global__ void noise(lw::TensorView<float, 1, lw::Cuda> x, lw::PhiloxKey key) {
  const lw::index_t i = blockIdx.x * lw::index_t(blockDim.x) + threadIdx.x;
  if (4 * i + 3 < x.size(0)) lw::philox_normal(&x(4 * i), key, static_cast<std::uint64_t>(i));
}

int main() {
  lw::Tensor<float, 2> A(2, 3), B(3, 4), C(2, 4);
  lw::Generator(1).normal(A.view());
  lw::Generator(2).normal(B.view());
  lw::ops::Matmul::forward(C.view(), A, B);
  std::printf("%s\n", lw::to_string(C.view()).c_str());

  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return 0;  // built, and nothing to run it on
  float* data = nullptr;
  if (cudaMalloc(&data, 256 * sizeof(float)) != cudaSuccess) return 1;
  noise<<<1, 64>>>({data, lw::Extents<1>{256}}, lw::Generator(3).next());
  lw::Tensor<float, 1> device(256), host(256);
  if (cudaMemcpy(device.data(), data, 256 * sizeof(float), cudaMemcpyDeviceToHost) != cudaSuccess) return 1;
  lw::Generator(3).normal(host.view());
  for (lw::index_t i = 0; i < 256; ++i)
    if (!(std::abs(device(i) - host(i)) < 1e-5f)) return 1;  // the device's log and cos differ in the last places
  return 0;
}
