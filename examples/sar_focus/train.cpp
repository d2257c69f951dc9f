// train.cpp - the subcommand train: options, the loop over epochs, figures, checkpoints, early stopping, Ctrl-C.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/device.hpp"
#include "common/format.hpp"
#include "common/interrupt.hpp"
#include "common/metrics_log.hpp"
#include "common/progress.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/io/json.hpp"
#include "longwave/io/tensorboard.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/run_folder.hpp"

namespace longwave::examples::sar_focus {

namespace {

using Clock = std::chrono::steady_clock;

constexpr index_t steps_per_line = 10;        // of the log; those steps compute every figure
constexpr double seconds_between_saves = 60;  // within an epoch
constexpr index_t all_of_them = index_t(1) << 40;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

long long wide(std::int64_t n) { return static_cast<long long>(n); }

SarSampling validation_sampling(const TrainOptions& options) {
  SarSampling s = sampling_of(options);
  s.shuffle = false;
  s.samples_per_product = s.max_products = all_of_them;
  return s;
}

struct Logs {
  MetricsLog metrics;
  TensorBoardWriter board;

  Logs(const RunFolder& folder, index_t keep_through)
      : metrics(folder.version() + "/metrics.jsonl", keep_through), board(folder.version()) {}

  void write(const char* kind, index_t step, std::initializer_list<std::pair<const char*, double>> figures) {
    metrics.write(kind, step, figures);
    for (const auto& [name, value] : figures)
      if (std::isfinite(value)) board.scalar(name, step, value);
  }
};

class Training {
 public:
  Training(const TrainOptions& options, const DeviceChoice& device, std::string config, RunFolder folder, bool quiet)
      : options_(options),
        config_(std::move(config)),
        folder_(std::move(folder)),
        batches_(options.train_dir, sampling_of(options), options.batch_size, seed()),
        validation_(options.val_dir, validation_sampling(options), options.valid_batch_size, seed()),
        steps_(options.epochs * batches_.batches()),
        progress_(stdout, quiet ? Progress::Style::silent : Progress::choose(stdout)) {
    if (options.max_steps > 0) steps_ = std::min(steps_, options.max_steps);
    trainer_ = make_trainer(options, steps_, device);
  }

  int run(const Checkpoint* saved, const DeviceChoice& device) {
    if (saved != nullptr) load(*saved);
    Logs logs(folder_, saved != nullptr ? trainer_->steps() : -1);
    Interrupt interrupt;
    progress_.line(description(device));
    while (!done()) {
      progress_.begin_epoch(state_.epoch, options_.epochs, batches_.batches() * options_.batch_size,
                            state_.batch * options_.batch_size);
      batches_.start(state_.epoch, state_.batch);
      saved_ = Clock::now();
      while (!epoch_is_over()) {
        if (interrupt.requested()) return stop(logs);
        step(logs);
        if (seconds_since(saved_) > seconds_between_saves) save();
      }
      end_epoch(logs);
    }
    finish();
    return 0;
  }

 private:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(options_.seed); }
  bool done() const {
    return state_.epoch >= options_.epochs || state_.stopped_early ||
           (trainer_->steps() >= steps_ && state_.batch == 0);
  }
  bool epoch_is_over() const { return state_.batch == batches_.batches() || trainer_->steps() >= steps_; }

  void step(Logs& logs) {
    const Clock::time_point start = Clock::now();
    if (!batches_.next(batch_)) throw_value_error("train: the products end before the epoch does");
    const index_t number = trainer_->steps() + 1;
    const bool look = number == 1 || number % steps_per_line == 0;
    Figures all;
    trainer_->step(batch_, look ? &all : nullptr);
    ++state_.batch;
    tell(look || epoch_is_over());
    state_.seconds += seconds_since(start);
    if (look)
      logs.write("step", number,
                 {{"train_loss", all.mae},
                  {"train_total", all.total},
                  {"train_ssim", all.ssim},
                  {"train_mae", all.mae},
                  {"train_mse", all.mse},
                  {"train_huber", all.huber},
                  {"train_ssim_loss", all.ssim_loss},
                  {"train_edge", all.edge},
                  {"lr", newest_.lr},
                  {"grad_norm", newest_.grad_norm},
                  {"samples_per_second", progress_.samples_per_second()}});
  }

  // Takes the numbers of the steps that are there into the epoch's sums.
  void tell(bool wait) {
    bool any = false;
    for (; trainer_->next(newest_, wait); any = true) {
      state_.mae += newest_.mae;
      state_.total += newest_.total;
    }
    if (any)
      progress_.update(state_.batch * options_.batch_size, state_.total / static_cast<double>(state_.batch), NAN);
  }

  Figures validate() {
    validation_.start(0);
    Figures mean;
    const auto n = static_cast<double>(validation_.batches());
    while (validation_.next(batch_)) mean.add(trainer_->evaluate(batch_), 1 / n);
    return mean;
  }

  void end_epoch(Logs& logs) {
    const auto n = static_cast<double>(state_.batch);
    state_.epoch_mae = state_.mae / n;
    state_.epoch_total = state_.total / n;
    state_.mae = state_.total = 0;
    state_.batch = 0;
    ++state_.epoch;
    const Figures v = state_.validation = validate();
    logs.write("epoch", trainer_->steps(),
               {{"epoch", static_cast<double>(state_.epoch)},
                {"epoch_train_loss", state_.epoch_mae},
                {"epoch_train_total", state_.epoch_total},
                {"val_loss", v.mae},
                {"val_total", v.total},
                {"val_ssim", v.ssim},
                {"val_mae", v.mae},
                {"val_mse", v.mse},
                {"val_huber", v.huber},
                {"val_ssim_loss", v.ssim_loss},
                {"val_edge", v.edge},
                {"val_loss_avg", v.mae},
                {"val_ssim_avg", v.ssim},
                {"lr", newest_.lr},
                {"seconds", state_.seconds}});
    if (!std::isfinite(v.total))
      throw_value_error(
          format("validation after epoch %lld: the loss is not finite; lower --learning_rate or set "
                 "--gradient_clip",
                 wide(state_.epoch)));
    watch(v.mae);
    keep(v);
    save();
    progress_.line(
        format("epoch %3lld/%lld  train_loss %.5f total %.5f  |  val_loss %.5f total %.5f ssim %.4f  |  "
               "%.0f columns/s  ETA %s",
               wide(state_.epoch), wide(options_.epochs), state_.epoch_mae, state_.epoch_total, v.mae, v.total, v.ssim,
               progress_.samples_per_second(), duration_text(progress_.eta()).c_str()));
  }

  void watch(double val_loss) {
    if (val_loss < state_.least - options_.min_delta) {
      state_.least = val_loss;
      state_.epochs_since = 0;
    } else if (++state_.epochs_since >= options_.patience && options_.patience > 0) {
      state_.stopped_early = true;
    }
  }

  // Of the best checkpoints so far.
  void keep(const Figures& v) {
    BestCheckpoint here{state_.epoch, v.mae, v, ""};
    auto& kept = state_.kept;
    const bool best = state_.best.epoch == 0 || v.mae < state_.best.val_loss;
    const auto place = std::find_if(kept.begin(), kept.end(), [&](const auto& b) { return v.mae < b.val_loss; });
    if (place - kept.begin() < options_.keep_best) {
      here.file = best_name(here.epoch, here.val_loss);
      kept.insert(place, here);
      write(folder_.checkpoints() + "/" + here.file);
      if (static_cast<std::int64_t>(kept.size()) > options_.keep_best) {
        std::remove((folder_.checkpoints() + "/" + kept.back().file).c_str());
        kept.pop_back();
      }
    }
    if (best) state_.best = here;
  }

  CheckpointInfo info() const {
    CheckpointInfo info;
    info.epoch = state_.epoch;
    info.config = config_;
    info.more = {{"program", "sar_focus"}, {"run", state_.to_json()}};
    return info;
  }
  void write(const std::string& path) {
    std::remove(path.c_str());
    trainer_->save(path, info());
  }
  void save() {
    tell(true);
    trainer_->save(folder_.last(), info());
    saved_ = Clock::now();
  }

  void load(const Checkpoint& saved) {
    const auto run = saved.info().more.find("run");
    if (run == saved.info().more.end()) throw IoError(saved.path(), "is not a checkpoint of a training of sar_focus");
    state_ = RunState::from_json(run->second, saved.path());
    if (state_.batch > batches_.batches())
      throw IoError(saved.path(), format("was written after %lld batches of an epoch, the products make %lld",
                                         wide(state_.batch), wide(batches_.batches())));
    trainer_->load(saved);
  }

  std::string description(const DeviceChoice& device) const {
    return format("%lld parameters, %lld columns of %lld rows to train with, %lld to validate; ",
                  wide(trainer_->count_parameters()), wide(batches_.samples()), wide(options_.patch_rows),
                  wide(validation_.samples())) +
           (device.on_cuda ? describe_device(device) + "; " : "") +
           (trainer_->steps() > 0 ? format("going on after step %lld; ", wide(trainer_->steps())) : "") +
           "writing to " + folder_.version();
  }

  int stop(Logs&) {
    save();
    progress_.line(format("interrupted after step %lld of epoch %lld; the same command with --resume goes on",
                          wide(trainer_->steps()), wide(state_.epoch + 1)));
    return Interrupt::exit_code;
  }

  // The best weights become the model.
  void finish() {
    if (!state_.best.file.empty()) trainer_->load_weights(Checkpoint(folder_.checkpoints() + "/" + state_.best.file));
    const BestCheckpoint& best = state_.best;
    const Figures& shown = best.file.empty() ? state_.validation : best.figures;
    CheckpointInfo model = info();
    model.epoch = best.file.empty() ? state_.epoch : best.epoch;
    std::remove(folder_.model().c_str());
    trainer_->export_model(folder_.model(), folder_.weights(), model);
    const nlohmann::ordered_json metrics = {{"val_loss", shown.mae},
                                            {"val_total", shown.total},
                                            {"val_ssim", shown.ssim},
                                            {"val_mse", shown.mse},
                                            {"val_huber", shown.huber},
                                            {"val_ssim_loss", shown.ssim_loss},
                                            {"val_edge", shown.edge},
                                            {"epoch", model.epoch},
                                            {"epochs", state_.epoch},
                                            {"steps", trainer_->steps()},
                                            {"stopped_early", state_.stopped_early},
                                            {"train_loss", state_.epoch_mae},
                                            {"train_total", state_.epoch_total},
                                            {"parameters", trainer_->count_parameters()},
                                            {"seconds", state_.seconds},
                                            {"version", folder_.version_name()}};
    replace_file(folder_.metrics(), metrics.dump(2) + "\n");
    progress_.clear();
    std::printf("%s: val_loss %.6f, val_ssim %.4f after epoch %lld (%s in training%s)\n", folder_.model().c_str(),
                shown.mae, shown.ssim, wide(model.epoch), duration_text(state_.seconds).c_str(),
                state_.stopped_early ? ", stopped early" : "");
    std::fflush(stdout);
  }

  const TrainOptions& options_;
  std::string config_;
  RunFolder folder_;
  SarBatches batches_, validation_;
  index_t steps_;  // of the whole run
  Progress progress_;
  std::unique_ptr<Trainer> trainer_;
  RunState state_;
  SarBatch batch_;
  StepResult newest_;
  Clock::time_point saved_;
};

// A resumed run keeps what its numbers depend on.
bool may_change(const std::string& name) {
  for (const char* free : {"directory", "model_name", "gpu_no", "epochs", "train_dir", "val_dir", "patience",
                           "min_delta", "keep_best", "max_steps", "threads", "cache", "workers"})
    if (name == free) return true;
  return false;
}

void apply(Settings& settings, const TrainArguments& arguments) {
  if (!arguments.config.empty()) settings.load_file(arguments.config);
  for (const auto& [name, value] : arguments.overrides) settings.set(name, value);
}

// The saved options, and of those given now the ones that may change.
void apply_to_saved(Settings& settings, const TrainArguments& arguments, const Checkpoint& saved) {
  if (!arguments.config.empty())
    throw UsageError("--config and --resume: a resumed run brings its options along; leave out one of the two");
  settings.load_json(saved.info().config, saved.path() + " (config)");
  for (const auto& [name, value] : arguments.overrides) {
    const std::string before = settings.to_json();
    settings.set(name, value);
    if (!may_change(name) && settings.to_json() != before)
      throw UsageError("--" + name + " cannot change in a resumed run; start a new one, or leave it out");
  }
}

void check_precision(const TrainOptions& options, const DeviceChoice& device) {
  if (options.precision == "fp32") return;
  if (!device.on_cuda)
    throw UsageError("--precision " + options.precision +
                     " is for GPUs (--device cuda); the processor trains in fp32 alone");
  if (options.complex_valued)
    throw UsageError("--precision " + options.precision + ": --complex_valued has no such form");
}

// Where the columns lie that are to be learned or judged: kernels that follow the position are scaled to that.
void set_positions(TrainOptions& options) {
  if (!options.complex_valued || (!std::isnan(options.position_first) && !std::isnan(options.position_last))) return;
  double first = INFINITY, last = -INFINITY;
  const auto look = [&](const std::string& folder, const SarSampling& s) {
    for (const std::string& name : sar_product_folders(folder, s.max_products)) {
      const SarProduct product(name, s);
      first = std::min(first, product.position(0, s.position));
      last = std::max(last, product.position(product.columns() - 1, s.position));
    }
  };
  look(options.train_dir, sampling_of(options));
  look(options.val_dir, validation_sampling(options));
  if (std::isnan(options.position_first)) options.position_first = first;
  if (std::isnan(options.position_last)) options.position_last = std::max(last, options.position_first + 1e-6);
}

int train_in(RunFolder folder, TrainOptions& options, const Settings& settings, const TrainArguments& arguments,
             const Checkpoint* saved) {
  check(options);
  const DeviceChoice device = open_device(device_name(arguments.device, options, arguments.overrides));
  check_precision(options, device);
  set_num_threads(static_cast<int>(options.threads));
  set_positions(options);
  const std::string config = settings.to_json();
  Training training(options, device, config, folder, arguments.quiet);
  make_folders(folder.checkpoints());
  replace_file(folder.version() + "/hparams.yaml", yaml_text(settings));
  replace_file(folder.config(), config + "\n");
  return training.run(saved, device);
}

}  // namespace

int train(const TrainArguments& arguments) {
  TrainOptions options;
  Settings settings = make_settings(options);
  if (arguments.resume) {
    TrainOptions named;  // whose training
    Settings names = make_settings(named);
    apply(names, arguments);
    const RunFolder folder = RunFolder::newest(named);
    const Checkpoint saved(folder.last());
    if (!saved.notice().empty()) std::fprintf(stderr, "sar_focus: %s\n", saved.notice().c_str());
    apply_to_saved(settings, arguments, saved);
    options.directory = named.directory;  // where it lies now
    options.model_name = named.model_name;
    options.gpu_no = named.gpu_no;  // of the machine it goes on on
    return train_in(folder, options, settings, arguments, &saved);
  }
  apply(settings, arguments);
  const RunFolder folder = RunFolder::next(options);
  if (file_exists(folder.model()) && !arguments.force)
    throw_value_error(folder.root() +
                      " holds a model already; name another one (--model_name) or replace it (--force)");
  return train_in(folder, options, settings, arguments, nullptr);
}

}  // namespace longwave::examples::sar_focus
