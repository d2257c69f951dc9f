#include "trace_gan/backend.hpp"

#include "trace_gan/cuda/runner.hpp"

namespace longwave::examples::trace_gan {

const Backend& cuda_backend() {
  static const Backend device = {train_on<Cuda>, generate_on<Cuda>};
  return device;
}

}  // namespace longwave::examples::trace_gan
