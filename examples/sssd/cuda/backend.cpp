#include "sssd/backend.hpp"

#include "sssd/cuda/runner.hpp"
#include "sssd/draws.hpp"

namespace longwave::examples::sssd {

const Backend& cuda_backend() { return backend_on<Cuda>(); }

}  // namespace longwave::examples::sssd
