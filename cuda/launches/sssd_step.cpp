// A training step of SSSD of benchmarks/gpu: B = 32, L = 200, 24 blocks of 128 channels, TF32, with its loss and Adam;
// with the argument `sample`, a step of sampling 16 series with kernels and weights held instead. A number: blocks.
// The first step is not counted: it takes working memory.
#include <cstdlib>
#include <cstring>

#include "launches.hpp"
#include "longwave/cuda.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/models/sssd.hpp"
#include "longwave/optim/adam.hpp"

namespace {

using namespace longwave;

constexpr index_t L = 200;

void train(Sssd<float, Cuda>& net, Generator& noise) {
  constexpr index_t B = 32;
  Adam<float, Cuda> adam(net, {.lr = 2e-4});
  const NoiseLevels<float, Cuda> levels(NoiseSchedule::linear(200, 1e-4, 0.02));
  const Tensor<float, 3, Cuda> x(B, 1, L), mask(B, 1, L);
  Tape<float, Cuda> tape;
  tape.train(noise);
  count_second([&](auto part) {
    tape.rewind();
    part("forward");
    const auto loss =
        training_loss(tape, net, TrainingSample<float, Cuda>{.x0 = x.view(), .mask = mask.view()}, levels, noise);
    part("backward");
    tape.backward(loss);
    part("update");
    adam.step();
  });
}

void sample(Sssd<float, Cuda>& net, Generator& noise) {
  constexpr index_t B = 16;
  net.hold(L);
  Sampler<float, Cuda> sampler(ddpm(NoiseSchedule::linear(200, 1e-4, 0.02)), {B, 1, L});
  const Tensor<float, 3, Cuda> x(B, 1, L), mask(B, 1, L);
  sampler.start(x.view(), mask.view(), noise);
  sampler.step(net, noise);
  count_part("step");
  sampler.step(net, noise);
  count_part("");
}

}  // namespace

int main(int argc, char** argv) {
  index_t blocks = 24;
  bool sampling = false;
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "sample") == 0)
      sampling = true;
    else
      blocks = std::atoi(argv[i]);
  Generator init(1), noise(2);
  Sssd<float, Cuda> net({.num_res_layers = blocks, .s4_lmax = L}, init);
  cuda::set_tf32(true);
  sampling ? sample(net, noise) : train(net, noise);
}
