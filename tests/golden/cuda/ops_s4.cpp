// The reference cases of sums of poles and of S4's kernel, lengths and states on the device: the host's bodies.
#include "../bodies_s4.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_cuda("cauchy", [](auto& c) { cauchy_sums(c); });
  on_cuda("s4_kernel", [](auto& c) { s4_kernel(c); });
  on_cuda("s4_setup_c", [](auto& c) { s4_setup_c(c); });
  on_cuda("s4_state", [](auto& c) { s4_state(c); });
  on_cuda("ssm_dense_kernel", [](auto& c) { ssm_dense_kernel(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
