#include "mnist1d_diffusion/backend.hpp"

#include "common/device.hpp"

namespace longwave::examples::mnist1d_diffusion {

const Backend& cuda_backend() {
  (void)open_device("cuda");  // says that there is none
  return backend_of({});
}

}  // namespace longwave::examples::mnist1d_diffusion
