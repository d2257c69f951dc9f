// The reference cases of optimisers and of whole state-space layers on the device: the host's bodies.
#include "../bodies_block.hpp"
#include "../bodies_optim.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_cuda("sgd", [](auto& c) { sgd(c); });
  on_cuda("adam", [](auto& c) { adam(c); });
  on_cuda("adamw", [](auto& c) { adamw(c); });
  on_cuda("s4_block", [](auto& c) { s4_block(c); });
  on_cuda("s4_step", [](auto& c) { s4_step(c); });
  on_cuda("dss_layer", [](auto& c) { dss_layer(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
