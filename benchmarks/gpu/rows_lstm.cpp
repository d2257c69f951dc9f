// LSTMs: a layer of 256 units forward and backward in both forms of the recurrence, and a whole batch of the GAN of two
// LSTMs (models/lstm_gan.hpp) with its defaults. Full float32.
#include "bench.hpp"
#include "longwave/models/lstm_gan.hpp"

namespace longwave::bench {
namespace {

struct Layer {
  index_t B, L, I, H;
  Tensor<float, 3, Cuda> x, dy, y, dx;
  Tensor<float, 2, Cuda> W_ih, W_hh, dW_ih, dW_hh;
  Tensor<float, 1, Cuda> b_ih, b_hh, db_ih, db_hh, saved;

  Layer(index_t batch, index_t length, index_t in, index_t hidden)
      : B(batch),
        L(length),
        I(in),
        H(hidden),
        x(random<float>(Extents<3>(B, L, I), 1)),
        dy(random<float>(Extents<3>(B, L, H), 2)),
        y(B, L, H),
        dx(B, L, I),
        W_ih(weights(Extents<2>(4 * H, I), 3)),
        W_hh(weights(Extents<2>(4 * H, H), 4)),
        dW_ih(4 * H, I),
        dW_hh(4 * H, H),
        b_ih(random<float>(Extents<1>(4 * H), 5)),
        b_hh(random<float>(Extents<1>(4 * H), 6)),
        db_ih(4 * H),
        db_hh(4 * H),
        saved(ops::Lstm::saved_count<float, Cuda>(x.sizes(), H)) {}

  // As torch.nn.LSTM starts: uniform within 1 / sqrt(H).
  Tensor<float, 2, Cuda> weights(Extents<2> sizes, std::uint64_t seed) const {
    Tensor<float, 2, Cuda> W(sizes);
    const float bound = 1 / std::sqrt(static_cast<float>(H));
    Generator(seed).uniform(W.view(), -bound, bound);
    return W;
  }

  void forward(cuda::LstmForm form, bool keep) {
    cuda::lstm_forward<float>(form, y.view(), {}, keep ? saved.view() : TensorView<float, 1, Cuda>(), x, views(), {},
                              false);
  }
  void backward(cuda::LstmForm form) {
    cuda::lstm_backward<float>(form, dx.view(), {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()}, {}, dy, {},
                               saved.view(), views(), x.sizes(), false);
  }
  LstmWeightViews<const float, Cuda> views() const { return {W_ih.view(), W_hh.view(), b_ih.view(), b_hh.view()}; }

  double bytes() const { return 4.0 * static_cast<double>(x.count() + y.count()); }
  double flops() const { return 8.0 * static_cast<double>(B * L * H * (I + H)); }
};

void layer(Suite& suite, index_t B, index_t L, index_t I, index_t H, double target_ms) {
  const std::string size =
      " B" + std::to_string(B) + " L" + std::to_string(L) + " i" + std::to_string(I) + " h" + std::to_string(H);
  if (!suite.wants("LSTM forward" + size) && !suite.wants("LSTM forward+backward" + size)) return;
  Layer lstm(B, L, I, H);
  const auto row = [&](const std::string& name, double times, double target) {
    return Row{name + size, times * lstm.bytes(), (times == 1 ? 1 : 3) * lstm.flops(), Products::fp32, target};
  };
  const auto both = [&](cuda::LstmForm form) {
    return [&lstm, form](int) {
      lstm.forward(form, true);
      lstm.backward(form);
    };
  };
  suite.time(row("LSTM forward", 1, 0), 1, [&](int) { lstm.forward(cuda::LstmForm::automatic, false); });
  suite.time(row("LSTM forward+backward", 2, target_ms), 1, both(cuda::LstmForm::automatic));
  suite.time(row("LSTM forward+backward, in steps", 2, 0), 1, both(cuda::LstmForm::steps));
}

// One update of the discriminator and two of the generator as one graph. The optimisers' counts stand still while it is
// replayed here, which costs the same; a program takes one graph per update (examples/trace_gan).
void gan(Suite& suite) {
  const index_t B = 128, L = 12, h = 66;
  const std::string name = "GAN batch B128 L12 h66, 1 D + 2 G";
  if (!suite.wants(name)) return;
  Generator init(1), noise(2);
  LstmGan<float, Cuda> model({.features = 4, .hidden = h, .latent = 16}, init);
  LstmGanTrainer<float, Cuda> trainer(model, {.d_updates = 1, .g_updates = 2});
  const auto real = random<float>(Extents<3>(B, L, 4), 3);
  const double generator = 8.0 * static_cast<double>(B * L * h * (16 + h));
  const double discriminator = 8.0 * static_cast<double>(B * L * h * (4 + h));
  const double flops = generator + 2 * 3 * discriminator + 2 * (3 * generator + 2 * discriminator);
  // Adam reads and writes a value, its gradient and two moments.
  const double bytes =
      32.0 * static_cast<double>(count_parameters(model.discriminator) + 2 * count_parameters(model.generator));
  suite.time({name, bytes, flops, Products::fp32, 0.5}, 1, [&](int) { trainer.step(real, noise); });
}

const Family family("lstm", [](Suite& suite) {
  layer(suite, 64, 256, 128, 256, 4.0);
  layer(suite, 128, 12, 16, 66, 0);
  gan(suite);
});

}  // namespace
}  // namespace longwave::bench
