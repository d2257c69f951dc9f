#include "bodies_sssd.hpp"

namespace longwave::golden {
namespace {

const Op sssd_residual_block_op("sssd_residual_block", []<class T>(Case<T>& c) { sssd_residual_block(c); });
const Op sssd_model_op("sssd_model", []<class T>(Case<T>& c) { sssd_model(c); });

}  // namespace
}  // namespace longwave::golden
