#include "long_sequence/backend.hpp"

#include "long_sequence/cuda/runner.hpp"
#include "long_sequence/streams.hpp"
#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

// The same numbers on the device.
ModelOn<Cuda> on_device(Model& model) {
  Generator unused(0);
  ModelOn<Cuda> there(model.options, unused);
  const auto from = state<float>(model);
  const auto to = state<float, Cuda>(there);
  for (std::size_t i = 0; i < from.size(); ++i)
    cuda::copy_to_device(to[i].value, from[i].value, static_cast<std::size_t>(from[i].count) * sizeof(float));
  return there;
}

// One replay of a captured step per sample.
class CudaStreams {
 public:
  CudaStreams(Model& m, const Dataset<float>& data, index_t B)
      : model_(on_device(m)), state_(model_.make_state(B)), x_(B, data.channels()), logits_(B, data.classes) {}

  void reset() { state_.reset(); }
  void step(const Dataset<float>& data, index_t first, index_t t) {
    if (data_ != &data || first_ != first) load(data, first);
    Memory<Cuda>::copy(x_.data(), samples_.data() + t * x_.count(), x_.bytes());
    graph_.run([&] { model_.step(x_.view(), state_, logits_.view()); });
  }
  TensorView<const float, 2> result() {
    here_ = cuda::to_host(logits_);
    return std::as_const(here_).view();
  }
  void wait() { cuda::synchronize(); }

 private:
  void load(const Dataset<float>& data, index_t first) {
    const index_t B = x_.size(0), C = x_.size(1), L = data.length();
    Tensor<float, 3> samples(L, B, C);
    for (index_t b = 0; b < B; ++b)
      for (index_t c = 0; c < C; ++c)
        for (index_t t = 0; t < L; ++t) samples(t, b, c) = data.x(first + b, c, t);
    samples_ = cuda::to_device(samples);
    data_ = &data;
    first_ = first;
  }

  ModelOn<Cuda> model_;
  ModelOn<Cuda>::State state_;
  Tensor<float, 2, Cuda> x_, logits_;  // (B, channels), (B, classes)
  Tensor<float, 2> here_;
  const Dataset<float>* data_ = nullptr;
  index_t first_ = 0;
  Tensor<float, 3, Cuda> samples_;  // (L, B, channels)
  cuda::Graph graph_;
};

}  // namespace

const Backend& cuda_backend() {
  static const Backend device = {
      [](const RunOptions& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<Cuda>>(options, std::move(config), data);
      },
      [](Model& model, TensorView<const float, 3> x, index_t batch) {
        ModelOn<Cuda> there = on_device(model);
        Tape<float, Cuda> tape;
        return predict(there, x, batch, tape);
      },
      stream_all<CudaStreams>, ns_per_step<CudaStreams>};
  return device;
}

}  // namespace longwave::examples
