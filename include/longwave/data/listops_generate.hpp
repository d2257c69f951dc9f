// listops_generate.hpp - ListOps expressions drawn as Long Range Arena draws them (Tay et al. 2021), with their values.
//
// A node is a digit with probability 3/4, and always at max_depth; else an operator with 2 .. max_args nodes. Trees
// whose length (without parentheses) is not between min_length and max_length, both excluded, are drawn again, as are
// trees that came before. The random numbers are this library's, so that sets equal Long Range Arena's in distribution.
// The same seed gives the same set, and a larger set starts with the smaller one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "longwave/data/draws.hpp"
#include "longwave/data/listops.hpp"

namespace longwave {

struct ListOpsGenerator {
  index_t max_depth = 10;
  index_t max_args = 10;
  index_t min_length = 500, max_length = 2000;  // excluded
  std::uint64_t seed = 0;
  bool unique = true;  // no expression comes twice
};

namespace detail {

// Appends a tree; false, with a part of it, once it is longer than any that is wanted.
inline bool draw_listops_node(Draws& draws, const ListOpsGenerator& how, index_t depth, std::size_t limit,
                              std::vector<std::uint8_t>& out) {
  if (out.size() >= limit) return false;
  if (depth >= how.max_depth || draws.uniform() > 0.25) {
    out.push_back(static_cast<std::uint8_t>(draws.below(10)));
    return true;
  }
  out.push_back(static_cast<std::uint8_t>(listops_max + draws.below(4)));
  const index_t args = 2 + draws.below(how.max_args - 1);
  for (index_t i = 0; i < args; ++i)
    if (!draw_listops_node(draws, how, depth + 1, limit, out)) return false;
  out.push_back(listops_close);
  return true;
}

}  // namespace detail

inline ListOps generate_listops(index_t n, const ListOpsGenerator& how) {
  if (n < 1 || how.max_depth < 1 || how.max_depth > 1000 || how.max_args < 2 || how.min_length < 0 ||
      how.max_length - how.min_length < 2)
    throw_value_error("generate_listops: " + std::to_string(n) + " trees of depth " + std::to_string(how.max_depth) +
                      " (1 to 1000) with up to " + std::to_string(how.max_args) +
                      " arguments (2 or more) and lengths between " + std::to_string(how.min_length) + " and " +
                      std::to_string(how.max_length) + ", both excluded, cannot be drawn");
  ListOps out{"generated ListOps"};
  std::unordered_set<std::string> seen;
  std::vector<std::uint8_t> tree;
  constexpr index_t most_attempts = 1000000;
  std::uint32_t draw = 0;
  for (index_t attempt = 0; out.size() < n; ++attempt) {
    if (attempt == most_attempts)
      throw_value_error("generate_listops: no new tree of a length between " + std::to_string(how.min_length) +
                        " and " + std::to_string(how.max_length) + " in a million draws, after " +
                        std::to_string(out.size()) + " trees; allow other depths, arguments or lengths");
    Draws draws({how.seed, 0, draw++});
    tree.clear();
    const auto limit = static_cast<std::size_t>(how.max_length);
    if (!detail::draw_listops_node(draws, how, 1, limit, tree)) continue;
    const auto length = static_cast<index_t>(tree.size());
    if (length <= how.min_length || length >= how.max_length) continue;
    if (how.unique && !seen.emplace(reinterpret_cast<const char*>(tree.data()), tree.size()).second) continue;
    out.symbols.insert(out.symbols.end(), tree.begin(), tree.end());
    out.end_expression(evaluate_listops(tree));
    attempt = -1;
  }
  return out;
}

// As a text of Long Range Arena, without the parentheses that its readers leave out.
inline std::string listops_text(const ListOps& data) {
  std::string text = "Source\tTarget\n";
  for (index_t i = 0; i < data.size(); ++i) {
    const auto expression = data.expression(i);
    for (std::size_t k = 0; k < expression.size(); ++k) {
      if (k > 0) text += ' ';
      text += expression[k] == listops_close ? "]" : listops_symbols[expression[k]];
    }
    text += '\t';
    text += static_cast<char>('0' + data.values[static_cast<std::size_t>(i)]);
    text += '\n';
  }
  return text;
}

}  // namespace longwave
