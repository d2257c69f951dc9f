#include "common/device.hpp"

namespace longwave::examples {

void open_cuda(int) {
  throw NoDeviceError(
      "--device cuda: this program was built without CUDA; build it where nvcc is (LONGWAVE_CUDA=ON), or use --device "
      "cpu");
}

void use_tf32() {}

std::string describe_cuda(int index) { return "cuda:" + std::to_string(index); }

}  // namespace longwave::examples
