#include "mnist1d_diffusion/backend.hpp"

#include "mnist1d_diffusion/cuda/runner.hpp"
#include "mnist1d_diffusion/learner.hpp"

namespace longwave::examples::mnist1d_diffusion {

const Backend& cuda_backend() {
  static const Backend device = {run_experiment<Cuda>, run_regressor<Cuda>};
  return device;
}

}  // namespace longwave::examples::mnist1d_diffusion
