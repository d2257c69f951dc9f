#include "trace_gan/pattern.hpp"

#include <algorithm>
#include <cmath>

namespace longwave::examples::trace_gan {

Pattern::Pattern(std::int64_t bytes, double write_share, std::uint64_t seed)
    : pages_(std::max<std::int64_t>(1, bytes / 4096)),
      write_share_(write_share),
      gen_(seed),
      numbers_(4096),
      used_(4096) {}

double Pattern::uniform() {
  if (used_ == numbers_.count()) {
    gen_.uniform(numbers_.view());
    used_ = 0;
  }
  return numbers_(used_++);
}

// Pages: mostly one, then small powers of two, now and then anything up to 256 KiB.
std::int64_t Pattern::draw_length() {
  const double kind = uniform();
  std::int64_t length = 1;
  if (kind > 0.9)
    length = 1 + static_cast<std::int64_t>(uniform() * 64);
  else if (kind > 0.55)
    length = std::int64_t(1) << static_cast<int>(1 + uniform() * 4);
  return std::min(length, pages_);
}

Request Pattern::next() {
  Request request;
  if (run_ > 0 && at_ + run_length_ <= pages_) {
    --run_;
  } else {
    run_length_ = draw_length();
    run_writes_ = uniform() < write_share_;
    const double place = uniform();
    const std::int64_t last = pages_ - run_length_;
    if (place < 0.5)  // one of sixteen hot places, the first ones hotter
      at_ = last * static_cast<std::int64_t>(std::pow(uniform(), 3) * 16) / 16;
    else
      at_ = static_cast<std::int64_t>(uniform() * static_cast<double>(last + 1));
    at_ = std::clamp<std::int64_t>(at_, 0, last);
    run_ = uniform() < 0.2 ? static_cast<std::int64_t>(uniform() * 16) : 0;
    if (uniform() < 0.15) request.pause_us = 20 * std::pow(100.0, uniform());  // 20 us to 2 ms
  }
  request.write = run_writes_;
  request.offset = at_ * 4096;
  request.length = run_length_ * 4096;
  at_ += run_length_;
  return request;
}

}  // namespace longwave::examples::trace_gan
