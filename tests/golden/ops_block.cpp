// s4_block, s4_step, dss_layer.
#include "bodies_block.hpp"

namespace longwave::golden {
namespace {

const Op s4_block_op("s4_block", []<class T>(Case<T>& c) { s4_block(c); });
const Op s4_step_op("s4_step", []<class T>(Case<T>& c) { s4_step(c); });
const Op dss_layer_op("dss_layer", []<class T>(Case<T>& c) { dss_layer(c); });

}  // namespace
}  // namespace longwave::golden
