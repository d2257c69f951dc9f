// vocabulary.hpp - the numbers of tokens: <pad> 0, <unk> 1, <eos> 2, then those that a training set holds by falling
// frequency, equally frequent ones in their own order. As the S4 repository's sets have them.
//
// What is counted are symbols, small numbers that each reader gives its words or characters in alphabetic order.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "longwave/data/sequence_set.hpp"

namespace longwave {

class Vocabulary {
 public:
  static constexpr Token pad = 0, unk = 1, eos = 2;

  // counts[symbol]: how often it is in the training set. Symbols below min_freq are unknown.
  static Vocabulary of_counts(const std::vector<index_t>& counts, index_t min_freq) {
    Vocabulary v;
    for (std::size_t s = 0; s < counts.size(); ++s)
      if (counts[s] >= std::max<index_t>(min_freq, 1)) v.symbols_.push_back(static_cast<std::uint32_t>(s));
    std::stable_sort(v.symbols_.begin(), v.symbols_.end(), [&](auto a, auto b) { return counts[a] > counts[b]; });
    v.number();
    return v;
  }

  // From symbols(), as a run stores them.
  static Vocabulary of_symbols(std::vector<std::uint32_t> symbols) {
    Vocabulary v;
    v.symbols_ = std::move(symbols);
    v.number();
    return v;
  }

  index_t size() const { return first + static_cast<index_t>(symbols_.size()); }
  const std::vector<std::uint32_t>& symbols() const { return symbols_; }  // that of token 3 first

  Token token(std::uint32_t symbol) const { return symbol < tokens_.size() ? tokens_[symbol] : unk; }
  // Of a token from 3 on.
  std::uint32_t symbol(Token token) const {
    if (token < first || token >= size())
      throw_value_error("Vocabulary: token " + std::to_string(token) + " stands for no symbol; there are 3 to " +
                        std::to_string(size() - 1));
    return symbols_[static_cast<std::size_t>(token - first)];
  }

 private:
  static constexpr index_t first = 3;

  void number() {
    constexpr std::size_t most = 65536 - static_cast<std::size_t>(first);
    if (symbols_.size() > most)
      throw_value_error("Vocabulary: " + std::to_string(symbols_.size()) + " symbols, at most " + std::to_string(most) +
                        "; raise min_freq");
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      const std::uint32_t s = symbols_[i];
      if (s > 0x10ffff) throw_value_error("Vocabulary: symbol " + std::to_string(s) + " is beyond U+10FFFF");
      if (s >= tokens_.size()) tokens_.resize(s + std::size_t(1), unk);
      if (tokens_[s] != unk) throw_value_error("Vocabulary: symbol " + std::to_string(s) + " comes twice");
      tokens_[s] = static_cast<Token>(static_cast<std::size_t>(first) + i);
    }
  }

  std::vector<std::uint32_t> symbols_;
  std::vector<Token> tokens_;  // by symbol
};

}  // namespace longwave
