#include "trace_gan/backend.hpp"

namespace longwave::examples::trace_gan {

const Backend& backend_of(const DeviceChoice& device) {
  static const Backend host = {train_on<Host>, generate_on<Host>};
  return device.on_cuda ? cuda_backend() : host;
}

}  // namespace longwave::examples::trace_gan
