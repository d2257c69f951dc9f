#include "compare/measure.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "compare/measure_on.hpp"
#include "longwave/core/error.hpp"
#include "longwave/core/parallel.hpp"

namespace longwave::compare {

Result measure(const std::string& name, const Sizes& sizes, const Effort& effort) {
  set_num_threads(effort.threads);
  const Form& form = form_named(name);
  return effort.device == "cpu" ? measure_on<Host>(form, sizes, effort) : measure_on_cuda(form, sizes, effort);
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
  return result_from_json(
      output_of_self({"--device", effort.device, "measure", form, std::to_string(s.B), std::to_string(s.H),
                      std::to_string(s.N), std::to_string(s.L), std::to_string(effort.seconds),
                      std::to_string(effort.repeats), std::to_string(effort.threads)},
                     what),
      what);
}

}  // namespace longwave::compare
