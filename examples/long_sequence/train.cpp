// train.cpp - the subcommand train: options, the loop over epochs, metrics, checkpoints, Ctrl-C.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "common/device.hpp"
#include "common/interrupt.hpp"
#include "common/metrics_log.hpp"
#include "common/progress.hpp"
#include "long_sequence/backend.hpp"
#include "long_sequence/best_folder.hpp"
#include "long_sequence/commands.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/layer_options.hpp"
#include "long_sequence/results.hpp"
#include "long_sequence/summary.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/io/tensorboard.hpp"

namespace longwave::examples {

namespace {

using Clock = std::chrono::steady_clock;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One run in one folder.
class TrainCommand {
 public:
  TrainCommand(const RunOptions& options, const std::string& config, std::string out, const TrainArguments& arguments,
               const RunData& data)
      : options_(options),
        arguments_(arguments),
        out_(std::move(out)),
        data_(data),
        trainer_(backend_of(arguments.device).make_trainer(options, config, data)),
        progress_(stdout, arguments.quiet ? Progress::Style::silent : Progress::choose(stdout)) {}

  // Exit code; scores() afterwards where the run came to its end.
  int run(const Checkpoint* saved) {
    if (saved != nullptr) trainer_->load(*saved);
    MetricsLog metrics(out_ + "/metrics.jsonl", saved != nullptr ? trainer_->steps() : -1);
    TensorBoardWriter board(out_ + "/tensorboard");
    Interrupt interrupt;
    progress_.line(describe_run(options_, data_, *trainer_) +
                   (arguments_.device.on_cuda ? "; on " + describe_device(arguments_.device) : "") + "; writing to " +
                   out_);
    while (!trainer_->done()) {
      const index_t epoch = trainer_->epoch();
      const index_t before = trainer_->in_epoch() ? trainer_->sums().items : 0;
      progress_.begin_epoch(epoch, options_.trainer.epochs, trainer_->items_per_epoch(), before);
      while (trainer_->epoch() == epoch && !trainer_->done()) {
        const bool enough = arguments_.stop_after > 0 && trainer_->steps() >= arguments_.stop_after;
        if (interrupt.requested() || enough) {
          tell(metrics, board, true);
          return stop(enough ? "stopped" : "interrupted");
        }
        step(metrics, board);
      }
      end_epoch(metrics, board);
    }
    return 0;
  }

  const Trainer& trainer() const { return *trainer_; }
  const std::string& out() const { return out_; }

 private:
  void step(MetricsLog& metrics, TensorBoardWriter& board) {
    const Clock::time_point start = Clock::now();
    trainer_->step();
    trainer_->seconds += seconds_since(start);
    tell(metrics, board, !trainer_->in_epoch());
  }

  // The steps whose numbers are there. At the end of an epoch, and where a run stops, all of them are waited for.
  void tell(MetricsLog& metrics, TensorBoardWriter& board, bool wait) {
    for (StepResult result;;) {
      const Clock::time_point start = Clock::now();
      const bool there = trainer_->next(result, wait);
      trainer_->seconds += seconds_since(start);
      if (!there) return;
      tell(metrics, board, result);
    }
  }

  void tell(MetricsLog& metrics, TensorBoardWriter& board, const StepResult& result) {
    const Scores so_far = mean_of(trainer_->sums().scores);
    progress_.update(trainer_->sums().items, so_far.loss, so_far.accuracy);
    lr_ = result.lr;
    if (options_.trainer.log_every == 0 || result.step % options_.trainer.log_every != 0) return;
    metrics.write("step", result.step,
                  {{"loss", result.loss},
                   {"lr", result.lr},
                   {"grad_norm", result.grad_norm},
                   {"samples_per_second", progress_.samples_per_second()}});
    board.scalar("step/loss", result.step, result.loss);
    board.scalar("step/lr", result.step, result.lr);
    board.scalar("step/grad_norm", result.step, result.grad_norm);
  }

  void end_epoch(MetricsLog& metrics, TensorBoardWriter& board) {
    const index_t epoch = trainer_->epoch(), step = trainer_->steps();
    const Scores training = mean_of(trainer_->sums().scores);
    const bool evaluates = trainer_->done() || epoch % options_.trainer.evaluate_every == 0;
    const Scores scores = evaluates ? trainer_->evaluate(data_.watched()) : Scores();
    if (evaluates && trainer_->judge(scores) && data_.validation) save(out_ + "/best.safetensors");
    if (evaluates && data_.validation && options_.trainer.keep_best > 1)
      BestFolder(out_ + "/best", options_.trainer.keep_best).offer(epoch, scores.merit(), [&](const std::string& path) {
        save(path);
      });
    metrics.write("epoch", step,
                  {{"epoch", static_cast<double>(epoch)},
                   {"train_loss", training.loss},
                   {"train_accuracy", training.accuracy},
                   {"loss", scores.loss},
                   {"accuracy", scores.accuracy},
                   {"mae", scores.mae},
                   {"perplexity", scores.perplexity()},
                   {"bits", scores.bits()},
                   {"lr", lr_},
                   {"samples_per_second", progress_.samples_per_second()},
                   {"seconds", trainer_->seconds}});
    tell_board(board, "train", step, training);
    if (evaluates) tell_board(board, data_.validation ? "validation" : "test", step, scores);
    if (trainer_->done() || epoch % options_.trainer.checkpoint_every == 0) save(checkpoint_path(out_));
    progress_.line(epoch_line(training, scores));
  }

  static void tell_board(TensorBoardWriter& board, const std::string& part, index_t step, const Scores& scores) {
    board.scalar(part + "/loss", step, scores.loss);
    if (!std::isnan(scores.accuracy)) board.scalar(part + "/accuracy", step, scores.accuracy);
    if (!std::isnan(scores.mae)) board.scalar(part + "/mae", step, scores.mae);
    if (scores.of_tokens) board.scalar(part + "/perplexity", step, scores.perplexity());
    if (scores.of_tokens) board.scalar(part + "/bits", step, scores.bits());
  }

  std::string epoch_line(const Scores& training, const Scores& scores) const {
    std::string text = format("epoch %3lld/%lld  %s", static_cast<long long>(trainer_->epoch()),
                              static_cast<long long>(options_.trainer.epochs), describe(training).c_str());
    if (!std::isnan(scores.loss))
      text += format("  |  %s %s", data_.validation ? "validation" : "test", describe(scores).c_str());
    return text + format("  |  lr %.2e  %.0f samples/s  ETA %s", lr_, progress_.samples_per_second(),
                         duration_text(progress_.eta()).c_str());
  }

  void save(const std::string& path) { trainer_->save(path); }

  int stop(const char* why) {
    save(checkpoint_path(out_));
    progress_.line(format("%s after step %lld of epoch %lld; go on with: long_sequence train --resume %s", why,
                          static_cast<long long>(trainer_->steps()), static_cast<long long>(trainer_->epoch() + 1),
                          out_.c_str()));
    return Interrupt::exit_code;
  }

  const RunOptions& options_;
  const TrainArguments& arguments_;
  std::string out_;
  const RunData& data_;
  std::unique_ptr<Trainer> trainer_;
  Progress progress_;
  double lr_ = 0;
};

// A resumed run keeps what its numbers depend on.
bool may_change(const std::string& name) {
  for (const char* free : {"dataset.folder", "trainer.epochs", "trainer.steps", "trainer.threads", "trainer.log_every",
                           "trainer.evaluate_every", "trainer.checkpoint_every", "trainer.stop_patience",
                           "trainer.finite_check", "trainer.keep_best", "loader.evaluation_batch"})
    if (name == free) return true;
  return false;
}

void apply(Settings& settings, const TrainArguments& arguments, const Checkpoint* saved) {
  if (saved == nullptr) return read_options(settings, arguments.config, arguments.overrides);
  if (!arguments.config.empty())
    throw UsageError("--config and --resume: a resumed run brings its options along; leave out one of the two");
  for (const auto& [name, value] : arguments.overrides) {
    const std::string before = settings.to_json();
    settings.set(name, value);
    if (!may_change(name) && settings.to_json() != before)
      throw UsageError(name + " cannot change in a resumed run; start a new one, or leave it out");
  }
}

// How the run that `out` holds differs from the one that is asked for: "model.d_model is 64 there, 128 here"; "" if in
// nothing that its numbers depend on.
std::string difference(const std::string& out, const Settings& here) {
  RunOptions options;
  Settings there = make_settings(options);
  there.load_file(out + "/config.json");
  for (const Settings::Entry& entry : here.entries()) {
    const std::string &name = entry.name, before = there.value_text(name), now = here.value_text(name);
    const bool ends_it = name == "trainer.epochs" || name == "trainer.steps" || name == "trainer.stop_patience";
    if (before != now && (ends_it || !may_change(name))) return name + " is " + before + " there, " + now + " here";
  }
  return "";
}

int run_one(RunOptions& options, Settings& settings, const TrainArguments& arguments, const std::string& out,
            const Checkpoint* saved, std::vector<Scores>& results) {
  check(options);
  set_num_threads(static_cast<int>(options.trainer.threads));
  const RunData data = load_data(options);
  make_folders(out);
  if (saved == nullptr && file_exists(checkpoint_path(out)) && !arguments.overwrite)
    throw_value_error(out +
                      " holds a run already; go on with it (--resume), name another folder (--out) or replace it "
                      "(--overwrite)");
  // Of what a replaced run leaves, nothing may pass for this one's; a finished run that goes on is not finished.
  if (saved == nullptr) std::filesystem::remove(out + "/best.safetensors");
  if (saved == nullptr) std::filesystem::remove_all(out + "/best");
  std::filesystem::remove(out + "/test.jsonl");
  const std::string config = settings.to_json();
  TrainCommand command(options, config, out, arguments, data);
  replace_file(out + "/config.json", config + "\n");
  if (const int code = command.run(saved); code != 0) return code;

  Trained trained = load_trained(out);  // as anybody will use it: from the file
  const auto predictor = backend_of(arguments.device).make_predictor(*trained.network, trained.options, trained.shape);
  const Judgement test = judge(*predictor, trained, data.test, 1);
  results.push_back(test.scores);
  TestResult result = test_result(trained, test, 1, 1);
  result.epochs = command.trainer().epoch();  // of the run; the checkpoint may be of an earlier one
  result.seconds = command.trainer().seconds;
  write_test_result(out, result, true);
  const std::string report = out + "/report.html";
  write_report(report, trained, data, test, arguments.device);
  std::printf("test %s after %lld epochs (%s in training steps)\n", describe(test.scores).c_str(),
              static_cast<long long>(trained.info.epoch), duration_text(command.trainer().seconds).c_str());
  std::printf("checkpoint: %s\nreport: %s\n", trained.path.c_str(), report.c_str());
  std::fflush(stdout);
  return 0;
}

// --continue: the run that `out` holds to its end, or a new one.
int run_or_go_on(RunOptions& options, Settings& settings, const TrainArguments& arguments, const std::string& out,
                 std::vector<Scores>& results) {
  if (!arguments.go_on || !file_exists(checkpoint_path(out)))
    return run_one(options, settings, arguments, out, nullptr, results);
  if (const std::string differs = difference(out, settings); !differs.empty())
    throw_value_error(out + " holds another run: " + differs + "; name another folder (--out)");
  if (const std::vector<TestResult> done = read_test_results(out); !done.empty()) {
    std::printf("%s is done: test %s\n", out.c_str(), describe(done.front().scores).c_str());
    results.push_back(done.front().scores);
    return 0;
  }
  const Checkpoint saved(checkpoint_path(out));
  if (!saved.notice().empty()) std::fprintf(stderr, "long_sequence: %s\n", saved.notice().c_str());
  return run_one(options, settings, arguments, out, &saved, results);
}

void print_summary(const std::vector<std::int64_t>& seeds, const std::vector<Scores>& results, const std::string& out) {
  const bool of_classes = !std::isnan(results[0].accuracy);
  const char* what = of_classes ? "accuracy" : "loss";
  double sum = 0, squares = 0;
  std::string json = format("{\n  \"test_%s\": {", what);
  const auto value = [&](const Scores& scores) { return of_classes ? scores.accuracy : scores.loss; };
  for (std::size_t i = 0; i < results.size(); ++i) {
    sum += value(results[i]);
    json += format("%s\"%lld\": %.6f", i > 0 ? ", " : "", static_cast<long long>(seeds[i]), value(results[i]));
  }
  const double n = static_cast<double>(results.size()), mean = sum / n;
  for (const Scores& scores : results) squares += (value(scores) - mean) * (value(scores) - mean);
  const double deviation = std::sqrt(squares / (n - 1)), unit = of_classes ? 100 : 1;
  json += format("},\n  \"mean\": %.6f,\n  \"deviation\": %.6f\n}\n", mean, deviation);
  replace_file(out + "/seeds.json", json);
  std::printf("%zu seeds: test %s %.*f%s +- %.*f\n", results.size(), what, of_classes ? 2 : 5, unit * mean,
              of_classes ? " %" : "", of_classes ? 2 : 5, unit * deviation);
}

}  // namespace

int train(const TrainArguments& arguments) {
  RunOptions options;
  Settings settings = make_settings(options);
  std::vector<Scores> results;
  if (arguments.go_on && (arguments.resume || arguments.overwrite))
    throw UsageError("--continue keeps what the folder holds; leave out --resume and --overwrite");
  if (arguments.resume) {
    if (!arguments.seeds.empty()) throw UsageError("--seeds and --resume: go on with one run at a time");
    if (arguments.resume_from.empty() && arguments.out.empty())
      throw UsageError("--resume needs the folder of the run, here or as --out");
    const std::string path = checkpoint_path(arguments.resume_from.empty() ? arguments.out : arguments.resume_from);
    const Checkpoint saved(path);
    if (!saved.notice().empty()) std::fprintf(stderr, "long_sequence: %s\n", saved.notice().c_str());
    settings.load_json(saved.info().config, saved.path() + " (config)");
    apply(settings, arguments, &saved);
    return run_one(options, settings, arguments, arguments.out.empty() ? detail::folder_of(path) : arguments.out,
                   &saved, results);
  }
  apply(settings, arguments, nullptr);
  const std::string out = arguments.out.empty() ? "out/long_sequence/" + options.dataset.name : arguments.out;
  if (arguments.seeds.empty()) return run_or_go_on(options, settings, arguments, out, results);
  for (const std::int64_t seed : arguments.seeds) {
    options.trainer.seed = seed;
    const int code = run_or_go_on(options, settings, arguments, out + "/seed" + std::to_string(seed), results);
    if (code != 0) return code;
  }
  if (results.size() > 1) print_summary(arguments.seeds, results, out);
  return 0;
}

}  // namespace longwave::examples
