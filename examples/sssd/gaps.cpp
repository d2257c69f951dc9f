#include "sssd/gaps.hpp"

#include <algorithm>

#include "longwave/diffusion/mask.hpp"

namespace longwave::examples::sssd {

Gaps gaps_of(const GapArguments& a, const Trained& trained) {
  const index_t L = trained.length();
  Gaps gaps{a.masking.empty() ? trained.options.train.masking : a.masking,
            a.missing_k > 0 ? a.missing_k : trained.options.train.missing_k, a.block_start};
  if (gaps.k >= L)
    throw_value_error((gaps.kind == "forecast" ? "--horizon is " : "--missing_k is ") + std::to_string(gaps.k) +
                      " and sequences have length " + std::to_string(L) +
                      ": the mask would observe nothing; choose less");
  if (gaps.begin >= 0 && gaps.kind != "block") throw UsageError("--block_start is for --masking block");
  if (gaps.begin + gaps.k > L)
    throw UsageError("--block_start is " + std::to_string(gaps.begin) + " and a block of " + std::to_string(gaps.k) +
                     " from there on ends after the sequences, which have length " + std::to_string(L));
  return gaps;
}

Tensor<float, 3> hide(const Gaps& gaps, const SeriesSet& set, std::uint64_t seed) {
  Tensor<float, 3> mask(set.x.sizes());
  if (gaps.kind == "block") {
    const index_t L = set.length(), begin = gaps.begin >= 0 ? gaps.begin : (L - gaps.k) / 2;
    for (index_t i = 0; i < set.size(); ++i)
      for (index_t c = 0; c < set.channels(); ++c)
        for (index_t l = 0; l < L; ++l) mask(i, c, l) = l >= begin && l < begin + gaps.k ? 0.0f : 1.0f;
  } else {
    Generator gen(seed, 200);
    draw_mask(mask_kind(gaps.kind), gaps.k, gen, mask.view());
  }
  for (index_t i = 0; i < mask.count(); ++i)
    if (set.known.data()[i] == 0) mask.data()[i] = 0;
  return mask;
}

SeriesSet some_of(SeriesSet set, index_t limit) {
  if (limit == 0 || limit >= set.size()) return set;
  const index_t size = set.channels() * set.length();
  SeriesSet part{Tensor<float, 3>(limit, set.channels(), set.length()), {}};
  part.known = Tensor<float, 3>(part.x.sizes());
  for (index_t i = 0; i < limit; ++i) {
    const index_t from = i * set.size() / limit;
    std::copy_n(&set.x(from, 0, 0), size, &part.x(i, 0, 0));
    std::copy_n(&set.known(from, 0, 0), size, &part.known(i, 0, 0));
  }
  return part;
}

}  // namespace longwave::examples::sssd
