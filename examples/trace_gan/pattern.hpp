// pattern.hpp - requests as programs make them: bursts with pauses, runs in sequence, a few hot places, sizes that
// repeat. A function of the seed alone.
#pragma once

#include <cstdint>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave::examples::trace_gan {

struct Request {
  bool write = false;
  std::int64_t offset = 0;  // bytes, a multiple of 4096, as is the length
  std::int64_t length = 0;
  double pause_us = 0;  // before it
};

class Pattern {
 public:
  Pattern(std::int64_t bytes, double write_share, std::uint64_t seed);
  Request next();

 private:
  double uniform();
  std::int64_t draw_length();

  std::int64_t pages_;
  double write_share_;
  Generator gen_;
  Tensor<double, 1> numbers_;
  index_t used_;
  std::int64_t run_ = 0, at_ = 0, run_length_ = 0;  // requests left of a run, its next page, pages of each
  bool run_writes_ = false;
};

}  // namespace longwave::examples::trace_gan
