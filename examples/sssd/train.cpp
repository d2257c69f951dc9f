// train.cpp - the subcommand train: options, the loop, losses, checkpoints, Ctrl-C.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "common/device.hpp"
#include "common/interrupt.hpp"
#include "common/metrics_log.hpp"
#include "longwave/core/parallel.hpp"
#include "sssd/backend.hpp"
#include "sssd/batches.hpp"
#include "sssd/commands.hpp"
#include "sssd/files.hpp"
#include "sssd/progress.hpp"

namespace longwave::examples::sssd {

namespace {

using Clock = std::chrono::steady_clock;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

long long wide(std::int64_t n) { return static_cast<long long>(n); }

// Where a run starts: the checkpoint to go on from, "" for none; later ones are replaced.
struct Start {
  std::string path;
  std::int64_t iteration = -1;
};

// Throws rather than replace a checkpoint without --force.
Start choose_start(const Options& options, const TrainArguments& arguments, const std::string& folder) {
  const std::vector<std::int64_t> there = iterations_in(folder);
  const std::string& wanted = options.train.ckpt_iter;
  if (wanted == "-1" || wanted == "max") {
    if (there.empty() || arguments.force) return {};
    if (wanted == "max") return {checkpoint_file(folder, there.back()), there.back()};
    throw_value_error(folder + " holds checkpoints; go on with them (--resume max) or replace them (--force)");
  }
  const std::string path = find_checkpoint(folder, wanted);
  if (path != checkpoint_file(folder, there.back()) && !arguments.force)
    throw_value_error(folder + " holds checkpoints after iteration " + wanted + ", up to " +
                      std::to_string(there.back()) + "; go on with the last (--resume max) or replace them (--force)");
  return {path, std::strtoll(wanted.c_str(), nullptr, 10)};
}

class TrainCommand {
 public:
  TrainCommand(const Options& options, const TrainArguments& arguments, const std::string& config, std::string folder,
               const RunData& data)
      : options_(options),
        arguments_(arguments),
        folder_(std::move(folder)),
        trainer_(backend_of(arguments.device).make_trainer(options, config, data)) {}

  int run(const Checkpoint* saved, const std::string& what) {
    if (saved != nullptr) trainer_->load(*saved);
    const std::int64_t last = options_.train.n_iters - 1;
    MetricsLog metrics(folder_ + "/metrics.jsonl", saved != nullptr ? trainer_->iteration() : -1);
    Interrupt interrupt;
    IterationProgress progress(stdout, arguments_.quiet ? Progress::Style::silent : Progress::choose(stdout),
                               "iteration", trainer_->iteration() + 1, last + 1);
    progress.line(what + format(", %lld parameters", wide(trainer_->count_parameters())) + on_device() +
                  (saved != nullptr ? format("; going on after iteration %lld", wide(trainer_->iteration())) : "") +
                  "; writing to " + folder_);
    if (trainer_->iteration() >= last) progress.line("all iterations are done; a larger --n_iters goes on");
    while (trainer_->iteration() < last) {
      step(metrics, progress);
      const std::int64_t n = trainer_->iteration();
      const bool leave = interrupt.requested() || n == arguments_.stop_after;
      if (n == last || leave || (n > 0 && n % options_.train.iters_per_ckpt == 0)) save();
      if (leave && n < last) {
        progress.line(format("%s after iteration %lld; the same command goes on (--resume max)",
                             interrupt.requested() ? "interrupted" : "stopped", wide(n)));
        return Interrupt::exit_code;
      }
    }
    progress.clear();
    std::printf("checkpoint: %s (%s in training steps)\n", checkpoint_file(folder_, trainer_->iteration()).c_str(),
                duration_text(trainer_->seconds).c_str());
    std::fflush(stdout);
    return 0;
  }

 private:
  void step(MetricsLog& metrics, IterationProgress& progress) {
    const Clock::time_point start = Clock::now();
    trainer_->step();
    const std::int64_t n = trainer_->iteration();
    const bool log = n % options_.train.iters_per_logging == 0 || n == options_.train.n_iters - 1;
    if (log || n % 10 == 0) loss_ = trainer_->loss();
    trainer_->seconds += std::chrono::duration<double>(Clock::now() - start).count();
    progress.update(n + 1, loss_);
    if (!log) return;
    const double validation = trainer_->validate();
    metrics.write("iteration", n,
                  {{"train_loss", loss_}, {"validation_loss", validation}, {"seconds", trainer_->seconds}});
    progress.line(format("iteration %lld  train loss %.6f  validation loss %.6f  ETA %s", wide(n), loss_, validation,
                         duration_text(progress.eta(n + 1)).c_str()));
  }

  void save() { trainer_->save(checkpoint_file(folder_, trainer_->iteration())); }
  std::string on_device() const {
    return arguments_.device.on_cuda ? ", on " + describe_device(arguments_.device) : "";
  }

  const Options& options_;
  const TrainArguments& arguments_;
  std::string folder_;
  std::unique_ptr<Trainer> trainer_;
  double loss_ = NAN;
};

void check_same_run(const Checkpoint& saved, const std::string& config, const Coding& coding) {
  if (saved.info().more.count("normalization") == 0)
    throw IoError(saved.path(), "is a checkpoint of another program: it lacks its normalization");
  const std::string hint = "; name another --output_dir, or replace it (--force)";
  const std::string difference = first_difference(saved.info().config, config);
  if (!difference.empty()) throw IoError(saved.path(), "belongs to another configuration: " + difference + hint);
  Coding before = Coding::from_json(saved.info().more.at("normalization"), saved.path());
  before.test_min = coding.test_min;  // a run may go on with other tests
  before.test_max = coding.test_max;
  if (before.to_json() != coding.to_json())
    throw IoError(saved.path(), "was trained on other data: their normalization differs" + hint);
}

std::string describe(const Options& options, const RunData& data) {
  return format("%s: %lld training series of length %lld, %lld to validate; ", data.name.c_str(),
                wide(data.train.size()), wide(data.train.length()), wide(data.test.size())) +
         format("%s, %lld blocks of %lld channels, masks %s k=%lld", model_name(model_kind(options)),
                wide(options.wavenet.num_res_layers), wide(options.wavenet.res_channels), options.train.masking.c_str(),
                wide(options.train.missing_k));
}

}  // namespace

int train(const TrainArguments& arguments) {
  Options options;
  Settings settings = make_settings(options);
  if (!arguments.config.empty()) load_config_file(settings, arguments.config);
  for (const auto& [name, value] : arguments.overrides) settings.set(name, value);
  check(options);
  set_num_threads(static_cast<int>(options.train.threads));
  RunData data = load_data(options, {.folder = arguments.data});
  fit_guess(options, data.train, data.coding);
  if (model_kind(options) == ModelKind::categorical && !data.coding.events)
    throw_value_error("--model categorical predicts events; " + data.name + " holds numbers");
  check_ids(data.test, data.coding, data.name + " (test)");

  const std::string folder = run_folder(options), config = settings.to_json();
  const Start start = choose_start(options, arguments, folder);
  std::unique_ptr<Checkpoint> saved;
  if (!start.path.empty()) {
    saved = std::make_unique<Checkpoint>(start.path);
    if (!saved->notice().empty()) std::fprintf(stderr, "sssd: %s\n", saved->notice().c_str());
    check_same_run(*saved, config, data.coding);
  }
  TrainCommand command(options, arguments, config, folder, data);
  make_folders(folder);
  remove_checkpoints(folder, start.iteration);
  replace_file(folder + "/config.json", config + "\n");
  replace_file(folder + "/normalization.json", data.coding.to_json() + "\n");
  return command.run(saved.get(), describe(options, data));
}

}  // namespace longwave::examples::sssd
