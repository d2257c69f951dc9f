// network_on.hpp - the networks of network.hpp, for the device that makes them.
#pragma once

#include "longwave/models/sar_focus.hpp"
#include "sar_focus/network.hpp"

namespace longwave::examples::sar_focus {

SarFocusOptions network_options(const TrainOptions& options);

template <class Model, device D>
class NetworkOf final : public Network<D> {
 public:
  template <class Options>
  NetworkOf(const Options& options, bool mixed, Generator& init) : model_(options, init) {
    if (model_.stack)
      for (auto& layer : model_.stack->ssm) layer.options.mixed = mixed;
  }

  Var<float, 3, D> operator()(Tape<float, D>& tape, Var<float, 3, D> x) override { return model_(tape, x); }
  std::vector<ParameterRef<float, D>> parameters() override { return longwave::parameters<float, D>(model_); }
  std::vector<ParameterRef<float, D>> state() override { return longwave::state<float, D>(model_); }

 private:
  Model model_;
};

template <device D>
std::unique_ptr<Network<D>> make_network(const TrainOptions& options, Generator& init) {
  return std::make_unique<NetworkOf<SarFocus<float, D>, D>>(network_options(options), options.precision == "bf16",
                                                            init);
}

}  // namespace longwave::examples::sar_focus
