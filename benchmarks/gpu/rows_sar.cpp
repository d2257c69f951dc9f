// SAR focusing, B = 10 lines of 10,000 samples: SSIM of their image (1, 10000, 20), and a training step of the
// specified model (150 parameters) as `sar_focus train` makes it, with its loss, clipping and AdamW, as one captured
// graph. The classical processor on a block of 1536 pulses of 2048 samples.
#include "bench.hpp"
#include "longwave/models/sar_focus.hpp"
#include "longwave/models/sar_loss.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/sar/range_doppler.hpp"

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

// Bytes: rc read, image written. Operations: 5 n log2 n of each transform, two of n rows and two of W columns.
void classical(Suite& suite) {
  constexpr index_t pulses = 1536, samples = 2048, rows = 2048;
  const std::string name = "SAR range-Doppler 1536 x 2048";
  if (!suite.wants(name)) return;
  const sar::Radar radar;
  const index_t W = sar::compressed_columns(radar, samples);
  Tensor<complex<float>, 2, Cuda> rc(pulses, W), image(rows, W);
  Generator(4).normal(TensorView<float, 2, Cuda>(&rc.data()->re, {pulses, 2 * W}, {2 * W, 1}));
  const double pixels = static_cast<double>(rows * W);
  suite.time({name, 8 * static_cast<double>((pulses + rows) * W), 4 * 5 * 11 * pixels, Products::fp32, 10}, 2,
             [&](int) { sar::range_doppler<float, Cuda>(image.view(), rc.view(), radar); });
}

const Family family("sar", [](Suite& suite) {
  similarity(suite);
  step(suite);
  classical(suite);
});

}  // namespace
}  // namespace longwave::bench
