// The S4D layer, forward + backward with all gradients: B = 16, H = 256, d_state = 64, TF32 products; values stored in
// float32, or in bfloat16 (weights and gradients of weights in float32).
#include "bench.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave::bench {
namespace {

constexpr index_t B = 16, H = 256, d_state = 64;

template <class S>
Tensor<S, 3, Cuda> stored(Tensor<float, 3, Cuda> x) {
  if constexpr (std::is_same_v<S, float>) {
    return x;
  } else {
    Tensor<S, 3, Cuda> y(x.sizes());
    ops::Cast::forward(y.view(), x.view());
    return y;
  }
}

template <class S>
constexpr const char* prefix = std::is_same_v<S, bfloat16> ? "bf16 " : "";

template <class S>  // what u, y and all between them are stored in
class LayerStep {
 public:
  LayerStep(Suite& suite, index_t L) : gen_(1), layer_({.d_model = H, .d_state = d_state}, gen_) {
    const int count = suite.sets(2.0 * sizeof(S) * static_cast<double>(B * H * L));
    for (int i = 0; i < count; ++i) {
      const auto seed = static_cast<std::uint64_t>(2 * i);
      sets_.push_back({stored<S>(random<float>(Extents<3>(B, H, L), 2 + seed)),
                       stored<S>(random<float>(Extents<3>(B, H, L), 3 + seed))});
    }
  }

  int sets() const { return static_cast<int>(sets_.size()); }

  void operator()(int i) {
    const Set& set = sets_[static_cast<std::size_t>(i) % sets_.size()];
    tape_.rewind();
    const auto y = layer_(tape_, tape_.variable(set.u.view()));
    tape_.backward(y, set.dy);
  }

 private:
  struct Set {
    Tensor<S, 3, Cuda> u, dy;
  };

  Generator gen_;
  S4D<float, Cuda> layer_;
  Tape<float, Cuda> tape_;
  std::vector<Set> sets_;
};

template <class S>
void layer(Suite& suite, index_t L, double target_ms) {
  const std::string name = std::string("S4D layer forward+backward ") + prefix<S> + "L=" + std::to_string(L);
  if (!suite.wants(name)) return;
  LayerStep<S> step(suite, L);
  // u and y, then u, dy and du. Products: (H, 2 H) at every position, three times; the scan as in rows_scan.cpp, with
  // twice as much again for its gradients. In bfloat16 the scan's products stay TF32, which takes twice the time.
  constexpr bool narrow = std::is_same_v<S, bfloat16>;
  const double samples = static_cast<double>(B * H * L);
  const double flops = samples * (3.0 * 2 * 2 * H + (narrow ? 2 : 1) * 3.0 * (2 * 64 + 4 * d_state));
  suite.time({name, 5.0 * sizeof(S) * samples, flops, narrow ? Products::bf16 : Products::tf32, target_ms}, step.sets(),
             std::ref(step));
}

// The most that is in use during a step: input, cotangent, parameters, tape, gradients, working memory.
template <class S>
void memory(Suite& suite, index_t L, double target_bytes) {
  const Row row{.name = std::string("S4D layer step, peak memory ") + prefix<S> + "L=" + std::to_string(L),
                .target_bytes = target_bytes};
  if (!suite.wants(row.name)) return;
  cuda::release_unused_memory();
  cuda::Stream stream;  // with working memory of its own
  cuda::UseStream use(stream);
  const cuda::PeakMemory peak;
  LayerStep<S> step(suite, L);
  step(0);
  cuda::synchronize();
  // As the peer counts: everything that is alive, input and cotangent once.
  const double others = (step.sets() - 1) * 2.0 * sizeof(S) * static_cast<double>(B * H * L);
  suite.memory(row, peak.bytes() - static_cast<std::size_t>(others));
}

const Family family("layer", [](Suite& suite) {
  cuda::set_tf32(true);
  memory<float>(suite, 16384, 2.2 * (1 << 30));
  layer<float>(suite, 1024, 0.25);
  layer<float>(suite, 4096, 0.65);
  layer<float>(suite, 16384, 2.2);
  memory<bfloat16>(suite, 16384, 0);
  layer<bfloat16>(suite, 1024, 0);
  layer<bfloat16>(suite, 4096, 0);
  layer<bfloat16>(suite, 16384, 1.4);
  cuda::set_tf32(false);
});

}  // namespace
}  // namespace longwave::bench
