#include "sar_focus/sweep.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/device.hpp"
#include "common/format.hpp"
#include "common/interrupt.hpp"
#include "common/progress.hpp"
#include "longwave/io/json.hpp"
#include "sar_focus/run_folder.hpp"

namespace longwave::examples::sar_focus {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Figures of final_metrics.json in the order of the table.
constexpr const char* shown_figures[] = {"val_loss",      "val_total",  "val_ssim", "val_mse", "val_huber",
                                         "val_ssim_loss", "val_edge",   "epoch",    "epochs",  "train_loss",
                                         "train_total",   "parameters", "seconds"};

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string id_of(std::size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "sweep_exp_%04zu", number);
  return text;
}

std::string full(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", x);
  return std::isnan(x) ? "" : text;
}

// The first option in which the two differ, as "ssim is 0.5 there and 0.7 here"; "" where they agree.
std::string difference(const Settings& there, const Settings& here) {
  for (const Settings::Entry& entry : here.entries()) {
    const std::string free[] = {"directory", "gpu_no", "threads", "cache", "workers"};
    if (std::find(std::begin(free), std::end(free), entry.name) != std::end(free)) continue;
    const std::string a = there.value_text(entry.name), b = here.value_text(entry.name);
    if (b == "none") continue;  // found in the data
    if (a != b) return entry.name + " is " + a + " there and " + b + " here";
  }
  return "";
}

std::string config_text(TrainOptions options) { return make_settings(options).to_json() + "\n"; }

// How the last try of an experiment ended, where that was an error: there until it is started again.
constexpr const char* error_name = "/error.txt";

// The last line that a training wrote, which says what went wrong.
std::string last_line(const std::string& path) {
  if (!file_exists(path)) return "it wrote nothing";
  const MappedFile file(path);
  std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

bool has_checkpoint(const TrainOptions& options) {
  try {
    (void)RunFolder::newest(options);
    return true;
  } catch (const IoError&) {
    return false;
  }
}

// A training as a process, its output in <folder>/log.txt.
class Process {
 public:
  Process(std::string program, std::vector<std::string> arguments, const std::string& log, int threads)
      : start_(Clock::now()) {
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string count = std::to_string(threads);
    const pid_t parent = ::getpid();
    if (threads > 0) ::setenv("OMP_NUM_THREADS", count.c_str(), 0);
    pid_ = ::fork();
    if (pid_ < 0) detail::throw_system_error(program, "cannot start another process");
    if (pid_ > 0) return;
    // Between fork and exec: calls into the system alone. It ends with its parent.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (file >= 0 && ::dup2(file, 1) >= 0 && ::dup2(file, 2) >= 0 && ::getppid() == parent)
      ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }

  // Its exit code, 128 and the signal where one ended it; nothing while it runs.
  bool ended(int& code) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }
  void ask_to_stop() const { ::kill(pid_, SIGTERM); }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  pid_t pid_ = -1;
  Clock::time_point start_;
};

class Sweep {
 public:
  // A part of a grid leaves the summary to --aggregate: others may be at work on the other parts.
  Sweep(Grid grid, bool part, const SweepArguments& arguments)
      : grid_(std::move(grid)), part_(part), arguments_(arguments) {
    for (const Experiment& experiment : grid_.experiments) {
      options_.push_back(options_of(grid_, experiment, arguments));
      devices_.push_back(device_name(arguments.device, options_.back(), arguments.overrides));
      (void)device_named(devices_.back());
      outcomes_.push_back(outcome_of(arguments.out, experiment, options_.back()));
    }
  }

  // The exit code.
  int run() {
    make_folders(arguments_.out);
    write_summary();  // a folder that cannot be written is found out now
    std::vector<std::size_t> waiting;
    for (std::size_t i = 0; i < outcomes_.size(); ++i)
      if (!outcomes_[i].finished()) waiting.push_back(i);
    say(std::to_string(outcomes_.size() - waiting.size()) + " of " + std::to_string(outcomes_.size()) +
        " experiments are finished");
    if (arguments_.limit > 0 && waiting.size() > static_cast<std::size_t>(arguments_.limit))
      waiting.resize(static_cast<std::size_t>(arguments_.limit));
    std::reverse(waiting.begin(), waiting.end());
    total_ = waiting.size();
    Interrupt interrupt;
    bool asked = false;
    while (!running_.empty() || (!waiting.empty() && !interrupt.requested())) {
      while (!interrupt.requested() && !waiting.empty() &&
             running_.size() < static_cast<std::size_t>(std::max<std::int64_t>(1, arguments_.jobs))) {
        start(waiting.back());
        waiting.pop_back();
      }
      if (interrupt.requested() && !std::exchange(asked, true))
        for (const auto& [index, process] : running_) process.ask_to_stop();
      collect(interrupt.requested());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    write_summary();
    if (interrupt.requested()) {
      say("interrupted; the same command goes on");
      return Interrupt::exit_code;
    }
    return failed_ > 0 ? 1 : 0;
  }

  void write_summary() {
    written_ = Clock::now();
    if (part_) return;
    make_folders(arguments_.out);
    replace_file(arguments_.out + "/sweep_summary.csv", summary_csv(grid_, outcomes_));
    const std::string best = best_params_json(grid_, outcomes_);
    if (!best.empty()) replace_file(arguments_.out + "/best_params.json", best);
  }

  void show() const {
    const auto finished =
        std::count_if(outcomes_.begin(), outcomes_.end(), [](const Outcome& outcome) { return outcome.finished(); });
    std::printf("%lld of %zu experiments are finished%s\n", static_cast<long long>(finished), outcomes_.size(),
                part_ ? "" : (": " + arguments_.out + "/sweep_summary.csv").c_str());
    const std::string best = best_params_json(grid_, outcomes_);
    if (!best.empty()) {
      const Json json = Json::parse(best);
      std::printf("best: %s with val_loss %.6g, val_ssim %.4g %s\n",
                  json.at("experiment_id").get<std::string>().c_str(), json.at("val_loss").get<double>(),
                  json.at("val_ssim").get<double>(), json.at("params").dump().c_str());
    }
    std::fflush(stdout);
  }

 private:
  std::string folder(std::size_t index) const { return arguments_.out + "/" + grid_.experiments[index].id; }

  void start(std::size_t index) {
    const TrainOptions& options = options_[index];
    make_folders(folder(index));
    std::remove((folder(index) + error_name).c_str());
    std::vector<std::string> words = {"train"};
    if (has_checkpoint(options)) {
      words.insert(words.end(), {"--resume", "--directory", arguments_.out, "--model_name", options.model_name});
    } else {
      const std::string config = folder(index) + "/config.json";
      replace_file(config, config_text(options));
      words.insert(words.end(), {"--config", config, "--force"});
    }
    words.insert(words.end(), {"--quiet", "--device", devices_[index]});
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    running_.emplace_back(index, Process(arguments_.program, words, folder(index) + "/log.txt",
                                         static_cast<int>(std::max<std::int64_t>(1, cores / arguments_.jobs))));
  }

  void collect(bool interrupted) {
    for (std::size_t i = 0; i < running_.size();) {
      auto& [index, process] = running_[i];
      int code = 0;
      if (!process.ended(code)) {
        ++i;
        continue;
      }
      const std::string here = folder(index);
      if (code != 0 && code != Interrupt::exit_code && !interrupted)
        replace_file(here + error_name,
                     "ended with " + std::to_string(code) + ": " + last_line(here + "/log.txt") + "\n");
      outcomes_[index] = outcome_of(arguments_.out, grid_.experiments[index], options_[index]);
      if (code != 0 && !interrupted) ++failed_;
      if (code == 0 || !interrupted) report(index, code, process.seconds());
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      if (std::chrono::duration<double>(Clock::now() - written_).count() > 10) write_summary();
    }
  }

  void report(std::size_t index, int code, double seconds) {
    std::string line = format("[%zu/%zu] ", ++done_, total_) + grid_.experiments[index].id;
    for (std::size_t a = 0; a < grid_.axes.size(); ++a)
      line.append(" ").append(grid_.axes[a]).append("=").append(grid_.experiments[index].values[a]);
    if (code == 0)
      say(line + ": val_loss " + full(outcomes_[index].figure("val_loss")) + ", " + duration_text(seconds));
    else
      std::fprintf(stderr, "sar_focus: %s ended with %d; see %s/log.txt\n", line.c_str(), code, folder(index).c_str());
  }

  void say(const std::string& line) const {
    if (arguments_.quiet) return;
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  Grid grid_;
  bool part_;
  const SweepArguments& arguments_;
  std::vector<TrainOptions> options_;
  std::vector<std::string> devices_;
  std::vector<Outcome> outcomes_;
  std::vector<std::pair<std::size_t, Process>> running_;
  std::size_t total_ = 0, done_ = 0, failed_ = 0;
  Clock::time_point written_;
};

std::vector<Experiment> chosen(const Grid& grid, const SweepArguments& arguments) {
  if (arguments.experiment_ids.empty())
    return arguments.slice.empty() ? grid.experiments : slice_of(grid.experiments, arguments.slice);
  std::vector<Experiment> found;
  for (const std::string& id : arguments.experiment_ids) {
    const auto at =
        std::find_if(grid.experiments.begin(), grid.experiments.end(), [&](const Experiment& e) { return e.id == id; });
    if (at == grid.experiments.end())
      throw UsageError("--experiment_id " + id + ": the grid goes from " + grid.experiments.front().id + " to " +
                       grid.experiments.back().id);
    found.push_back(*at);
  }
  return found;
}

}  // namespace

Grid read_grid(const std::string& path) {
  const MappedFile file(path);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  (void)longwave::detail::parse_json(text, path);  // its errors
  const Json root = Json::parse(text);             // in the order of the file
  if (!root.is_object()) throw_value_error(path + ": expected an object {...} of options of train");
  Grid grid;
  std::vector<std::vector<std::string>> values;
  std::size_t count = 1;
  TrainOptions options;
  Settings settings = make_settings(options);
  const auto check = [&](const std::string& name, const std::string& value) {
    try {
      settings.set(name, value);
    } catch (const UsageError& error) {
      throw_value_error(path + ": " + error.what());
    }
  };
  for (const auto& [name, value] : root.items()) {
    if (!value.is_array()) {
      grid.shared.emplace_back(name, text_of(value));
      check(name, text_of(value));
      continue;
    }
    if (value.empty()) throw_value_error(path + ": " + name + " has no values");
    grid.axes.push_back(name);
    values.emplace_back();
    for (const Json& one : value) {
      values.back().push_back(text_of(one));
      check(name, values.back().back());
    }
    count *= values.back().size();
    if (count > 1'000'000) throw_value_error(path + ": more than a million experiments");
  }
  for (std::size_t n = 0; n < count; ++n) {
    Experiment experiment{id_of(n + 1), std::vector<std::string>(grid.axes.size())};
    std::size_t rest = n;
    for (std::size_t a = grid.axes.size(); a-- > 0; rest /= values[a].size())
      experiment.values[a] = values[a][rest % values[a].size()];
    grid.experiments.push_back(std::move(experiment));
  }
  return grid;
}

std::vector<Experiment> slice_of(const std::vector<Experiment>& all, const std::string& part_of_parts) {
  unsigned long long part = 0, parts = 0;
  char more = 0;
  if (std::sscanf(part_of_parts.c_str(), "%llu/%llu%c", &part, &parts, &more) != 2 || part < 1 || part > parts)
    throw UsageError("--slice is \"" + part_of_parts + "\", expected PART/PARTS such as 1/10, the first of ten");
  std::vector<Experiment> found;
  for (std::size_t i = part - 1; i < all.size(); i += parts) found.push_back(all[i]);
  return found;
}

TrainOptions options_of(const Grid& grid, const Experiment& experiment, const SweepArguments& arguments) {
  TrainOptions options;
  Settings settings = make_settings(options);
  for (const auto& [name, value] : grid.shared) settings.set(name, value);
  for (const auto& [name, value] : arguments.overrides) settings.set(name, value);
  for (std::size_t a = 0; a < grid.axes.size(); ++a) settings.set(grid.axes[a], experiment.values[a]);
  options.directory = arguments.out;
  options.model_name = experiment.id;
  check(options);
  return options;
}

double Outcome::figure(const std::string& name) const {
  for (const auto& [key, value] : figures)
    if (key == name) return value;
  return std::numeric_limits<double>::quiet_NaN();
}

Outcome outcome_of(const std::string& out, const Experiment& experiment, const TrainOptions& options) {
  const std::string folder = out + "/" + experiment.id, config = folder + "/config.json";
  Outcome outcome;
  if (!file_exists(config)) return outcome;
  outcome.started = true;
  TrainOptions saved, here = options;
  Settings there = make_settings(saved);
  there.load_file(config);
  if (const std::string differs = difference(there, make_settings(here)); !differs.empty())
    throw_value_error(folder + " belongs to another sweep: " + differs + "; name another --out");
  outcome.failed = file_exists(folder + error_name);
  if (!file_exists(folder + "/final_metrics.json")) return outcome;
  const MappedFile file(folder + "/final_metrics.json");
  const Json json = longwave::detail::parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.size()},
                                                 folder + "/final_metrics.json");
  for (const char* name : shown_figures)
    if (json.contains(name) && json.at(name).is_number()) outcome.figures.emplace_back(name, json.at(name));
  return outcome;
}

std::string summary_csv(const Grid& grid, const std::vector<Outcome>& outcomes) {
  std::string text = "experiment_id,status";
  for (const std::string& axis : grid.axes) (text += ",") += axis;
  for (const char* name : shown_figures) (text += ",") += name;
  text += "\n";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    text += grid.experiments[i].id + (outcomes[i].finished() ? ",finished"
                                      : outcomes[i].failed   ? ",failed"
                                      : outcomes[i].started  ? ",started"
                                                             : ",waiting");
    for (const std::string& value : grid.experiments[i].values) (text += ",") += value;
    for (const char* name : shown_figures) (text += ",") += full(outcomes[i].figure(name));
    text += "\n";
  }
  return text;
}

std::string best_params_json(const Grid& grid, const std::vector<Outcome>& outcomes) {
  std::size_t best = outcomes.size(), finished = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].finished()) continue;
    ++finished;
    const double loss = outcomes[i].figure("val_loss");  // NaN: it diverged
    if (std::isfinite(loss) && (best == outcomes.size() || loss < outcomes[best].figure("val_loss"))) best = i;
  }
  if (best == outcomes.size()) return "";
  Json params = Json::object();
  for (std::size_t a = 0; a < grid.axes.size(); ++a) {
    const std::string& value = grid.experiments[best].values[a];
    const Json read = Json::parse(value, nullptr, false);
    params[grid.axes[a]] = read.is_discarded() ? Json(value) : read;
  }
  const Json json = {{"experiment_id", grid.experiments[best].id},
                     {"val_loss", outcomes[best].figure("val_loss")},
                     {"val_ssim", outcomes[best].figure("val_ssim")},
                     {"params", params},
                     {"finished", finished},
                     {"experiments", outcomes.size()}};
  return json.dump(2) + "\n";
}

int sweep(const SweepArguments& arguments) {
  Grid grid = read_grid(arguments.grid);
  const std::size_t all = grid.experiments.size();
  grid.experiments = chosen(grid, arguments);
  if (arguments.list) {
    for (const Experiment& experiment : grid.experiments) std::printf("%s\n", experiment.id.c_str());
    return 0;
  }
  const bool part = grid.experiments.size() < all;
  Sweep sweep(std::move(grid), part, arguments);
  int code = 0;
  if (arguments.aggregate)
    sweep.write_summary();
  else
    code = sweep.run();
  sweep.show();
  return code;
}

}  // namespace longwave::examples::sar_focus
