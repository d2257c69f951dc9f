// dss_kernel.
#include "bodies_dss.hpp"

namespace longwave::golden {
namespace {

const Op dss_kernel_op("dss_kernel", [](auto& c) { dss_kernel(c); });

}  // namespace
}  // namespace longwave::golden
