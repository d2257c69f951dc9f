#include "trace_gan/backend.hpp"

#include "common/device.hpp"

namespace longwave::examples::trace_gan {

const Backend& cuda_backend() {
  (void)open_device("cuda");  // says that there is none
  return backend_of({});
}

}  // namespace longwave::examples::trace_gan
