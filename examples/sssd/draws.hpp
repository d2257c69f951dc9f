// draws.hpp - the backend's functions as templates of the device.
#pragma once

#include <algorithm>

#include "sssd/backend.hpp"
#include "sssd/network_on.hpp"
#include "sssd/trainer_on.hpp"

namespace longwave::examples::sssd {

// Between the host's tensors and those of the device.
template <int N>
void move(TensorView<float, N, Host> to, TensorView<const float, N, Host> from) {
  copy(to, from);
}

template <device D>
class DrawerOn final : public Drawer {
 public:
  explicit DrawerOn(const Trained& trained) : options_(trained.options) {
    Generator unused(0);
    network_ = make_network<D>(options_, shape_of(trained.coding, trained.length()), unused);
    if (options_.train.ema == 0) {
      trained.file->load_model(network_->state());
      return;
    }
    Adam<float, D> adam(network_->parameters());  // the averaged weights
    std::optional<Ema<float, D>> ema(std::in_place, network_->parameters(),
                                     EmaOptions{.decay = options_.train.ema, .warm_up = true});
    trained.file->load(network_->state(), optimizer_state(adam, ema));
    ema->swap_in();
  }

  Tensor<float, 4> draw(const DrawRequest& request) override {
    const index_t N = request.cond.size(0), C = request.cond.size(1), L = request.cond.size(2), S = request.samples;
    const index_t B = std::min(request.batch, N * S), size = C * L;
    Generator gen(request.seed, 100);
    network_->prepare_draws(options_, request.sampler, {B, C, L});
    Tensor<float, 4> draws(S, N, C, L);
    Tensor<float, 3> cond(B, C, L), mask(B, C, L), drawn(B, C, L);
    Tensor<float, 3, D> cond_there(B, C, L), mask_there(B, C, L);
    for (index_t first = 0; first < N * S; first += B) {
      const index_t n = std::min(B, N * S - first);
      for (index_t b = 0; b < B; ++b) {  // a last batch is filled up with its first series
        const index_t series = (first + (b < n ? b : 0)) % N;
        std::copy_n(&request.cond(series, 0, 0), size, &cond(b, 0, 0));
        std::copy_n(&request.mask(series, 0, 0), size, &mask(b, 0, 0));
      }
      move(cond_there.view(), std::as_const(cond).view());
      move(mask_there.view(), std::as_const(mask).view());
      move(drawn.view(), network_->draw(std::as_const(cond_there).view(), std::as_const(mask_there).view(), gen));
      std::copy_n(drawn.data(), n * size, draws.data() + first * size);
      if (request.progress) request.progress(first + n, N * S);
    }
    return draws;
  }

 private:
  const Options& options_;
  std::unique_ptr<Network<D>> network_;
};

template <device D>
const Backend& backend_on() {
  static const Backend backend = {
      [](const Options& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<D>>(options, std::move(config), data);
      },
      [](const Trained& trained) -> std::unique_ptr<Drawer> { return std::make_unique<DrawerOn<D>>(trained); }};
  return backend;
}

}  // namespace longwave::examples::sssd
