// SSSD of 24 blocks of 128 channels on (B, 1, 200): a training step at B = 32, and one step of drawing 16 series by
// DDPM (200 in all) or DDIM (20), each as one graph. With TF32 products, as in PyTorch's convolutions, and without.
#include "bench.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/optim/adam.hpp"

namespace longwave::bench {
namespace {

constexpr index_t L = 200, width = 128, blocks = 24, modes = 32;

// Operations of the products of one pass, and bytes of activations that it has to touch: per block 3 S4-wide tensors
// in and out (256 channels) and 6 of 128.
double pass_flops(index_t B) {
  const double positions = static_cast<double>(B * L), w = width;
  return blocks * positions * 2 * (2 * 3 * w * w + 2 * 4 * w * w + 2 * w * w);
}
double pass_bytes(index_t B) {
  const double tables = 2.0 * 2 * width * 2 * modes * L * 4;
  return blocks * (static_cast<double>(B * L * width) * 4 * (2 * 6 + 6) + tables);
}

Tensor<float, 3, Cuda> mask_of(index_t B) {
  Tensor<float, 3> mask(B, 1, L);
  for (index_t i = 0; i < mask.count(); ++i) mask.data()[i] = i % 20 == 0 ? 0.0f : 1.0f;
  return cuda::to_device(mask);
}

void training(Suite& suite, const char* products, double target) {
  const index_t B = 32;
  const std::string name = std::string("SSSD training step B32 L200, 24 blocks of 128, ") + products;
  if (!suite.wants(name)) return;
  Generator init(1), noise(2);
  Sssd<float, Cuda> net({.num_res_layers = blocks, .s4_lmax = L}, init);
  Adam<float, Cuda> adam(net, {.lr = 2e-4});
  const NoiseLevels<float, Cuda> levels(NoiseSchedule::linear(200, 1e-4, 0.02));
  const auto x = random<float>(Extents<3>(B, 1, L), 3);
  const auto mask = mask_of(B);
  Tape<float, Cuda> tape;
  tape.train(noise);
  suite.time_step({name, 3 * pass_bytes(B), 3 * pass_flops(B), cuda::tf32() ? Products::tf32 : Products::fp32, target},
                  [&](cuda::Graph& graph) {
                    graph.advances(noise, adam);
                    return [&] {
                      tape.rewind();
                      tape.backward(training_loss(
                          tape, net, TrainingSample<float, Cuda>{.x0 = x.view(), .mask = mask.view()}, levels, noise));
                      adam.step();
                    };
                  });
}

// One reverse step; targets are those of the whole draw over its number of steps.
void sampling(Suite& suite, const char* products, bool implicit, double target) {
  const index_t B = 16;
  const std::string name =
      std::string(implicit ? "SSSD DDIM step (1 of 20) B16 L200, " : "SSSD DDPM step (1 of 200) B16 L200, ") + products;
  if (!suite.wants(name)) return;
  Generator init(1), noise(2);
  Sssd<float, Cuda> net({.num_res_layers = blocks, .s4_lmax = L}, init);
  net.hold(L);
  const NoiseSchedule schedule = NoiseSchedule::linear(200, 1e-4, 0.02);
  Sampler<float, Cuda> sampler(implicit ? ddim(schedule, even_steps(200, 20)) : ddpm(schedule), {B, 1, L});
  const auto x = random<float>(Extents<3>(B, 1, L), 3);
  const auto mask = mask_of(B);
  sampler.start(x.view(), mask.view(), noise);
  suite.time_step({name, pass_bytes(B), pass_flops(B), cuda::tf32() ? Products::tf32 : Products::fp32, target},
                  [&](cuda::Graph& graph) {
                    graph.advances(noise);
                    return [&] { sampler.step(net, noise); };
                  });
}

const Family family("sssd", [](Suite& suite) {
  for (const bool tf32 : {true, false}) {
    cuda::set_tf32(tf32);
    const char* products = tf32 ? "TF32" : "fp32";
    training(suite, products, 12.0);
    sampling(suite, products, false, 3.0);
    sampling(suite, products, true, 4.0);
  }
  cuda::set_tf32(false);
});

}  // namespace
}  // namespace longwave::bench
