// s4d_layer, s4d_classifier, sar_model.
#include "bodies_s4d.hpp"

namespace longwave::golden {
namespace {

const Op s4d_layer_op("s4d_layer", [](auto& c) { s4d_layer(c); });
const Op s4d_classifier_op("s4d_classifier", [](auto& c) { s4d_classifier(c); });
const Op sar_model_op("sar_model", [](auto& c) { sar_model(c); });

}  // namespace
}  // namespace longwave::golden
