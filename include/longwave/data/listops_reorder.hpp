// listops_reorder.hpp - ListOps with the operands of every list in another order: other sequences of the same lengths
// and values, since all four operators are symmetric. Makes more of a small training set.
//
//   const TokenSet other = reorder_operands(tokenize(train, vocabulary), vocabulary, {seed, stream, epoch});
//
// Sequence i is a pure function of (set, key, i). One that is not a whole expression, such as one that was cut, stays.
#pragma once

#include <span>
#include <vector>

#include "longwave/data/draws.hpp"
#include "longwave/data/listops.hpp"

namespace longwave {

namespace detail {

// What a token does to the depth of lists: +1, -1 or nothing.
class ListOpsDepth {
 public:
  explicit ListOpsDepth(const Vocabulary& vocabulary) : of_(static_cast<std::size_t>(vocabulary.size()), 0) {
    for (std::size_t i = 0; i < vocabulary.symbols().size(); ++i) {
      const std::uint32_t symbol = vocabulary.symbols()[i];
      of_[vocabulary.token(symbol)] = symbol == listops_close ? -1 : symbol >= listops_max ? 1 : 0;
    }
  }
  int operator()(Token token) const { return of_[token]; }

  // Whether they are one number or one list, all of whose lists are closed.
  bool whole(std::span<const Token> tokens) const {
    index_t open = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      open += (*this)(tokens[i]);
      if (open < 0 || (open == 0 && i + 1 < tokens.size())) return false;
    }
    return open == 0 && !tokens.empty();
  }

 private:
  std::vector<int> of_;  // by token
};

inline void put_reordered(std::span<const Token> part, const ListOpsDepth& depth, Draws& draws,
                          std::vector<Token>& out) {
  out.push_back(part[0]);
  if (part.size() == 1) return;
  std::vector<std::span<const Token>> operands;  // between the operator and the list's end
  for (std::size_t i = 1; i + 1 < part.size();) {
    const std::size_t begin = i;
    index_t open = 0;
    do open += depth(part[i++]);
    while (open > 0);
    operands.push_back(part.subspan(begin, i - begin));
  }
  for (std::size_t i = operands.size(); i > 1; --i)
    std::swap(operands[i - 1], operands[static_cast<std::size_t>(draws.below(static_cast<index_t>(i)))]);
  for (const std::span<const Token> operand : operands) put_reordered(operand, depth, draws, out);
  out.push_back(part.back());
}

}  // namespace detail

inline TokenSet reorder_operands(const TokenSet& set, const Vocabulary& vocabulary, PhiloxKey key) {
  if (set.vocabulary != vocabulary.size())
    throw_value_error("reorder_operands: " + set.name + " has a vocabulary of " + std::to_string(set.vocabulary) +
                      " tokens, the one given " + std::to_string(vocabulary.size()));
  const detail::ListOpsDepth depth(vocabulary);
  TokenSet out{.name = set.name, .targets = set.targets, .classes = set.classes, .vocabulary = set.vocabulary};
  out.y = set.y;
  out.values.reserve(set.values.size());
  for (index_t i = 0; i < set.sequences(); ++i) {
    const TensorView<const Token, 1> sequence = set.sequence(i)[0];
    const std::span<const Token> tokens(sequence.data(), static_cast<std::size_t>(sequence.size(0)));
    const std::size_t ends = !tokens.empty() && tokens.back() == Vocabulary::eos ? 1 : 0;
    const std::span<const Token> expression = tokens.first(tokens.size() - ends);
    if (depth.whole(expression)) {
      Draws draws(key, i);
      detail::put_reordered(expression, depth, draws, out.values);
    } else {
      out.values.insert(out.values.end(), expression.begin(), expression.end());
    }
    if (ends > 0) out.values.push_back(Vocabulary::eos);
    out.end_sequence();
  }
  return out;
}

}  // namespace longwave
