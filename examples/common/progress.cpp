#include "common/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace longwave::examples {

namespace {

constexpr double seconds_between_redraws = 0.1;
constexpr double seconds_between_lines = 30;

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

void write_duration(char* text, std::size_t capacity, double seconds) {
  if (!(seconds >= 0) || seconds > 1e8) {
    std::snprintf(text, capacity, "-:--");
    return;
  }
  const auto s = static_cast<long long>(std::llround(seconds));
  if (s >= 3600)
    std::snprintf(text, capacity, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, capacity, "%lld:%02lld", s / 60, s % 60);
}

}  // namespace

int terminal_width(std::FILE* out) {
  winsize size = {};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string duration_text(double seconds) {
  char text[32];
  write_duration(text, sizeof text, seconds);
  return text;
}

void progress_line(char* text, std::size_t capacity, const ProgressState& state, int width) {
  char eta[32], head[64], tail[160];
  write_duration(eta, sizeof eta, state.eta);
  std::snprintf(head, sizeof head, "epoch %lld/%lld", static_cast<long long>(state.epoch + 1),
                static_cast<long long>(state.epochs));
  char accuracy[32] = "";
  if (!std::isnan(state.accuracy))
    std::snprintf(accuracy, sizeof accuracy, "accuracy %5.2f %%  ", 100 * state.accuracy);
  std::snprintf(tail, sizeof tail, "loss %.4f  %s%.0f samples/s  ETA %s", state.loss, accuracy,
                state.samples_per_second, eta);
  const double part = state.total > 0 ? static_cast<double>(state.done) / static_cast<double>(state.total) : 0;

  const int limit = std::min<int>(width, static_cast<int>(capacity) - 1);
  const int figures = static_cast<int>(std::char_traits<char>::length(head) + std::char_traits<char>::length(tail));
  const int bar = std::min(limit - figures - 6, 40);  // two brackets and four blanks
  char cells[48] = "";
  if (bar >= 5) {
    const int full = static_cast<int>(std::clamp(part, 0.0, 1.0) * bar);
    cells[0] = '[';
    for (int i = 0; i < bar; ++i) cells[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
    cells[1 + bar] = ']';
    cells[2 + bar] = '\0';
  } else {
    std::snprintf(cells, sizeof cells, "%3.0f %%", 100 * part);
  }
  std::snprintf(text, static_cast<std::size_t>(std::max(limit, 0)) + 1, "%s  %s  %s", head, cells, tail);
}

Progress::Style Progress::choose(std::FILE* out) { return isatty(fileno(out)) != 0 ? Style::bar : Style::lines; }

void Progress::begin_epoch(std::int64_t epoch, std::int64_t epochs, std::int64_t samples, std::int64_t done_before) {
  seen_ += state_.done - epoch_before_;
  state_ = {epoch, epochs, done_before, samples, 0, 0, 0, state_.eta};
  epoch_before_ = done_before;
  epoch_start_ = Clock::now();
}

void Progress::update(std::int64_t done, double loss, double accuracy) {
  const Clock::time_point now = Clock::now();
  state_.done = done;
  state_.loss = loss;
  state_.accuracy = accuracy;
  const double here = static_cast<double>(done - epoch_before_);
  state_.samples_per_second = here / std::max(seconds(now - epoch_start_), 1e-9);
  const double behind = static_cast<double>(seen_) + here;
  const double ahead = static_cast<double>((state_.epochs - state_.epoch) * state_.total - done);
  state_.eta = behind > 0 ? seconds(now - run_start_) * ahead / behind : -1;

  const double wait = style_ == Style::bar ? seconds_between_redraws : seconds_between_lines;
  if (style_ == Style::silent || seconds(now - drawn_) < wait) return;
  drawn_ = now;
  char text[320];
  if (style_ == Style::bar) {
    progress_line(text, sizeof text, state_, terminal_width(out_) - 1);
    std::fprintf(out_, "\r\033[K%s", text);
    visible_ = true;
  } else {
    progress_line(text, sizeof text, state_, 100);
    std::fprintf(out_, "%s\n", text);
  }
  std::fflush(out_);
}

void Progress::clear() {
  if (!visible_) return;
  std::fputs("\r\033[K", out_);
  std::fflush(out_);
  visible_ = false;
}

void Progress::line(const std::string& text) {
  clear();
  if (style_ == Style::silent) return;
  std::fprintf(out_, "%s\n", text.c_str());
  std::fflush(out_);
  drawn_ = Clock::now();
}

}  // namespace longwave::examples
