// sgd, adam, adamw, on either device.
#pragma once

#include "case.hpp"
#include "longwave/optim/adam.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/sgd.hpp"

namespace longwave::golden {

// Two parameters in groups of their own, moved by the stored gradients; out/a and out/b after every step.
template <class T, device D, class MakeOptimizer>
void optimise(CaseOn<T, D>& c, const MakeOptimizer& make) {
  const std::vector<double> lr = c.config.numbers("lr"), wd = c.config.numbers("wd");
  const index_t steps = c.size_option("steps", "out/a", 0);
  if (lr.size() != 2 || wd.size() != 2) throw Unsupported("groups other than [a, b]");
  const char* names[] = {"a", "b"};
  std::vector<Tensor<T, 1, D>> gradients;
  std::vector<TensorView<T, 1, D>> values, all_gradients;
  std::vector<ParameterRef<T, D>> parameters;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = names[i];
    const index_t count = c.count("in/" + name);
    if (c.count("in/grad_" + name) != steps * count)
      throw_shape_error("in/grad_" + name + " is " + detail::shape_text(c.shape("in/grad_" + name)) + ", expected " +
                        std::to_string(steps) + " times " + detail::shape_text(c.shape("in/" + name)));
    values.push_back(c.flat_values("in/" + name));
    all_gradients.push_back(c.flat_values("in/grad_" + name));
    gradients.emplace_back(count);
    parameters.push_back({name,
                          {count},
                          values[i].data(),
                          gradients[i].data(),
                          count,
                          ParameterGroup{.lr = lr[i], .weight_decay = wd[i]}});
  }
  auto optimizer = make(parameters);
  std::vector<double> after[2];
  for (index_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < 2; ++i) {
      const index_t count = values[i].count();
      copy(gradients[i].view(), all_gradients[i].slice(0, step * count, (step + 1) * count));
    }
    optimizer.step();
    for (std::size_t i = 0; i < 2; ++i) {
      const std::vector<double> now = to_doubles(TensorView<const T, 1, D>(values[i]));
      after[i].insert(after[i].end(), now.begin(), now.end());
    }
  }
  for (std::size_t i = 0; i < 2; ++i) c.out(names[i], after[i]);
}

template <class T, device D>
void sgd(CaseOn<T, D>& c) {
  const SgdOptions options{.momentum = c.config.number("momentum", 0), .nesterov = c.config.flag("nesterov", false)};
  optimise(c, [&](auto parameters) { return Sgd<T, D>(parameters, options); });
}

template <class Options>
Options adam_options(const CaseBase& c) {
  Options options;
  if (c.config.has("betas")) {
    const std::vector<double> betas = c.config.numbers("betas");
    if (betas.size() != 2) throw_value_error("betas: expected two numbers");
    options.beta1 = betas[0];
    options.beta2 = betas[1];
  }
  options.eps = c.config.number("eps", options.eps);
  return options;
}

template <class T, device D>
void adam(CaseOn<T, D>& c) {
  const auto options = adam_options<AdamOptions>(c);
  optimise(c, [&](auto parameters) { return Adam<T, D>(parameters, options); });
}

template <class T, device D>
void adamw(CaseOn<T, D>& c) {
  const auto options = adam_options<AdamWOptions>(c);
  optimise(c, [&](auto parameters) { return AdamW<T, D>(parameters, options); });
}

}  // namespace longwave::golden
