#include "common/progress.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "check.hpp"
#include "common/interrupt.hpp"

using namespace longwave::examples;

TEST_CASE("progress: durations read as minutes and seconds, hours where there are any") {
  CHECK(duration_text(0) == "0:00");
  CHECK(duration_text(61.4) == "1:01");
  CHECK(duration_text(3725) == "1:02:05");
  CHECK(duration_text(-1) == "-:--");
  CHECK(duration_text(NAN) == "-:--");
}

TEST_CASE("progress: a line shows epoch, bar, loss, accuracy, rate and time left, and keeps to its width") {
  const ProgressState state{2, 60, 500, 1000, 0.5, 0.875, 1234, 83};
  char text[320];
  progress_line(text, sizeof text, state, 120);
  const std::string line = text;
  CHECK(line.find("epoch 3/60") == 0);
  CHECK(line.find("loss 0.5000") != std::string::npos);
  CHECK(line.find("accuracy 87.50 %") != std::string::npos);
  CHECK(line.find("1234 samples/s") != std::string::npos);
  CHECK(line.find("ETA 1:23") != std::string::npos);
  const auto open = line.find('['), tip = line.find('>'), close = line.find(']');
  REQUIRE(close != std::string::npos);
  CHECK(2 * (tip - open) == close - open + 1 - (close - open + 1) % 2);  // half of it is done
  for (const int width : {0, 1, 10, 60, 79, 200, 10000}) {
    progress_line(text, sizeof text, state, width);
    CHECK(static_cast<int>(std::string(text).size()) <= width);
  }
}

TEST_CASE("progress: an empty epoch and figures that are not finite do no harm") {
  char text[320];
  progress_line(text, sizeof text, {0, 0, 0, 0, NAN, NAN, INFINITY, INFINITY}, 100);
  CHECK(std::string(text).find("ETA -:--") != std::string::npos);
}

TEST_CASE("progress: lines instead of a bar where the output is not a terminal") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  CHECK(Progress::choose(file) == Progress::Style::lines);
  {
    Progress progress(file, Progress::choose(file));
    progress.begin_epoch(0, 1, 10);
    progress.update(5, 1, 0.5);
    progress.line("epoch 1 done");
  }
  std::rewind(file);
  char text[200] = "";
  const auto n = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  CHECK(std::string(text, n) == "epoch 1 done\n");
}

TEST_CASE("progress: a resumed epoch counts only its own samples for the rate") {
  Progress progress(stdout, Progress::Style::silent);
  progress.begin_epoch(0, 2, 1000, 900);
  progress.update(900, 1, 0.5);
  CHECK(progress.samples_per_second() == 0);
  CHECK(progress.eta() < 0);
  progress.update(1000, 1, 0.5);
  CHECK(progress.samples_per_second() > 0);
  CHECK(progress.eta() >= 0);
}

TEST_CASE("interrupt: the first signal sets a flag, and the old handler comes back afterwards") {
  struct sigaction before = {}, after = {};
  sigaction(SIGINT, nullptr, &before);
  {
    Interrupt interrupt;
    CHECK_FALSE(interrupt.requested());
    std::raise(SIGINT);
    CHECK(interrupt.requested());
    std::raise(SIGTERM);  // at once: taken for the first
    CHECK(interrupt.requested());
  }
  sigaction(SIGINT, nullptr, &after);
  CHECK(after.sa_handler == before.sa_handler);
  CHECK_FALSE(Interrupt().requested());
}

TEST_CASE("interrupt: a signal a second after the first ends the program") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Interrupt interrupt;
    std::raise(SIGTERM);
    std::raise(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(1010));
    std::raise(SIGTERM);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}
