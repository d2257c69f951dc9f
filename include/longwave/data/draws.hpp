// draws.hpp - random numbers one after the other, for programs of unknown length such as trees and paths: the words of
// one Philox draw in order. Item i of a generated set uses the key of draw i, so that it does not depend on the others.
#pragma once

#include "longwave/core/random.hpp"

namespace longwave {

class Draws {
 public:
  explicit Draws(PhiloxKey key) : key_(key) {}

  // In (0, 1).
  double uniform() {
    const PhiloxWords words{{word(), word(), 0, 0}};
    return detail::unit_interval<double>(words, 0);
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
  std::uint64_t group_ = 0;
  int used_ = 4;
};

}  // namespace longwave
