#include "compare/measure.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "compare/forms.hpp"
#include "longwave/core/error.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::compare {

namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A line of /proc/self/status, in bytes; 0 where there is none.
double process_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(name + ":", 0) == 0) return 1024 * std::stod(line.substr(name.size() + 1));
  return 0;
}

// One layer with its data and tape.
class Bench {
 public:
  Bench(const Form& form, const Sizes& s) : gen_(1), layer_(form.make(s, gen_)), u_(s.B, s.H, s.L), dy_(s.B, s.H, s.L) {
    gen_.normal(u_.view());
    gen_.normal(dy_.view());
  }

  void forward() {
    tape_.rewind();
    tape_.set_recording(false);
    layer_(tape_, tape_.input(u_));
    tape_.set_recording(true);
  }

  // Returns the seconds of backward alone.
  double both() {
    tape_.rewind();
    const auto y = layer_(tape_, tape_.variable(u_.view()));
    const double start = seconds_now();
    tape_.backward(y, dy_.view());
    return seconds_now() - start;
  }

 private:
  Generator gen_;
  Layer layer_;
  Tensor<float, 3> u_, dy_;
  Tape<float> tape_;
};

// Times of passes in turn, so that a busy machine slows both kinds alike, until both the repeats and the time are used
// up, but at most 1000.
struct Times {
  std::vector<double> forward, backward, both;

  Times(Bench& bench, const Effort& effort) {
    const double start = seconds_now();
    for (int i = 0; i < 1000 && (i < effort.repeats || seconds_now() - start < effort.seconds); ++i) {
      const double t0 = seconds_now();
      bench.forward();
      const double t1 = seconds_now();
      backward.push_back(bench.both());
      both.push_back(seconds_now() - t1);
      forward.push_back(t1 - t0);
    }
  }
};

}  // namespace

Result measure(const std::string& name, const Sizes& sizes, const Effort& effort) {
  set_num_threads(effort.threads);
  const Form& form = form_named(name);
  {
    Bench small(form, {1, std::min<index_t>(sizes.H, 8), sizes.N, std::min<index_t>(sizes.L, 64)});
    small.forward();
    small.both();
  }
  Bench bench(form, sizes);
  Result r{name, sizes};
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts afresh
  const double before = process_bytes("VmRSS");
  auto working = [&] { return std::max(0.0, process_bytes("VmHWM") - before); };
  bench.forward();
  r.forward_bytes = working();
  bench.both();
  r.both_bytes = working();
  const Times times(bench, effort);
  r.forward = median(times.forward);
  r.backward = median(times.backward);
  r.both = median(times.both);
  return r;
}

namespace {

// Runs this program with arguments; its output, or an Error.
std::string output_of_self(std::vector<std::string> arguments, const std::string& what) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw Error(what + ": no pipe");
  arguments.insert(arguments.begin(), "longwave_compare");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw Error(what + ": no new process");
  if (child == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  std::string output;
  char part[4096];
  for (ssize_t n; (n = read(pipe_ends[0], part, sizeof part)) > 0;) output.append(part, static_cast<std::size_t>(n));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    throw Error(what + ": ended by signal " + std::to_string(WTERMSIG(status)) + " (9: most likely out of memory)");
  if (WEXITSTATUS(status) != 0) throw Error(what + ": failed, see above");
  return output;
}

}  // namespace

Result measure_apart(const std::string& form, const Sizes& s, const Effort& effort) {
  const std::string what = form + " " + text_of(s);
  return result_from_json(output_of_self({"measure", form, std::to_string(s.B), std::to_string(s.H),
                                          std::to_string(s.N), std::to_string(s.L), std::to_string(effort.seconds),
                                          std::to_string(effort.repeats), std::to_string(effort.threads)},
                                         what),
                          what);
}

}  // namespace longwave::compare
