#include "sssd/trained.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "longwave/io/json.hpp"
#include "sssd/files.hpp"
#include "sssd/trainer_on.hpp"

namespace longwave::examples::sssd {

ModelKind Trained::kind() const { return model_kind(options); }

Trained load_trained(const std::string& path, const std::string& iteration) {
  Trained trained;
  trained.file = std::make_unique<Checkpoint>(find_checkpoint(path, iteration));
  const CheckpointInfo& info = trained.file->info();
  if (!trained.file->notice().empty()) std::fprintf(stderr, "sssd: %s\n", trained.file->notice().c_str());
  if (info.more.count("normalization") == 0)
    throw IoError(trained.path(), "is a checkpoint of another program: it lacks its normalization");
  Settings settings = make_settings(trained.options);
  load_config_text(settings, info.config, trained.path() + " (config)");
  trained.coding = Coding::from_json(info.more.at("normalization"), trained.path());
  trained.iteration = info.step;
  return trained;
}

CheckpointInfo checkpoint_info(const std::string& config, const Coding& coding, std::int64_t iteration,
                               double seconds) {
  CheckpointInfo info;
  info.step = iteration;
  info.config = config;
  info.more = {{"model_config", section_json(config, "wavenet_config")},
               {"diffusion_config", section_json(config, "diffusion_config")},
               {"normalization", coding.to_json()},
               {"seconds", python_float(seconds)}};
  return info;
}

double saved_seconds(const Checkpoint& saved) {
  const auto found = saved.info().more.find("seconds");
  return found == saved.info().more.end() ? 0 : std::strtod(found->second.c_str(), nullptr);
}

double lr_factor(const Options& o, std::int64_t n) {
  const Options::Train& t = o.train;
  const double at = static_cast<double>(n), rise = std::min(1.0, (at + 1) / static_cast<double>(t.warmup + 1));
  if (t.lr_schedule == "constant") return rise;
  const double part = std::min(1.0, at / static_cast<double>(t.n_iters));
  return rise * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

void throw_not_finite(std::int64_t iteration) {
  throw_value_error("the loss of iteration " + std::to_string(iteration) +
                    " is not finite; go on from an earlier checkpoint (--resume N) with a smaller --lr");
}

}  // namespace longwave::examples::sssd
