// The reference cases of diagonal state-space kernels and of models around S4D on the device: the host's bodies.
#include "../bodies_dss.hpp"
#include "../bodies_s4d.hpp"
#include "../bodies_ssm.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_cuda("s4d_kernel", [](auto& c) { s4d_kernel(c); });
  on_cuda("s4d_layer", [](auto& c) { s4d_layer(c); });
  on_cuda("s4d_classifier", [](auto& c) { s4d_classifier(c); });
  on_cuda("sar_model", [](auto& c) { sar_model(c); });
  on_cuda("dss_kernel", [](auto& c) { dss_kernel(c); });
  on_cuda("ssm_kernel_diag", [](auto& c) { ssm_kernel_diag(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
