// draws.hpp - random numbers one after the other, for programs of unknown length such as trees and paths: the words of
// one Philox draw in order. Item i of a generated set uses the key of draw i, so that it does not depend on the others.
#pragma once

#include "longwave/core/random.hpp"

namespace longwave {

class Draws {
 public:
  // item: below 2^32; each has 2^34 words of the draw.
  explicit Draws(PhiloxKey key, index_t item = 0) : key_(key), group_(static_cast<std::uint64_t>(item) << 32) {}

  // In (0, 1), never 0 and never 1.
  template <class T = double>
  T uniform() {
    const PhiloxWords words{{word(), sizeof(T) > 4 ? word() : 0, 0, 0}};
    return detail::unit_interval<T>(words, 0);
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // 0 .. n-1, n at most 2^31: the bias is below n / 2^32.
  index_t below(index_t n) { return static_cast<index_t>(std::uint64_t(word()) * static_cast<std::uint64_t>(n) >> 32); }

 private:
  std::uint32_t word() {
    if (used_ == 4) {
      words_ = philox(key_, group_++);
      used_ = 0;
    }
    return words_.word[used_++];
  }

  PhiloxKey key_;
  PhiloxWords words_ = {};
  std::uint64_t group_;
  int used_ = 4;
};

}  // namespace longwave
