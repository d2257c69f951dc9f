// progress.hpp - how far a training run is: a bar that is redrawn on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace longwave::examples {

// "0:07", "12:34", "3:05:09"; "-:--" for what is not known.
std::string duration_text(double seconds);

int terminal_width(std::FILE* out);  // 80 where it is none

struct ProgressState {
  std::int64_t epoch = 0, epochs = 0;  // epoch counts from 0
  std::int64_t done = 0, total = 0;    // samples of this epoch
  double loss = 0, accuracy = 0;       // means over this epoch so far; accuracy NaN: not shown
  double samples_per_second = 0;
  double eta = -1;  // seconds to the end of the run; negative: not known
};

// Writes one line without an end of line into `text`, cut to `width` columns; the bar takes what the figures leave.
void progress_line(char* text, std::size_t capacity, const ProgressState& state, int width);

class Progress {
 public:
  enum class Style { bar, lines, silent };

  // A bar where `out` is a terminal, else lines.
  static Style choose(std::FILE* out);

  Progress(std::FILE* out, Style style) : out_(out), style_(style) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // done_before: samples that an earlier run of a resumed epoch has already seen.
  void begin_epoch(std::int64_t epoch, std::int64_t epochs, std::int64_t samples, std::int64_t done_before = 0);
  void update(std::int64_t done, double loss, double accuracy);  // cheap, no allocation: call it after each step
  void clear();                                                  // takes the bar away
  void line(const std::string& text);                            // a line that stays, in every style but silent

  double samples_per_second() const { return state_.samples_per_second; }
  double eta() const { return state_.eta; }

 private:
  using Clock = std::chrono::steady_clock;

  std::FILE* out_;
  Style style_;
  ProgressState state_;
  Clock::time_point run_start_ = Clock::now(), epoch_start_ = run_start_, drawn_ = run_start_;
  std::int64_t seen_ = 0;          // samples of this process in earlier epochs
  std::int64_t epoch_before_ = 0;  // samples of this epoch that an earlier process saw
  bool visible_ = false;
};

}  // namespace longwave::examples
