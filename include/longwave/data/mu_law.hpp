// mu_law.hpp - sound as 256 tokens: companding by the mu-law (ITU-T G.711 in its continuous form) and rounding.
//
//   f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu),  mu = 255, x in [-1, 1], beyond it cut
//   token = floor((f(x) + 1) / 2 * mu + 1/2),    x = f^-1(2 token / mu - 1)
//
// Tokens 127 and 128 stand for the smallest negative and positive values; encode(decode(token)) = token.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "longwave/data/sequence_set.hpp"

namespace longwave {

inline constexpr double mu_law_mu = 255;

inline Token mu_law_encode(double x) {
  const double cut = std::clamp(x, -1.0, 1.0);
  const double f = std::copysign(std::log1p(mu_law_mu * std::abs(cut)) / std::log1p(mu_law_mu), cut);
  return static_cast<Token>(std::floor((f + 1) / 2 * mu_law_mu + 0.5));
}

// token: 0 .. 255
inline double mu_law_decode(Token token) {
  const double f = 2 * static_cast<double>(token) / mu_law_mu - 1;
  return std::copysign(std::expm1(std::abs(f) * std::log1p(mu_law_mu)) / mu_law_mu, f);
}

// Each sequence of one channel in tokens; classes stay.
template <class T>
TokenSet mu_law_tokens(const SequenceSet<T, index_t>& set) {
  if (set.channels != 1)
    throw_shape_error(set.name + ": mu-law tokens are of one channel, not of " + std::to_string(set.channels));
  TokenSet out{.name = set.name, .parts = set.parts, .targets = set.targets, .classes = set.classes, .vocabulary = 256};
  out.offsets = set.offsets;
  out.y = set.y;
  out.values.reserve(set.values.size());
  for (const T x : set.values) out.values.push_back(mu_law_encode(static_cast<double>(x)));
  return out;
}

}  // namespace longwave
