#include "mnist1d_diffusion/sweep.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/device.hpp"
#include "common/interrupt.hpp"
#include "common/machine.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

struct Job {
  Experiment experiment;
  std::int64_t repeat;
};

// The first option that differs, as "max_epochs is 3 there and 50 here".
std::string difference(const std::string& there, const std::string& here) {
  const auto a = nlohmann::json::parse(there), b = nlohmann::json::parse(here);
  for (const auto& [key, value] : b.items())
    if (!a.contains(key) || a.at(key) != value)
      return key + " is " + (a.contains(key) ? a.at(key).dump() : "not set") + " there and " + value.dump() + " here";
  return "it has options of another version";
}

// Records of an earlier, unfinished run of the same configuration.
std::vector<Record> resume(const std::string& path, const Options& options, bool force) {
  if (!file_exists(path)) return {};
  if (force) return {};
  SweepResult before = read_details(path);
  if (before.options != options_json(options))
    throw_value_error(path + ": holds partial results of another configuration: " +
                      difference(before.options, options_json(options)) +
                      "; use another --out, or --force to replace it");
  std::vector<Record> done;
  for (Record& record : before.records)
    if (!record.failed()) done.push_back(std::move(record));
  return done;
}

// One test row per digit, the first of each.
std::vector<Sample> samples_of(const Rows& rows, TensorView<const float, 2> predicted) {
  std::vector<Sample> samples;
  for (int digit = 0; digit < 10; ++digit) {
    const auto at = std::find(rows.digit.begin(), rows.digit.end(), digit);
    if (at == rows.digit.end()) continue;
    const index_t r = at - rows.digit.begin(), P = predicted.size(1);
    const float* target = &rows.target(r, 0);
    samples.push_back({digit, std::vector<float>(target, target + P), {}});
    for (index_t p = 0; p < P; ++p) samples.back().predicted.push_back(predicted(r, p));
  }
  return samples;
}

class Runner {
 public:
  Runner(const Options& options, const RunSettings& settings, const Backend& backend)
      : options_(options), settings_(settings), backend_(backend), partial_(settings.out + "/" + partial_name) {
    for (std::int64_t r = 0; r < options.repeats; ++r) tasks_.push_back(make_task(options, options.seed + r));
    std::error_code failure;
    std::filesystem::create_directories(settings.out, failure);
    if (failure) throw IoError(settings.out, "cannot make this folder: " + failure.message());
    result_.options = options_json(options);
    result_.start_time = timestamp();
    result_.device = settings.device.on_cuda ? describe_device(settings.device) : "cpu";
    result_.records = resume(partial_, options, settings.force);
    result_.baselines = baselines();
    list_jobs();
    write_partial();  // a folder that cannot be written is found out now
  }

  SweepOutcome run() {
    const int jobs = std::max(1, std::min(settings_.jobs, static_cast<int>(jobs_.size())));
    if (settings_.jobs > 1) set_num_threads(1);
    std::vector<std::thread> others;
    for (int i = 1; i < jobs; ++i) others.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : others) thread.join();
    if (write_failure_) std::rethrow_exception(write_failure_);
    sort_records();
    result_.end_time = timestamp();
    if (static_cast<int>(result_.records.size()) < total_) {  // by Ctrl-C
      write_partial();
      return {std::move(result_), {}, true};
    }
    const SweepFiles files = write_files();
    return {std::move(result_), files, false};
  }

 private:
  std::vector<std::pair<std::string, Figures>> baselines() const {
    std::vector<std::pair<std::string, Figures>> mean;
    for (std::size_t r = 0; r < tasks_.size(); ++r) {
      auto found = trivial_answers(tasks_[r]);
      if (settings_.regressor) {
        const Outcome outcome =
            backend_.run_regressor(options_, tasks_[r], options_.seed + static_cast<std::int64_t>(r), [](auto&) {});
        found.push_back({"the network as a regressor", compare(outcome.test.view(), tasks_[r].test.target.view())});
      }
      mean.resize(found.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        const auto n = static_cast<double>(tasks_.size());
        mean[i].first = found[i].first;
        mean[i].second.mse += found[i].second.mse / n;
        mean[i].second.mae += found[i].second.mae / n;
        mean[i].second.kl += found[i].second.kl / n;
      }
    }
    return mean;
  }

  // What is left to do; several at a time: the long ones first.
  void list_jobs() {
    for (std::int64_t repeat = 0; repeat < options_.repeats; ++repeat)
      for (const int id : options_.only) {
        const Experiment& e = all_experiments()[static_cast<std::size_t>(id - 1)];
        const auto same = [&](const Record& r) { return r.experiment.id == id && r.repeat == repeat; };
        if (std::none_of(result_.records.begin(), result_.records.end(), same)) jobs_.push_back({e, repeat});
      }
    if (settings_.jobs > 1)
      std::stable_sort(jobs_.begin(), jobs_.end(), [](const Job& a, const Job& b) { return weight(a) > weight(b); });
    total_ = static_cast<int>(jobs_.size() + result_.records.size());
  }
  static int weight(const Job& job) {
    if (job.experiment.training == Training::semi_implicit) return 2;
    return job.experiment.loss == Loss::kl ? 10 : 1;
  }

  void work() {
    if (settings_.device.on_cuda) open_cuda(settings_.device.index);  // for this thread
    for (std::size_t i = next_++; i < jobs_.size() && !interrupt_.requested(); i = next_++) {
      std::string buffer;
      const bool live = settings_.jobs == 1;
      const auto say = [&](const std::string& text) {
        if (settings_.quiet) return;
        if (live)
          std::fputs(text.c_str(), stdout), std::fflush(stdout);
        else
          buffer += text;
      };
      say(banner(
          jobs_[i].experiment,
          static_cast<int>(jobs_[i].repeat) * static_cast<int>(options_.only.size()) + position(jobs_[i].experiment.id),
          total_));
      Record record = run_one(jobs_[i], say);
      say(results_block(record));
      const std::lock_guard lock(mutex_);
      std::fputs(buffer.c_str(), stdout);
      std::fflush(stdout);
      result_.records.push_back(std::move(record));
      try {
        if (++since_partial_ % partial_every == 0) write_partial();
      } catch (...) {
        write_failure_ = std::current_exception();
        next_ = jobs_.size();
      }
    }
  }

  // From 1: which of the chosen experiments this is.
  int position(int id) const {
    return static_cast<int>(std::find(options_.only.begin(), options_.only.end(), id) - options_.only.begin()) + 1;
  }

  template <class Say>
  Record run_one(const Job& job, Say&& say) const {
    Record record;
    record.experiment = job.experiment;
    record.repeat = job.repeat;
    record.seed = options_.seed + job.repeat;
    const Task& task = tasks_[static_cast<std::size_t>(job.repeat)];
    const auto start = std::chrono::steady_clock::now();
    try {
      const Outcome outcome = backend_.run_experiment(options_, job.experiment, task, record.seed,
                                                      [&](const std::string& line) { say(line + "\n"); });
      record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      record.parameters = outcome.parameters;
      record.points = task.points();
      record.losses = outcome.losses;
      record.test = compare(outcome.test.view(), task.test.target.view());
      record.train_mse = compare(outcome.train.view(), training_rows(task.train.target.view(), options_.n_test)).mse;
      record.samples = samples_of(task.test, outcome.test.view());
    } catch (const std::exception& error) {
      record.error = error.what();
    }
    return record;
  }

  void sort_records() {
    std::sort(result_.records.begin(), result_.records.end(), [](const Record& a, const Record& b) {
      return std::pair(a.experiment.id, a.repeat) < std::pair(b.experiment.id, b.repeat);
    });
  }

  void write_partial() { replace_file(partial_, details_json(result_)); }

  // Under names that nobody has used: a second run in the same second gets "_2".
  SweepFiles write_files() {
    const std::string time = file_time();
    for (int i = 1;; ++i) {
      const std::string ending = time + (i > 1 ? "_" + std::to_string(i) : "");
      const SweepFiles files{settings_.out + "/mnist1d_diffusion_experiments_" + ending + ".json",
                             settings_.out + "/mnist1d_diffusion_details_" + ending + ".json",
                             settings_.out + "/mnist1d_experiment_report_" + ending + ".md"};
      if (file_exists(files.results) || file_exists(files.details) || file_exists(files.report)) continue;
      replace_file(files.results, results_json(result_));
      replace_file(files.details, details_json(result_));
      replace_file(files.report, markdown(result_));
      std::filesystem::remove(partial_);
      return files;
    }
  }

  Options options_;
  RunSettings settings_;
  const Backend& backend_;
  std::string partial_;
  std::vector<Task> tasks_;  // by repeat
  SweepResult result_;
  std::vector<Job> jobs_;
  int total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  int since_partial_ = 0;
  std::exception_ptr write_failure_;
  Interrupt interrupt_;
};

}  // namespace

SweepOutcome run_sweep(const Options& options, const RunSettings& settings, const Backend& backend) {
  return Runner(options, settings, backend).run();
}

}  // namespace longwave::examples::mnist1d_diffusion
