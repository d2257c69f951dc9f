#include "long_sequence/backend.hpp"

#include "long_sequence/cuda/runner.hpp"
#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

// One replay of a captured step per position; numbers go to the device and back each time.
class CudaStream final : public NetworkStream<Host> {
 public:
  CudaStream(Network<Cuda>& network, const NetworkShape& shape, index_t B, const StepOptions& how)
      : stream_(network.make_stream(B, how)), x_(B, shape.channels), tokens_(B), scores_(B, shape.outputs) {}

  void reset() override { stream_->reset(); }
  void step(TensorView<const float, 2> x, TensorView<float, 2> scores) override {
    cuda::copy(x_.view(), x);
    graph_.run([&] { stream_->step(x_.view(), scores_.view()); });
    cuda::copy(scores, scores_.view());
  }
  void step_tokens(TensorView<const index_t, 1> x, TensorView<float, 2> scores) override {
    cuda::copy(tokens_.view(), x);
    graph_.run([&] { stream_->step_tokens(tokens_.view(), scores_.view()); });
    cuda::copy(scores, scores_.view());
  }
  void prefill(const NetworkInput<Host>& piece, TensorView<float, 2> scores) override {
    NetworkInput<Cuda> there;
    Tensor<float, 3, Cuda> x;
    Tensor<index_t, 2, Cuda> tokens;
    if (piece.x.data() != nullptr) {
      x = cuda::to_device(piece.x);
      there.x = x.view();
    } else {
      tokens = cuda::to_device(piece.tokens);
      there.tokens = tokens.view();
    }
    stream_->prefill(there, scores_.view());
    cuda::copy(scores, scores_.view());
  }

 private:
  std::unique_ptr<NetworkStream<Cuda>> stream_;
  Tensor<float, 2, Cuda> x_;
  Tensor<index_t, 1, Cuda> tokens_;
  Tensor<float, 2, Cuda> scores_;
  cuda::Graph graph_;
};

class CudaPredictor final : public Predictor {
 public:
  // The same numbers on the device.
  CudaPredictor(Network<Host>& network, const RunOptions& options, const NetworkShape& shape)
      : options_(options), shape_(shape) {
    Generator unused(0);
    network_ = make_network<Cuda>(options, shape, unused);
    const auto from = network.state();
    const auto to = network_->state();
    for (std::size_t i = 0; i < from.size(); ++i)
      cuda::copy_to_device(to[i].value, from[i].value, static_cast<std::size_t>(from[i].count) * sizeof(float));
  }
  void predict(Batches& batches, double rate, const Use& use) override {
    examples::predict(*network_, batches, rate, tape_, use, options_);
  }
  std::unique_ptr<NetworkStream<Host>> make_stream(index_t B, const StepOptions& how) override {
    return std::make_unique<CudaStream>(*network_, shape_, B, how);
  }
  void wait() override { cuda::synchronize(); }

 private:
  RunOptions options_;
  NetworkShape shape_;
  std::unique_ptr<Network<Cuda>> network_;
  Tape<float, Cuda> tape_;
};

}  // namespace

const Backend& cuda_backend() {
  static const Backend device = {
      [](const RunOptions& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<Cuda>>(options, std::move(config), data);
      },
      [](Network<Host>& network, const RunOptions& options, const NetworkShape& shape) -> std::unique_ptr<Predictor> {
        return std::make_unique<CudaPredictor>(network, options, shape);
      }};
  return device;
}

}  // namespace longwave::examples
