#include "long_sequence/backend.hpp"

#include "long_sequence/runner_host.hpp"
#include "long_sequence/streams.hpp"
#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

struct HostStreams {
  Model& model;
  Model::State state;
  Tensor<float, 2> x, logits;  // (B, channels), (B, classes)

  HostStreams(Model& m, const Dataset<float>& data, index_t B)
      : model(m), state(model.make_state(B)), x(B, data.channels()), logits(B, data.classes) {}

  void reset() { state.reset(); }
  void step(const Dataset<float>& data, index_t first, index_t t) {
    for (index_t b = 0; b < x.size(0); ++b)
      for (index_t c = 0; c < x.size(1); ++c) x(b, c) = data.x(first + b, c, t);
    model.step(x.view(), state, logits.view());
  }
  TensorView<const float, 2> result() { return logits.view(); }
  void wait() {}
};

}  // namespace

const Backend& backend_of(const DeviceChoice& device) {
  static const Backend host = {
      [](const RunOptions& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<Host>>(options, std::move(config), data);
      },
      [](Model& model, TensorView<const float, 3> x, index_t batch) {
        Tape<float> tape;
        return predict(model, x, batch, tape);
      },
      stream_all<HostStreams>, ns_per_step<HostStreams>};
  return device.on_cuda ? cuda_backend() : host;
}

}  // namespace longwave::examples
