// interrupt.hpp - Ctrl-C as a question the training loop asks between two steps, so that it can save and leave.
#pragma once

#include <csignal>

namespace longwave::examples {

// While one lives, the first SIGINT or SIGTERM only sets a flag; a second one ends the program as usual.
class Interrupt {
 public:
  static constexpr int exit_code = 130;  // what shells use for "ended by Ctrl-C"

  Interrupt() {
    flag() = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { flag() = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
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

  struct sigaction before_int_ = {};
  struct sigaction before_term_ = {};
};

}  // namespace longwave::examples
