// device.hpp - the option --device of the programs: cpu, cuda or cuda:<number>. What needs longwave::cuda is in cuda/,
// what says that a program was built without it in no_cuda/; the build takes one of the two.
#pragma once

#include <string>

#include "longwave/cuda/device.hpp"

namespace longwave::examples {

// The device that was asked for is not there. The program shows the one line and ends with 2.
struct NoDeviceError : Error {
  using Error::Error;
};

// What that name stands for, whether it is there or not. UsageError: nothing.
DeviceChoice device_named(const std::string& name);

// The device of that name, ready for this thread to work on. UsageError: no such name; NoDeviceError.
DeviceChoice open_device(const std::string& name);

// "cpu", or "cuda:0 (NVIDIA H100 80GB HBM3, 79.2 GiB)".
std::string describe_device(const DeviceChoice& device);

// All in cuda/ or no_cuda/.
void open_cuda(int index);
void use_tf32();  // for products of float matrices on a GPU (cuda/blas.hpp), from here on
std::string describe_cuda(int index);

}  // namespace longwave::examples
