// progress.hpp - iterations as a bar with loss and time left on a terminal, as a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "common/progress.hpp"

namespace longwave::examples::sssd {

class IterationProgress {
 public:
  using Style = Progress::Style;

  // `what` leads the line: "iteration", "step". done_before: iterations that an earlier process made.
  IterationProgress(std::FILE* out, Style style, std::string what, std::int64_t done_before, std::int64_t total)
      : out_(out), style_(style), what_(std::move(what)), before_(done_before), total_(total) {}
  ~IterationProgress() { clear(); }
  IterationProgress(const IterationProgress&) = delete;
  IterationProgress& operator=(const IterationProgress&) = delete;

  void update(std::int64_t done, double loss);  // loss NaN: none to show. Cheap, no allocation
  void line(const std::string& text);           // stays; not with Style::silent
  void clear();
  double eta(std::int64_t done) const;  // seconds; negative where not known

 private:
  using Clock = std::chrono::steady_clock;

  std::FILE* out_;
  Style style_;
  std::string what_;
  std::int64_t before_, total_;
  Clock::time_point start_ = Clock::now(), drawn_ = start_;
  bool visible_ = false;
};

// "iteration 120/1000  [=====>     ]  loss 0.1234  ETA 0:42", cut to `width` columns. NaN: no loss.
void iteration_line(char* text, std::size_t capacity, const char* what, std::int64_t done, std::int64_t total,
                    double loss, double eta, int width);

}  // namespace longwave::examples::sssd
