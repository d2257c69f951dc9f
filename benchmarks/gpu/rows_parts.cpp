// What a classifier's training step consists of, op by op, at its size and at that of the layer's row for L = 1024: the
// whole layer, its end, what joins it to the residual, the norm, both at once as a post-norm block has them. What is
// left of the layer is the state space.
#include "bench.hpp"
#include "longwave/autograd/functions/bias_glu.hpp"
#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/nn/layer_norm.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave::bench {
namespace {

struct Sizes {
  const char* of;
  index_t B, H, L;
  double dropout;
};

// f(tape, x) forward, then with its gradients; passes: tensors (B, H, L) that have to be read or written at least.
template <class F>
void part(Suite& suite, const Sizes& s, const std::string& name, double forward, double backward, F f) {
  const Extents<3> sizes(s.B, s.H, s.L);
  const double bytes = sizeof(float) * static_cast<double>(sizes.count());
  const std::string row = std::string(s.of) + ", " + name;
  if (!suite.wants(row)) return;
  struct Set {
    Tensor<float, 3, Cuda> x, dy;
  };
  std::vector<Set> sets;
  for (int i = 0; i < suite.sets(2 * bytes); ++i) {
    const auto seed = static_cast<std::uint64_t>(2 * i);
    sets.push_back({random<float>(sizes, 2 + seed), random<float>(sizes, 3 + seed)});
  }
  Generator gen(1);
  Tape<float, Cuda> tape;
  tape.train(gen);
  for (const bool gradient : {false, true})
    suite.time({.name = row + (gradient ? ", forward+backward" : ", forward"),
                .bytes = bytes * (gradient ? forward + backward : forward),
                .products = Products::none},
               static_cast<int>(sets.size()), [&](int i) {
                 const Set& set = sets[static_cast<std::size_t>(i) % sets.size()];
                 tape.rewind();
                 const auto y = f(tape, tape.variable(set.x.view()));
                 if (gradient) tape.backward(y, set.dy);
               });
}

void parts(Suite& suite, const Sizes& s) {
  Generator gen(1);
  S4DOptions options{.d_model = s.H, .d_state = 64};
  options.dropout = s.dropout;
  S4D<float, Cuda> layer(options, gen);
  part(suite, s, "layer", 2, 3, [&](auto& tape, auto x) { return layer(tape, x); });

  Parameter<float, 3, Cuda> W(Extents<3>(2 * s.H, s.H, 1));
  Parameter<float, 1, Cuda> bias(Extents<1>(2 * s.H));
  init::linear_default(gen, W.value.view(), bias.value.view());
  part(suite, s, "its end", 2, 3, [&](auto& tape, auto x) {
    return linear_glu_after(x, GeluRule(), W.on(tape, "weight"), bias.on(tape, "bias"), s.dropout, true);
  });
  if (s.dropout == 0) return;
  const auto residual = random<float>(Extents<3>(s.B, s.H, s.L), 1);
  part(suite, s, "dropout and residual", 3, 3, [&](auto& tape, auto x) {
    return dropout_sum(tape.variable(residual.view()), x, WeightedSumRule{1, 1}, s.dropout, true);
  });
  LayerNorm<float, Cuda> norm({.features = s.H, .axis = 1});
  part(suite, s, "norm", 2, 3, [&](auto& tape, auto x) { return norm(tape, x); });
  part(suite, s, "both at once", 4, 4,
       [&](auto& tape, auto x) { return norm.of_sum(tape, tape.variable(residual.view()), x, s.dropout); });
}

const Family family("parts", [](Suite& suite) {
  cuda::set_tf32(true);
  parts(suite, {"part of the classifier", 64, 128, 1024, 0.1});
  parts(suite, {"part of the layer L=1024", 16, 256, 1024, 0});
  cuda::set_tf32(false);
});

}  // namespace
}  // namespace longwave::bench
