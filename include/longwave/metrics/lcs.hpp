// lcs.hpp - length of the longest common subsequence of two sequences of events, 64 entries of the table at a time.
//
// Hyyro 2004, "Bit-parallel LCS-length computation revisited" (after Crochemore et al. 2001): bit i of V is 0 where the
// usual table of lengths rises from row i to i+1 in the present column. With M the positions of the first sequence that
// equal the next event of the second,
//   U = V & M,   V <- (V + U) | (V & ~M),
// the sum over all words with carries; the length is the number of zeros in the end. Any length, any alphabet.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "longwave/core/extents.hpp"

namespace longwave {

using EventSequence = std::span<const std::int32_t>;

namespace detail {

// Events as 0, 1, ... for tables.
class DenseEvents {
 public:
  explicit DenseEvents(const std::vector<EventSequence>& sequences) {
    for (const EventSequence& s : sequences) ids_.insert(ids_.end(), s.begin(), s.end());
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  }
  std::size_t size() const { return ids_.size(); }
  // size() for an event that none of the sequences has
  std::vector<std::uint32_t> operator()(EventSequence sequence) const {
    std::vector<std::uint32_t> dense;
    for (const std::int32_t id : sequence) {
      const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
      dense.push_back(
          static_cast<std::uint32_t>(at == ids_.end() || *at != id ? ids_.end() - ids_.begin() : at - ids_.begin()));
    }
    return dense;
  }

 private:
  std::vector<std::int32_t> ids_;
};

// One step of the recurrence above on W words, W known to the compiler or not.
inline void lcs_step(std::uint64_t* V, const std::uint64_t* M, std::size_t W) {
  std::uint64_t carry = 0;
  for (std::size_t w = 0; w < W; ++w) {
    const std::uint64_t U = V[w] & M[w], partial = V[w] + U, sum = partial + carry;
    carry = static_cast<std::uint64_t>(partial < U) | static_cast<std::uint64_t>(sum < partial);
    V[w] = sum | (V[w] & ~M[w]);
  }
}

// LCS lengths of one sequence with any others: the positions of each event in it as bits.
class LcsPattern {
 public:
  // events: 0 .. alphabet-1; others given to length() may be alphabet, which matches nothing.
  void assign(const std::vector<std::uint32_t>& events, std::size_t alphabet) {
    size_ = events.size();
    words_ = (size_ + 63) / 64;
    slot_.assign(alphabet + 1, 0);
    masks_.assign(words_, 0);  // slot 0: not in the sequence
    for (std::size_t i = 0; i < size_; ++i) {
      std::uint32_t& slot = slot_[events[i]];
      if (slot == 0) {
        slot = static_cast<std::uint32_t>(masks_.size() / words_);
        masks_.resize(masks_.size() + words_);
      }
      masks_[slot * words_ + i / 64] |= std::uint64_t(1) << i % 64;
    }
  }

  index_t length(const std::vector<std::uint32_t>& other) {
    if (size_ == 0) return 0;
    switch (words_) {
      case 1:
        return fixed<1>(other);
      case 2:
        return fixed<2>(other);
      case 3:
        return fixed<3>(other);
      case 4:
        return fixed<4>(other);
      default:
        return any(other);
    }
  }

 private:
  template <std::size_t W>
  index_t fixed(const std::vector<std::uint32_t>& other) const {
    std::uint64_t V[W];
    std::fill(V, V + W, ~std::uint64_t(0));
    for (const std::uint32_t event : other) lcs_step(V, masks_.data() + slot_[event] * W, W);
    return zeros(V);
  }
  index_t any(const std::vector<std::uint32_t>& other) {
    V_.assign(words_, ~std::uint64_t(0));
    for (const std::uint32_t event : other)
      if (slot_[event] != 0) lcs_step(V_.data(), masks_.data() + slot_[event] * words_, words_);
    return zeros(V_.data());
  }
  // The bits behind the sequence match nothing and stay 1.
  index_t zeros(const std::uint64_t* V) const {
    index_t n = 0;
    for (std::size_t w = 0; w < words_; ++w) n += std::popcount(~V[w]);
    return n;
  }

  std::size_t size_ = 0, words_ = 0;
  std::vector<std::uint32_t> slot_;   // by event
  std::vector<std::uint64_t> masks_;  // (slots, words)
  std::vector<std::uint64_t> V_;
};

}  // namespace detail

// Length of the longest sequence that is left of both after events are struck out.
inline index_t lcs_length(EventSequence a, EventSequence b) {
  const detail::DenseEvents dense({a});
  detail::LcsPattern pattern;
  pattern.assign(dense(a), dense.size());
  return pattern.length(dense(b));
}

}  // namespace longwave
