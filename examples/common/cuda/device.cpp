#include "common/device.hpp"

#include <cstdio>

#include "longwave/cuda/blas.hpp"

namespace longwave::examples {

void open_cuda(int index) {
  const int count = cuda::device_count();
  if (count == 0)
    throw NoDeviceError("--device cuda: this machine has no CUDA device, or no driver for it; use --device cpu");
  if (index >= count)
    throw NoDeviceError("--device cuda:" + std::to_string(index) + ": this machine has " + std::to_string(count) +
                        (count == 1 ? " CUDA device, cuda:0" : " CUDA devices, from cuda:0 on"));
  cuda::set_device(index);
}

void use_tf32() { cuda::set_tf32(true); }

std::string describe_cuda(int index) {
  const cuda::DeviceInfo info = cuda::device_info(index);
  char text[300];
  std::snprintf(text, sizeof text, "cuda:%d (%s, %.1f GiB)", index, info.name.c_str(),
                static_cast<double>(info.memory) / (1 << 30));
  return text;
}

}  // namespace longwave::examples
