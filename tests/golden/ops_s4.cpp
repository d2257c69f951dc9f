// s4_kernel, s4_setup_c, s4_state, ssm_dense_kernel.
#include "bodies_s4.hpp"

namespace longwave::golden {
namespace {

const Op s4_kernel_op("s4_kernel", []<class T>(Case<T>& c) { s4_kernel(c); });
const Op s4_setup_c_op("s4_setup_c", []<class T>(Case<T>& c) { s4_setup_c(c); });
const Op s4_state_op("s4_state", []<class T>(Case<T>& c) { s4_state(c); });
const Op ssm_dense_kernel_op("ssm_dense_kernel", []<class T>(Case<T>& c) { ssm_dense_kernel(c); });

}  // namespace
}  // namespace longwave::golden
