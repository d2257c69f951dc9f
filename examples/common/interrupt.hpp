// interrupt.hpp - Ctrl-C as a question the training loop asks between two steps, so that it can save and leave.
#pragma once

#include <csignal>
#include <ctime>

namespace longwave::examples {

// While one lives, the first SIGINT or SIGTERM only sets a flag; one that comes a second later or more ends the program
// as usual. Those in between count as the first: a scheduler signals a sweep and its runs, and the sweep its runs too.
class Interrupt {
 public:
  static constexpr int exit_code = 130;  // what shells use for "ended by Ctrl-C"

  Interrupt() {
    flag() = 0;
    first_ = 0;
    struct sigaction action = {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &before_int_);
    sigaction(SIGTERM, &action, &before_term_);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }

  bool requested() const { return flag() != 0; }
  void request() { flag() = 1; }

 private:
  static volatile std::sig_atomic_t& flag() {
    static volatile std::sig_atomic_t value = 0;
    return value;
  }

  // Calls only what signal handlers may call.
  static void handle(int signal) {
    timespec time = {};
    clock_gettime(CLOCK_MONOTONIC, &time);
    const auto now = static_cast<std::sig_atomic_t>(time.tv_sec % 1'000'000 * 1000 + time.tv_nsec / 1'000'000) + 1;
    if (first_ == 0) first_ = now;
    flag() = 1;
    if (now >= first_ && now - first_ < 1000) return;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }

  static inline volatile std::sig_atomic_t first_ = 0;  // when the first came, in milliseconds; 0: none did

  struct sigaction before_int_ = {};
  struct sigaction before_term_ = {};
};

}  // namespace longwave::examples
