// listops.hpp - ListOps (Nangia and Bowman 2018): nested MIN, MAX, MED and SM of digits, to be evaluated by a network.
//
//   const ListOps train = read_listops("basic_train.tsv");       // Long Range Arena's files, or the authors' own
//   const Vocabulary vocabulary = listops_vocabulary(train);      // 18 entries
//   const TokenSet set = tokenize(train, vocabulary);             // cut to 2047 and <eos>; 10 classes
//
// Files: a header "Source TAB Target" and lines "expression TAB value" (Long Range Arena), or lines "value TAB
// expression" without a header (the authors'); the parentheses of the binary tree are left out. packed: token and
// offset arrays, as read_packed_listops says. evaluate() is the task itself. A generator: data/listops_generate.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "longwave/data/csv.hpp"
#include "longwave/data/vocabulary.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

// Symbols in alphabetic order, as vocabularies need them; "X" closes a list.
enum ListOpsSymbol : std::uint8_t {
  listops_close = 10,
  listops_max = 11,
  listops_med = 12,
  listops_min = 13,
  listops_sm = 14
};

inline constexpr const char* listops_symbols[] = {"0", "1", "2", "3",    "4",    "5",    "6",  "7",
                                                  "8", "9", "X", "[MAX", "[MED", "[MIN", "[SM"};

struct ListOps {
  std::string name;
  std::vector<std::uint8_t> symbols = {};  // expression i: from offsets[i] to offsets[i + 1]
  std::vector<index_t> offsets = {0};
  std::vector<std::uint8_t> values = {};  // 0 .. 9

  index_t size() const { return static_cast<index_t>(values.size()); }
  std::span<const std::uint8_t> expression(index_t i) const {
    const auto at = static_cast<std::size_t>(i), begin = static_cast<std::size_t>(offsets[at]);
    return {symbols.data() + begin, static_cast<std::size_t>(offsets[at + 1]) - begin};
  }
  void end_expression(index_t value) {
    offsets.push_back(static_cast<index_t>(symbols.size()));
    values.push_back(static_cast<std::uint8_t>(value));
  }
};

namespace detail {

inline int listops_apply(std::uint8_t op, std::span<std::uint8_t> values) {
  if (op == listops_min) return *std::min_element(values.begin(), values.end());
  if (op == listops_max) return *std::max_element(values.begin(), values.end());
  if (op == listops_sm) {
    int sum = 0;
    for (const std::uint8_t v : values) sum += v;
    return sum % 10;
  }
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

// -1 for a word that is no symbol.
inline int listops_symbol(std::string_view word) {
  if (word.size() == 1)
    return word[0] >= '0' && word[0] <= '9' ? word[0] - '0' : word[0] == ']' || word[0] == 'X' ? 10 : -1;
  for (int s = listops_max; s <= listops_sm; ++s)
    if (word == listops_symbols[s]) return s;
  return -1;
}

}  // namespace detail

// The value of an expression: MED is the median, rounded down, SM the sum modulo 10. Throws where it is not closed, has
// an operator without arguments, or more than one value.
inline int evaluate_listops(std::span<const std::uint8_t> symbols) {
  std::vector<std::uint8_t> values, ops;
  std::vector<std::size_t> starts;  // where the arguments of each open list begin
  const auto fail = [](std::size_t at, const char* what) {
    throw_value_error("ListOps: symbol " + std::to_string(at) + ": " + what);
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const std::uint8_t s = symbols[i];
    if (i > 0 && ops.empty()) fail(i, "the expression has ended before");
    if (s < listops_close) {
      values.push_back(s);
    } else if (s == listops_close) {
      if (ops.empty() || values.size() == starts.back()) fail(i, "nothing to close, or a list without arguments");
      const auto result = detail::listops_apply(ops.back(), std::span(values).subspan(starts.back()));
      values.resize(starts.back());
      values.push_back(static_cast<std::uint8_t>(result));
      ops.pop_back();
      starts.pop_back();
    } else if (s <= listops_sm) {
      ops.push_back(s);
      starts.push_back(values.size());
    } else {
      fail(i, "is no symbol");
    }
  }
  if (values.size() != 1 || !ops.empty()) fail(symbols.size(), "the expression ends early");
  return values[0];
}

namespace detail {

class ListOpsReader {
 public:
  ListOpsReader(std::string_view content, const std::string& name) : out_{name}, lines_(content) {
    out_.symbols.reserve(content.size() / 3);  // a symbol and a blank, and the parentheses
  }

  ListOps read() {
    std::string_view line;
    bool value_first = false;
    while (lines_.next(line)) {
      if (lines_.number() == 1) {
        if (line == "Source\tTarget") continue;
        value_first = line.size() > 1 && line[1] == '\t';
        if (!value_first) fail("is neither the header 'Source TAB Target' nor 'value TAB expression'");
      }
      if (line.empty()) continue;
      const std::size_t tab = value_first ? line.find('\t') : line.rfind('\t');
      if (tab == std::string_view::npos) fail("holds no TAB between expression and value");
      const std::string_view before = line.substr(0, tab), after = line.substr(tab + 1);
      read_expression(value_first ? after : before);
      read_value(value_first ? before : after);
    }
    if (out_.size() == 0) throw_io_error(out_.name, "holds no expression");
    return std::move(out_);
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const {
    throw_io_error(out_.name, "line " + std::to_string(lines_.number()) + " " + what);
  }

  void read_expression(std::string_view text) {
    const std::size_t before = out_.symbols.size();
    const char *at = text.data(), *const end = at + text.size();
    while (at < end) {
      const char c = *at;
      if (c == ' ' || c == '(' || c == ')') {
        ++at;
        continue;
      }
      const char* word = at;
      while (at < end && *at != ' ') ++at;
      const std::string_view token(word, static_cast<std::size_t>(at - word));
      const int symbol = listops_symbol(token);
      if (symbol < 0) fail("holds " + quoted_start(token) + ", which is no symbol of ListOps");
      out_.symbols.push_back(static_cast<std::uint8_t>(symbol));
    }
    if (out_.symbols.size() == before) fail("holds no expression");
  }
  void read_value(std::string_view text) {
    if (text.size() != 1 || text[0] < '0' || text[0] > '9')
      fail("has the value " + quoted_start(text) + ", expected a digit");
    out_.end_expression(text[0] - '0');
  }

  ListOps out_;
  LineReader lines_;
};

}  // namespace detail

inline ListOps read_listops(Bytes content, const std::string& name) {
  return detail::ListOpsReader({reinterpret_cast<const char*>(content.data()), content.size()}, name).read();
}
inline ListOps read_listops(const std::string& path) {
  const MappedFile file(path);
  return read_listops(file.bytes(), path);
}

// folder/stem_{tokens,offsets,labels}.npy: tokens 1 [MIN, 2 [MAX, 3 [MED, 4 [SM, 5 ], 6 .. 15 the digits.
inline ListOps read_packed_listops(const std::string& folder, const std::string& stem) {
  const std::string path = folder + "/" + stem;
  const auto tokens = read_npy<std::uint8_t, 1>(path + "_tokens.npy"),
             labels = read_npy<std::uint8_t, 1>(path + "_labels.npy");
  const auto offsets = read_npy<index_t, 1>(path + "_offsets.npy");
  if (offsets.count() != labels.count() + 1)
    throw_shape_error(path + ": " + std::to_string(labels.count()) + " labels need " +
                      std::to_string(labels.count() + 1) + " offsets; there are " + std::to_string(offsets.count()));
  constexpr std::uint8_t symbol[16] = {
      0, listops_min, listops_max, listops_med, listops_sm, listops_close, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  ListOps out{path};
  for (index_t i = 0; i < labels.count(); ++i) {
    const index_t begin = offsets(i), end = offsets(i + 1);
    if (begin != static_cast<index_t>(out.symbols.size()) || end <= begin || end > tokens.count() || labels(i) > 9)
      detail::throw_io_error(path + "_offsets.npy", "expression " + std::to_string(i) + " is from " +
                                                        std::to_string(begin) + " to " + std::to_string(end) + " of " +
                                                        std::to_string(tokens.count()) + " tokens with the label " +
                                                        std::to_string(labels(i)));
    for (index_t l = begin; l < end; ++l) {
      if (tokens(l) < 1 || tokens(l) > 15)
        detail::throw_io_error(path + "_tokens.npy", "token " + std::to_string(l) + " is " + std::to_string(tokens(l)) +
                                                         ", expected 1 to 15");
      out.symbols.push_back(symbol[tokens(l)]);
    }
    out.end_expression(labels(i));
  }
  if (static_cast<index_t>(out.symbols.size()) != tokens.count())
    detail::throw_io_error(path + "_offsets.npy", "the last expression ends at token " +
                                                      std::to_string(out.symbols.size()) + " of " +
                                                      std::to_string(tokens.count()));
  return out;
}

// Expressions [begin, end).
inline ListOps slice(const ListOps& data, index_t begin, index_t end) {
  if (begin < 0 || begin > end || end > data.size())
    throw_value_error(data.name + ": there are no expressions " + std::to_string(begin) + " to " + std::to_string(end) +
                      " of " + std::to_string(data.size()));
  ListOps out{data.name};
  for (index_t i = begin; i < end; ++i) {
    const auto expression = data.expression(i);
    out.symbols.insert(out.symbols.end(), expression.begin(), expression.end());
    out.end_expression(data.values[static_cast<std::size_t>(i)]);
  }
  return out;
}

// Of the training set: <pad>, <unk>, <eos>, then the symbols that it holds by falling frequency.
inline Vocabulary listops_vocabulary(const ListOps& train) {
  std::vector<index_t> counts(std::size(listops_symbols));
  for (const std::uint8_t s : train.symbols) ++counts[s];
  return Vocabulary::of_counts(counts, 1);
}

struct ListOpsTokens {
  index_t l_max = 2048;  // longest sequence, <eos> included
  bool append_eos = true;
};

inline TokenSet tokenize(const ListOps& data, const Vocabulary& vocabulary, const ListOpsTokens& options = {}) {
  const index_t longest = options.l_max - (options.append_eos ? 1 : 0);
  if (longest < 1) throw_value_error("ListOps: l_max is " + std::to_string(options.l_max) + ", which leaves no room");
  std::array<Token, std::size(listops_symbols)> token;
  for (std::uint32_t s = 0; s < token.size(); ++s) token[s] = vocabulary.token(s);
  TokenSet set{.name = data.name, .classes = 10, .vocabulary = vocabulary.size()};
  set.values.reserve(data.symbols.size() + static_cast<std::size_t>(data.size()));
  for (index_t i = 0; i < data.size(); ++i) {
    auto expression = data.expression(i);
    if (static_cast<index_t>(expression.size()) > longest)
      expression = expression.first(static_cast<std::size_t>(longest));
    for (const std::uint8_t s : expression) set.values.push_back(token[s]);
    if (options.append_eos) set.values.push_back(Vocabulary::eos);
    set.end_sequence();
    set.y.push_back(data.values[static_cast<std::size_t>(i)]);
  }
  return set;
}

}  // namespace longwave
