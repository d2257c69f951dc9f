// ssm_kernel_diag.
#include "bodies_ssm.hpp"

namespace longwave::golden {
namespace {

const Op ssm_kernel_diag_op("ssm_kernel_diag", [](auto& c) { ssm_kernel_diag(c); });

}  // namespace
}  // namespace longwave::golden
