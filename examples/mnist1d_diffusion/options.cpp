#include "mnist1d_diffusion/options.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/settings.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

void check_range(const char* option, double value, double low, double high, const char* expected) {
  if (!(value >= low && value <= high)) {
    std::string shown = std::to_string(value);
    if (value == std::floor(value)) shown.erase(shown.find('.'));
    throw UsageError(std::string("--") + option + " is " + shown + ", expected " + expected);
  }
}

void check_choice(const char* option, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  throw UsageError(std::string("--") + option + " is \"" + value + "\", expected one of " + list);
}

}  // namespace

const std::vector<Experiment>& all_experiments() {
  static const std::vector<Experiment> all = [] {
    std::vector<Experiment> list;
    for (const Loss loss : {Loss::mse, Loss::kl})
      for (const Mixing mixing : {Mixing::gaussian, Mixing::convex})
        for (const Training training : {Training::implicit, Training::semi_implicit})
          list.push_back({static_cast<int>(list.size()) + 1, loss, mixing, training});
    return list;
  }();
  return all;
}

const char* name(Loss loss) { return loss == Loss::mse ? "mse" : "kl_divergence"; }
const char* name(Mixing mixing) { return mixing == Mixing::gaussian ? "gaussian" : "convex"; }
const char* name(Training training) { return training == Training::implicit ? "implicit" : "semi_implicit"; }

void check_options(Options& o) {
  check_range("epochs", static_cast<double>(o.epochs), 1, 1e6, "1 to 1000000");
  check_range("batch_size", static_cast<double>(o.batch_size), 1, 1e6, "1 to 1000000");
  check_range("n_samples", static_cast<double>(o.n_samples), 2, 1e6, "2 to 1000000");
  check_range("n_test", static_cast<double>(o.n_test), 2, 1e6, "2 to 1000000");
  for (const auto& [option, value] : {std::pair("n_samples", o.n_samples), std::pair("n_test", o.n_test)})
    if (value % 2 != 0)
      throw UsageError(std::string("--") + option + " is " + std::to_string(value) +
                       ", expected an even number: half of each set");
  check_range("timesteps", static_cast<double>(o.timesteps), 2, 10000, "2 to 10000");
  check_range("beta_end", o.beta_end, 1e-4, 0.999, "0.0001 to 0.999");
  check_range("seed", static_cast<double>(o.seed), 0, 1e15, "0 or more");
  check_range("repeats", static_cast<double>(o.repeats), 1, 1000, "1 to 1000");
  check_range("sampling_steps", static_cast<double>(o.sampling_steps), 0, static_cast<double>(o.timesteps),
              "0 to --timesteps");
  check_range("mmd_weight", o.mmd_weight, 0, 1e6, "0 to 1000000");
  check_range("lr", o.lr, 1e-9, 1, "0.000000001 to 1");
  check_choice("task", o.task, {"mnist1d", "ancestor"});
  check_choice("convex_target", o.convex_target, {"noise", "effective", "gauss_pairs"});
  check_choice("denoiser", o.denoiser, {"unet", "s4d"});
  check_choice("prediction", o.prediction, {"noise", "clean"});
  check_choice("sampler", o.sampler, {"ddpm", "ddim"});
  if (o.sampling_steps > 0 && o.sampler != "ddim") throw UsageError("--sampling_steps needs --sampler ddim");
  if (o.task == "ancestor" && !o.data.empty()) throw UsageError("--data: the task ancestor draws its own points");
  if (o.only.empty())
    for (const Experiment& e : all_experiments()) o.only.push_back(e.id);
  for (const int id : o.only)
    if (id < 1 || id > static_cast<int>(all_experiments().size()))
      throw UsageError("--only: there is no experiment " + std::to_string(id) + ", expected 1 to 8");
  std::sort(o.only.begin(), o.only.end());
  o.only.erase(std::unique(o.only.begin(), o.only.end()), o.only.end());
}

std::string options_json(const Options& o) {
  const nlohmann::ordered_json json = {{"task", o.task},
                                       {"max_epochs", o.epochs},
                                       {"batch_size", o.batch_size},
                                       {"n_samples", o.n_samples},
                                       {"n_test", o.n_test},
                                       {"timesteps", o.timesteps},
                                       {"beta_end", o.beta_end},
                                       {"seed", o.seed},
                                       {"repeats", o.repeats},
                                       {"only", o.only},
                                       {"data", o.data},
                                       {"convex_target", o.convex_target},
                                       {"denoiser", o.denoiser},
                                       {"prediction", o.prediction},
                                       {"sampler", o.sampler},
                                       {"sampling_steps", o.sampling_steps},
                                       {"mmd_weight", o.mmd_weight},
                                       {"lr", o.lr},
                                       {"cosine_lr", o.cosine_lr}};
  return json.dump();
}

}  // namespace longwave::examples::mnist1d_diffusion
