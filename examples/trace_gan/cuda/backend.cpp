#include "trace_gan/backend.hpp"

#include "common/device.hpp"

namespace longwave::examples::trace_gan {

// train_on and generate_on are templates over the device and wait for the LSTM's kernels alone.
const Backend& cuda_backend() {
  throw NoDeviceError("--device cuda: the LSTM runs on the host only so far; use --device cpu");
}

}  // namespace longwave::examples::trace_gan
