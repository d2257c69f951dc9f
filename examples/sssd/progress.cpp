#include "sssd/progress.hpp"

#include <algorithm>
#include <cmath>

namespace longwave::examples::sssd {

void iteration_line(char* text, std::size_t capacity, const char* what, std::int64_t done, std::int64_t total,
                    double loss, double eta, int width) {
  constexpr int most = 40;
  const std::string left = duration_text(eta);
  char figures[64] = "", cells[most + 3] = "";
  if (!std::isnan(loss)) std::snprintf(figures, sizeof figures, "loss %.5f  ", loss);
  const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  char head[96];
  const int used = std::snprintf(head, sizeof head, "%s %lld/%lld", what, static_cast<long long>(done),
                                 static_cast<long long>(total)) +
                   static_cast<int>(std::char_traits<char>::length(figures) + left.size());
  const int limit = std::min<int>(width, static_cast<int>(capacity) - 1);
  const int bar = std::min(limit - used - 10, most);  // brackets, blanks, "ETA "
  for (int i = 0; i < bar; ++i) {
    const int full = static_cast<int>(std::clamp(part, 0.0, 1.0) * bar);
    cells[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
  }
  if (bar > 0) {
    cells[0] = '[';
    cells[1 + bar] = ']';
  }
  std::snprintf(text, static_cast<std::size_t>(std::max(limit, 0)) + 1, "%s  %s  %sETA %s", head, cells, figures,
                left.c_str());
}

double IterationProgress::eta(std::int64_t done) const {
  if (done <= before_) return -1;
  const double passed = std::chrono::duration<double>(Clock::now() - start_).count();
  return passed * static_cast<double>(total_ - done) / static_cast<double>(done - before_);
}

void IterationProgress::update(std::int64_t done, double loss) {
  if (style_ == Style::silent) return;
  const Clock::time_point now = Clock::now();
  const double wait = style_ == Style::bar ? 0.1 : 30;
  if (std::chrono::duration<double>(now - drawn_).count() < wait) return;
  drawn_ = now;
  char text[320];
  iteration_line(text, sizeof text, what_.c_str(), done, total_, loss, eta(done),
                 style_ == Style::bar ? terminal_width(out_) - 1 : 100);
  std::fprintf(out_, style_ == Style::bar ? "\r\033[K%s" : "%s\n", text);
  std::fflush(out_);
  visible_ = style_ == Style::bar;
}

void IterationProgress::clear() {
  if (!visible_) return;
  std::fputs("\r\033[K", out_);
  std::fflush(out_);
  visible_ = false;
}

void IterationProgress::line(const std::string& text) {
  clear();
  if (style_ == Style::silent) return;
  std::fprintf(out_, "%s\n", text.c_str());
  std::fflush(out_);
  drawn_ = Clock::now();
}

}  // namespace longwave::examples::sssd
