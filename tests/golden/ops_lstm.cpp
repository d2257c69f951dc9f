// lstm, gan_generator, gan_discriminator, gan_train_step.
#include "bodies_lstm.hpp"

namespace longwave::golden {
namespace {

const Op lstm_op("lstm", [](auto& c) { lstm_layer(c); });
const Op gan_generator_op("gan_generator", [](auto& c) { gan_generator(c); });
const Op gan_discriminator_op("gan_discriminator", [](auto& c) { gan_discriminator(c); });
const Op gan_train_step_op("gan_train_step", [](auto& c) { gan_train_step(c); });

}  // namespace
}  // namespace longwave::golden
