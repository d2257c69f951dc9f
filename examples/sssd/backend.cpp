#include "sssd/backend.hpp"

#include "sssd/draws.hpp"

namespace longwave::examples::sssd {

const Backend& backend_of(const DeviceChoice& device) { return device.on_cuda ? cuda_backend() : backend_on<Host>(); }

}  // namespace longwave::examples::sssd
