#include "mnist1d_diffusion/backend.hpp"

#include "mnist1d_diffusion/learner.hpp"

namespace longwave::examples::mnist1d_diffusion {

const Backend& backend_of(const DeviceChoice& device) {
  static const Backend host = {run_experiment<Host>, run_regressor<Host>};
  return device.on_cuda ? cuda_backend() : host;
}

}  // namespace longwave::examples::mnist1d_diffusion
