// explain.hpp - semi-implicit training on one batch, taken apart: where the numbers of docs/semi_implicit.md come from.
#pragma once

#include <string>

#include "mnist1d_diffusion/options.hpp"

namespace longwave::examples::mnist1d_diffusion {

// Everything about one batch of Gaussian semi-implicit training.
struct Explanation {
  double mean_step = 0;
  double forward = 0, inverse = 0, total = 0;
  double weighted_noise_mse = 0;  // mean (1 - abar_t') / abar_t' (eps' - eps_hat')^2: what inverse is without clamps
  double clean_error = 0;         // root mean square of predicted_clean - x_0
  double recovered_error = 0;     // of recovered - predicted_clean
  double clean_cut = 0;           // share of predicted_clean at the limit
  // Norms of gradients over all parameters; the last: if predicted_clean were not detached.
  double forward_gradient = 0, inverse_gradient = 0, total_gradient = 0, attached_gradient = 0;
  double forward_with_inverse = 0;   // cosine of the angle between the gradients of forward and inverse
  double attached_with_inverse = 0;  // between those of inverse as it is and not detached
};

// After `epochs` of semi-implicit training with the options (0: the network as it starts), on the first batch of the
// next epoch.
Explanation explain_batch(const Options& options, std::int64_t epochs);

std::string explanation_text(const Explanation& e, std::int64_t epochs);

}  // namespace longwave::examples::mnist1d_diffusion
