// The reference cases of diffusion and of SSSD on the device: the host's bodies.
#include "../bodies_sssd.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_cuda("sssd_schedule", [](auto& c) { sssd_schedule(c); });
  on_cuda("sssd_step_embedding", [](auto& c) { sssd_step_embedding(c); });
  on_cuda("sssd_residual_block", [](auto& c) { sssd_residual_block(c); });
  on_cuda("sssd_model", [](auto& c) { sssd_model(c); });
  on_cuda("sssd_loss", [](auto& c) { sssd_loss(c); });
  on_cuda("sssd_sampling", [](auto& c) { sssd_sampling(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
