#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <list>

#include "common/interrupt.hpp"
#include "longwave/io/file.hpp"
#include "longwave/io/json.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/search.hpp"

namespace longwave::examples::trace_gan {

namespace {

std::string number_text(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", x);
  return text;
}

// A trial as a process of its own; what it prints goes to a file.
struct Running {
  Trial trial;
  pid_t pid = -1;
  std::string folder;
  std::chrono::steady_clock::time_point start;
};

std::vector<std::string> command_line(const TuneArguments& a, const Space& space, const Trial& trial,
                                      const std::string& folder) {
  std::vector<std::string> args = {"trace_gan", "train", "--quiet", "--trace_path", a.trace_path};
  std::map<std::string, std::string> options = space.fixed;
  for (const auto& [name, value] : trial.parameters) options[name] = number_text(value);
  if (a.num_epochs > 0) options["num_epochs"] = std::to_string(a.num_epochs);
  if (a.max_lines > 0) options["max_lines"] = std::to_string(a.max_lines);
  for (const auto& [name, value] : a.extra) options[name] = value;
  options["seed"] = std::to_string(a.seed);
  options["save_dir"] = folder;
  options["output_synth"] = "none";
  for (const auto& [name, value] : options) args.push_back("--" + name + "=" + value);
  args.push_back("--device=" + a.device);
  return args;
}

Running start(const TuneArguments& a, const Space& space, Trial trial, const std::string& scratch) {
  const std::string folder = scratch + "/" + std::to_string(trial.number);
  Running running{std::move(trial), -1, folder, std::chrono::steady_clock::now()};
  std::filesystem::create_directories(running.folder);
  std::vector<std::string> args = command_line(a, space, running.trial, running.folder);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const std::string output = running.folder + "/output.txt";
  running.pid = ::fork();
  if (running.pid < 0) detail::throw_system_error(a.program, "cannot start a trial");
  if (running.pid == 0) {
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) ::_exit(127);
    if (a.jobs > 1) ::setenv("OMP_NUM_THREADS", "1", 0);  // trials side by side share nothing
    ::execv(a.program.c_str(), argv.data());
    ::_exit(127);
  }
  return running;
}

// Reads what the trial printed and removes its files.
Trial finish(Running& running, int status, double target) {
  Trial trial = running.trial;
  trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - running.start).count();
  std::string output;
  {
    const MappedFile file(running.folder + "/output.txt");
    output.assign(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  }
  double d_loss = 0, g_loss = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && last_losses(output, d_loss, g_loss)) {
    trial.d_loss = d_loss;
    trial.g_loss = g_loss;
    trial.first = std::abs(d_loss - target);
    trial.second = g_loss;
  } else {
    while (!output.empty() && output.back() == '\n') output.pop_back();
    std::fprintf(stderr, "trial %lld failed: %s\n", static_cast<long long>(trial.number),
                 output.substr(output.rfind('\n') + 1).c_str());
  }
  std::error_code ignored;
  std::filesystem::remove_all(running.folder, ignored);
  return trial;
}

void print_trial(const Trial& t) {
  std::printf("trial %3lld  |D - target| %.4f  G %.4f ", static_cast<long long>(t.number), t.first, t.second);
  for (const auto& [name, value] : t.parameters) std::printf(" %s %.4g", name.c_str(), value);
  std::printf("  %.1f s\n", t.seconds);
  std::fflush(stdout);
}

std::string about(const TuneArguments& a) {
  nlohmann::ordered_json json;
  json["study"] = a.study_name;
  json["trace"] = a.trace_path;
  json["space"] = a.space;
  json["target"] = a.target;
  json["seed"] = a.seed;
  json["num_epochs"] = a.num_epochs;
  json["max_lines"] = a.max_lines;
  for (const auto& [name, value] : a.extra) json["set"][name] = value;
  return json.dump();
}

// The first numbers that no trial of the study has.
std::vector<std::int64_t> open_numbers(const Study& study, std::int64_t trials) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = 0; n < trials; ++n)
    if (std::none_of(study.trials().begin(), study.trials().end(), [&](const Trial& t) { return t.number == n; }))
      numbers.push_back(n);
  return numbers;
}

class Jobs {
 public:
  explicit Jobs(std::string scratch) : scratch_(std::move(scratch)) {}
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  // However the search ends, no trial goes on and none of their files is left.
  ~Jobs() {
    for (Running& r : running_) ::kill(r.pid, SIGKILL);
    for (Running& r : running_) ::waitpid(r.pid, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(scratch_, ignored);
  }
  std::size_t count() const { return running_.size(); }
  void add(Running r) { running_.push_back(std::move(r)); }
  const std::string& scratch() const { return scratch_; }

  // Waits for one; false when a signal came first.
  bool wait(double target, Trial& trial) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    if (pid < 0) return false;
    for (auto r = running_.begin(); r != running_.end(); ++r)
      if (r->pid == pid) {
        trial = finish(*r, status, target);
        running_.erase(r);
        return true;
      }
    return false;
  }

 private:
  std::string scratch_;
  std::list<Running> running_;
};

}  // namespace

int tune(const TuneArguments& given) {
  TuneArguments a = given;
  if (a.trace_path.empty() == a.trace_name.empty())
    throw UsageError("name the trace with --trace-name or with --trace_path");
  if (a.trace_path.empty()) a.trace_path = a.trace_dir + "/" + a.trace_name + ".txt";
  if (!file_exists(a.trace_path)) throw IoError(a.trace_path, "there is no such trace");
  const Space space = space_of(a.space);
  const double target = target_of(a.target);
  Study study(a.storage, about(a));
  if (!study.trials().empty())
    std::fprintf(stderr, "%s: going on after %lld trials\n", a.storage.c_str(),
                 static_cast<long long>(study.trials().size()));
  Interrupt interrupt;
  Jobs jobs(a.storage + ".trials-" + std::to_string(::getpid()));
  const auto numbers = open_numbers(study, a.n_trials);
  for (std::size_t next = 0; next < numbers.size() || jobs.count() > 0;) {
    if (interrupt.requested()) {
      std::fprintf(stderr, "stopped; the same command goes on with %s\n", a.storage.c_str());
      return Interrupt::exit_code;
    }
    if (next < numbers.size() && jobs.count() < static_cast<std::size_t>(a.jobs)) {
      Trial trial;
      trial.number = numbers[next++];
      trial.parameters = draw(space, a.sampler, study.trials(), static_cast<std::uint64_t>(a.seed), trial.number);
      jobs.add(start(a, space, std::move(trial), jobs.scratch()));
      continue;
    }
    Trial trial;
    if (!jobs.wait(target, trial) || interrupt.requested()) continue;  // Ctrl-C ends trials as well: they run again
    study.add(trial);
    print_trial(trial);
  }
  std::printf(
      "\nPareto set of %lld trials (both objectives small; no trial is better in one and as good in the other)\n",
      static_cast<long long>(study.trials().size()));
  for (const Trial& t : pareto(study.trials()))
    if (!t.failed()) print_trial(t);
  return 0;
}

}  // namespace longwave::examples::trace_gan
