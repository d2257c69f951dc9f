// One sample of B streams: an S4D layer of d_model = 256, d_state = 64, and the classifier of d_model = 128, 4 layers.
// Each step is a replayed graph. fp32 products. States of 65,536 streams of the layer take 4.3 GB.
#include "bench.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/stream/session.hpp"

namespace longwave::bench {
namespace {

template <class Model>
void stream(Suite& suite, const char* what, Model& model, index_t B, double bytes, double flops) {
  const std::string name = std::string("step of ") + what + " B=" + std::to_string(B);
  if (!suite.wants(name)) return;
  Session<Model> session(model, B);
  Tensor<float, 2, Cuda> y(session.output().sizes());
  Generator gen(2);
  gen.normal(session.input());
  const double streams = static_cast<double>(B);
  suite.time_step({name, bytes * streams, flops * streams},
                  [&](cuda::Graph&) { return [&] { model.step(session.input(), session.state(), y.view()); }; });
}

const Family family("stream", [](Suite& suite) {
  Generator gen(1);
  {
    const double H = 256, modes = 32;  // states once in and out, u and y; 8 operations per mode, 2 H per output
    S4D<float, Cuda> layer({.d_model = 256, .d_state = 64}, gen);
    for (const index_t B : {1, 1024, 65536})
      stream(suite, "an S4D layer d256 N64", layer, B, H * (16 * modes + 8), H * (16 * modes + 4 * H));
  }
  {
    const double H = 128, modes = 32, layers = 4;
    SequenceClassifier<float, Cuda> model({.d_model = 128, .n_layers = 4}, gen);
    for (const index_t B : {1, 1024, 65536})
      stream(suite, "the classifier d128, 4 layers", model, B, layers * H * 16 * modes,
             layers * H * (16 * modes + 4 * H));
  }
});

}  // namespace
}  // namespace longwave::bench
