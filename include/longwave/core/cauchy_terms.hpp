// cauchy_terms.hpp - which poles the sums of ops/cauchy.hpp run over.
#pragma once

namespace longwave {

enum class CauchyTerms { conjugate_pairs, given };

}  // namespace longwave
