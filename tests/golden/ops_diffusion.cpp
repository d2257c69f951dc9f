#include "bodies_sssd.hpp"

namespace longwave::golden {
namespace {

const Op schedule_op("sssd_schedule", []<class T>(Case<T>& c) { sssd_schedule(c); });
const Op step_embedding_op("sssd_step_embedding", []<class T>(Case<T>& c) { sssd_step_embedding(c); });
const Op loss_op("sssd_loss", []<class T>(Case<T>& c) { sssd_loss(c); });
const Op sampling_op("sssd_sampling", []<class T>(Case<T>& c) { sssd_sampling(c); });

}  // namespace
}  // namespace longwave::golden
