// categorical_sampler.hpp - missing events filled in, or whole sequences made, by a network of sssd_categorical.hpp.
//
//   CategoricalSampler<float> sampler({B, 1, L}, {.rounds = 8});
//   const auto x = sampler.sample(net, known, mask, gen);          // (B, 1, L), stays until the next call
//   Tensor<float, 3> y = impute(net, known, mask, gen);            // the same, once
//   Tensor<float, 3> z = generate(net, B, L, gen);                 // nothing known
//
// All missing events start hidden. In each of R rounds the network's distribution gives an event for every hidden
// place, the most probable one or one drawn at a temperature; the surest of them are shown, or random ones, so that
// after round r floor(n (1 - r / R)) of n stay hidden, and the next round sees them. R = 1 decides all at once; with R
// >= n, one by one. Random order and temperature 1 sample the diffusion itself: with R = L, exactly, for a network that
// is exact (Austin et al. 2021, appendix A.3); the surest first is faster and better for imputation (Chang et al. 2022,
// section 3.2). From the second call on nothing is allocated.
#pragma once

#include <cmath>

#include "longwave/models/sssd_categorical.hpp"

namespace longwave {

struct RevealOptions {
  index_t rounds = 8;         // R
  double temperature = 0;     // 0: the most probable event
  bool random_order = false;  // instead of the surest first
  double choice_noise = 0;    // Gumbel noise on how sure an event is, falling to 0 over the rounds
};

// What generate() takes for the temperature and the order unless it is told otherwise: drawing from the distribution.
inline constexpr RevealOptions reveal_drawing(index_t rounds) {
  return {.rounds = rounds, .temperature = 1, .random_order = true};
}

template <class T, device D = Host>
class CategoricalSampler {
 public:
  explicit CategoricalSampler(Extents<3> sizes, RevealOptions options = {})
      : options_(checked(sizes, options)),
        tokens_(sizes[0], sizes[2]),
        chosen_(sizes[0], sizes[2]),
        sure_(sizes[0], sizes[2]),
        steps_(sizes[0]),
        x_(sizes) {
    tape_.set_recording(false);
  }

  // known is looked at where mask is not 0. Both (B, 1, L), as is the result: known events, and events for the others.
  template <class Net>
  TensorView<const T, 3, D> sample(Net& net, TensorView<const T, 3, D> known, TensorView<const T, 3, D> mask,
                                   Generator& gen) {
    check_shape("CategoricalSampler", "known", known, x_.sizes(), "BCL");
    check_shape("CategoricalSampler", "mask", mask, x_.sizes(), "BCL");
    const index_t n = tokens_.count(), L = x_.size(2), R = options_.rounds, V = net.options.classes;
    for_each_index<D>(n, detail::StartTokens<T, D>{tokens_.view(), known, mask, V}, 4);
    for (index_t round = 0; round < R; ++round) {
      const double hidden = static_cast<double>(R - round) / static_cast<double>(R);
      const double stay = static_cast<double>(R - round - 1) / static_cast<double>(R);
      tape_.rewind();
      detail::fill(steps_.view(), step_of(hidden, net.options.steps));
      const Var<T, 3, D> scores = net(tape_, std::as_const(tokens_).view(), std::as_const(steps_).view());
      const PhiloxKey draw = gen.next(), order = gen.next();
      for_each_index<D>(n,
                        detail::ChooseEvents<T, D>{chosen_.view(), sure_.view(), scores.value(),
                                                   std::as_const(tokens_).view(), options_.temperature,
                                                   options_.choice_noise * stay, options_.random_order, draw, order},
                        20 * V);
      for_each_index<D>(n,
                        detail::ShowSurest<T, D>{tokens_.view(), std::as_const(chosen_).view(),
                                                 std::as_const(sure_).view(), mask, stay},
                        4 * L);
    }
    for_each_index<D>(n, detail::TokenValues<T, D>{x_.view(), std::as_const(tokens_).view()}, 2);
    return std::as_const(x_).view();
  }

 private:
  // The step whose share of hidden events comes nearest from above.
  static index_t step_of(double hidden, index_t T_) {
    return static_cast<index_t>(std::ceil(hidden * static_cast<double>(T_) - 1e-9)) - 1;
  }

  static const RevealOptions& checked(const Extents<3>& sizes, const RevealOptions& o) {
    if (sizes[1] != 1)
      throw_shape_error("CategoricalSampler: sizes are " + to_string(sizes, "BCL") + ", expected one channel");
    detail::check_at_least("CategoricalSampler", "rounds", o.rounds, 1);
    if (!(o.temperature >= 0 && o.choice_noise >= 0 && std::isfinite(o.temperature) && std::isfinite(o.choice_noise)))
      throw_value_error("CategoricalSampler: temperature is " + std::to_string(o.temperature) + " and choice_noise " +
                        std::to_string(o.choice_noise) + ", expected finite numbers of at least 0");
    return o;
  }

  RevealOptions options_;
  Tensor<index_t, 2, D> tokens_, chosen_;
  Tensor<T, 2, D> sure_;
  Tensor<index_t, 1, D> steps_;
  Tensor<T, 3, D> x_;
  Tape<T, D> tape_;
};

// known with its missing events filled in.
template <class Net, class T = typename Net::value_type, device D = typename Net::device_type>
Tensor<T, 3, D> impute(Net& net, std::type_identity_t<TensorView<const T, 3, D>> known,
                       std::type_identity_t<TensorView<const T, 3, D>> mask, Generator& gen,
                       const RevealOptions& options = {}) {
  CategoricalSampler<T, D> sampler(known.sizes(), options);
  auto x = Tensor<T, 3, D>::uninitialized(known.sizes());
  copy(x.view(), sampler.sample(net, known, mask, gen));
  return x;
}

// B sequences of L events from nothing, R rounds at most L.
template <class Net, class T = typename Net::value_type, device D = typename Net::device_type>
Tensor<T, 3, D> generate(Net& net, index_t B, index_t L, Generator& gen, const RevealOptions& options) {
  const Tensor<T, 3, D> nothing(B, 1, L);
  return impute(net, nothing.view(), nothing.view(), gen, options);
}
template <class Net>
auto generate(Net& net, index_t B, index_t L, Generator& gen) {
  return generate(net, B, L, gen, reveal_drawing(std::max<index_t>(L, 1)));
}

}  // namespace longwave
