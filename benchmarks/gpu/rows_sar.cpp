// SAR focusing, B = 10 lines of 10,000 samples: SSIM of their image (1, 10000, 20), and a training step of the
// specified model (150 parameters) as `sar_focus train` makes it, with its loss, clipping and AdamW, as one captured
// graph.
#include "bench.hpp"
#include "longwave/models/sar_focus.hpp"
#include "longwave/models/sar_loss.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"

namespace longwave::bench {
namespace {

constexpr index_t B = 10, L = 10000;

Tensor<float, 3, Cuda> values(Extents<3> sizes, std::uint64_t seed) {
  Tensor<float, 3, Cuda> x(sizes);
  Generator(seed).normal(x.view(), 0.5f, 0.1f);
  return x;
}

void similarity(Suite& suite) {
  const Extents<3> sizes{1, L, 2 * B};
  const double pixels = static_cast<double>(sizes.count());
  const auto a = values(sizes, 1), b = values(sizes, 2), dS = random<float>(sizes, 3);
  Tensor<float, 3, Cuda> S(sizes), da(sizes);
  suite.time({"ssim forward 10000 x 20", 3 * 4 * pixels, 150 * pixels}, 8,
             [&](int) { ops::Ssim::forward(S.view(), a, b); });
  suite.time({"ssim backward 10000 x 20", 4 * 4 * pixels, 330 * pixels}, 8,
             [&](int) { ops::Ssim::backward(da.view(), {}, dS, a, b); });
}

void step(Suite& suite) {
  const std::string name = "SAR training step B10 L10000, specified model";
  if (!suite.wants(name)) return;
  Generator gen(1);
  SarFocus<float, Cuda> model(SarFocusOptions(), gen);
  AdamW<float, Cuda> optimizer(parameters<float, Cuda>(model), {.lr = 5e-3});
  GradClip<float, Cuda> clip(optimizer.parameters(), 1.0);
  const auto x = values(Extents<3>(B, L, 3), 2), target = values(Extents<3>(B, L, 2), 3);
  Tape<float, Cuda> tape;
  const double samples = static_cast<double>(B * 2 * L * 4);
  suite.time_step({name, 5 * 4 * samples, samples * 3 * (2 * 64 + 4 * 8), Products::fp32, 0.8},
                  [&](cuda::Graph& graph) {
                    graph.advances(optimizer);
                    return [&] {
                      tape.rewind();
                      tape.backward(sar_loss(model(tape, tape.input(x)), tape.input(target)).total);
                      clip.apply();
                      optimizer.step();
                    };
                  });
}

const Family family("sar", [](Suite& suite) {
  similarity(suite);
  step(suite);
});

}  // namespace
}  // namespace longwave::bench
