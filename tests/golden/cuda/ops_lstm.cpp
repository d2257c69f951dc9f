// The reference cases of LSTMs and of the GAN on the device: the host's bodies.
#include "../bodies_lstm.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_cuda("lstm", [](auto& c) { lstm_layer(c); });
  on_cuda("gan_generator", [](auto& c) { gan_generator(c); });
  on_cuda("gan_discriminator", [](auto& c) { gan_discriminator(c); });
  on_cuda("gan_train_step", [](auto& c) { gan_train_step(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
