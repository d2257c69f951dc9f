#include "long_sequence/backend.hpp"

#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

class HostPredictor final : public Predictor {
 public:
  explicit HostPredictor(Network<Host>& network) : network_(network) {}
  void predict(Batches& batches, double rate, const Use& use) override {
    examples::predict(network_, batches, rate, tape_, use);
  }
  std::unique_ptr<NetworkStream<Host>> make_stream(index_t B, double rate) override {
    return network_.make_stream(B, rate);
  }
  void wait() override {}

 private:
  Network<Host>& network_;
  Tape<float> tape_;
};

}  // namespace

const Backend& backend_of(const DeviceChoice& device) {
  static const Backend host = {
      [](const RunOptions& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<Host>>(options, std::move(config), data);
      },
      [](Network<Host>& network, const RunOptions&, const NetworkShape&) -> std::unique_ptr<Predictor> {
        return std::make_unique<HostPredictor>(network);
      }};
  return device.on_cuda ? cuda_backend() : host;
}

}  // namespace longwave::examples
