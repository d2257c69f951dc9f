// gaps.hpp - what is hidden in test data, to be scored.
#pragma once

#include <string>

#include "sssd/commands.hpp"
#include "sssd/trained.hpp"

namespace longwave::examples::sssd {

// Kind and length, checked against the length of the series.
struct Gaps {
  std::string kind;  // rm, mnr, bm, forecast; block: one gap in all channels
  index_t k = 0;
  index_t begin = -1;  // block: its first position; -1: in the middle
};
Gaps gaps_of(const GapArguments& arguments, const Trained& trained);

// (N, C, L), 1 = shown.
Tensor<float, 3> hide(const Gaps& gaps, const SeriesSet& set, std::uint64_t seed);

// At most `limit` series, evenly over the set; 0: all.
SeriesSet some_of(SeriesSet set, index_t limit);

}  // namespace longwave::examples::sssd
