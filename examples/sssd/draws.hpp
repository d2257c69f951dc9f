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
Tensor<float, 4> draw_on(const Trained& trained, const DrawRequest& request) {
  const index_t N = request.cond.size(0), C = request.cond.size(1), L = request.cond.size(2), S = request.samples;
  const index_t B = std::min(request.batch, N * S), size = C * L;
  Generator unused(0), gen(request.seed, 100);
  const auto network = make_network<D>(trained.options, shape_of(trained.coding, trained.length()), unused);
  if (trained.options.train.ema > 0) {  // the averaged weights
    Adam<float, D> adam(network->parameters());
    std::optional<Ema<float, D>> ema(std::in_place, network->parameters(),
                                     EmaOptions{.decay = trained.options.train.ema, .warm_up = true});
    trained.file->load(network->state(), optimizer_state(adam, ema));
    ema->swap_in();
  } else {
    trained.file->load_model(network->state());
  }
  network->prepare_draws(trained.options, request.sampler, {B, C, L});

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
    move(drawn.view(), network->draw(std::as_const(cond_there).view(), std::as_const(mask_there).view(), gen));
    std::copy_n(drawn.data(), n * size, draws.data() + first * size);
    if (request.progress) request.progress(first + n, N * S);
  }
  return draws;
}

template <device D>
const Backend& backend_on() {
  static const Backend backend = {
      [](const Options& options, std::string config, const RunData& data) -> std::unique_ptr<Trainer> {
        return std::make_unique<TrainerOn<D>>(options, std::move(config), data);
      },
      draw_on<D>};
  return backend;
}

}  // namespace longwave::examples::sssd
