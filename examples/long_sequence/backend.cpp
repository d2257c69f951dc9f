#include "long_sequence/backend.hpp"

#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

class HostPredictor final : public Predictor {
 public:
  HostPredictor(Network<Host>& network, const RunOptions& options) : network_(network), options_(options) {}
  void predict(Batches& batches, double rate, const Use& use) override {
    examples::predict(network_, batches, rate, tape_, use, options_);
  }
  std::unique_ptr<NetworkStream<Host>> make_stream(index_t B, const StepOptions& how) override {
    return network_.make_stream(B, how);
  }
  void wait() override {}

 private:
  Network<Host>& network_;
  RunOptions options_;
  Tape<float> tape_;
};

}  // namespace

const Backend& backend_of(const DeviceChoice& device) {
  static const Backend host = {
      [](const RunOptions& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<Host>>(options, std::move(config), data);
      },
      [](Network<Host>& network, const RunOptions& options, const NetworkShape&) -> std::unique_ptr<Predictor> {
        return std::make_unique<HostPredictor>(network, options);
      }};
  return device.on_cuda ? cuda_backend() : host;
}

}  // namespace longwave::examples
