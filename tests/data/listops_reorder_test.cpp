#include "longwave/data/listops_reorder.hpp"

#include <map>

#include "check.hpp"
#include "files.hpp"
#include "longwave/data/listops_generate.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

ListOps one(const std::string& expression, int value) {
  return read_listops(as_bytes("Source\tTarget\n" + expression + "\t" + std::to_string(value) + "\n"), "one");
}

// The tokens as symbols again.
ListOps expressions(const TokenSet& set, const Vocabulary& vocabulary) {
  ListOps out{set.name};
  for (index_t i = 0; i < set.sequences(); ++i) {
    const auto tokens = set.sequence(i)[0];
    for (index_t l = 0; l + 1 < tokens.size(0); ++l)
      out.symbols.push_back(static_cast<std::uint8_t>(vocabulary.symbol(tokens(l))));
    out.end_expression(set.y[static_cast<std::size_t>(i)]);
  }
  return out;
}

}  // namespace

TEST_CASE("reorder_operands: every order of every list, equally often") {
  const ListOps from = one("[MIN 7 [SM 8 [MAX 1 2 ] ] ]", 0);
  const Vocabulary vocabulary = listops_vocabulary(from);
  const TokenSet set = tokenize(from, vocabulary);
  std::map<std::string, int> seen;
  for (std::uint32_t draw = 0; draw < 800; ++draw)
    ++seen[listops_text(expressions(reorder_operands(set, vocabulary, {5, 1, draw}), vocabulary))];
  CHECK(seen.size() == 8);
  for (const auto& [text, count] : seen) CHECK(std::abs(count - 100) < 45);
  CHECK(seen.count("Source\tTarget\n[MIN [SM [MAX 2 1 ] 8 ] 7 ]\t0\n") == 1);
}

TEST_CASE("reorder_operands: lengths and values stay, a key gives the same bits again") {
  const ListOps from = generate_listops(60, {.max_depth = 6, .max_args = 5, .min_length = 5, .max_length = 200});
  const Vocabulary vocabulary = listops_vocabulary(from);
  const TokenSet set = tokenize(from, vocabulary), other = reorder_operands(set, vocabulary, {1, 2, 3});
  CHECK(other.lengths() == set.lengths());
  CHECK(other.values != set.values);
  CHECK(other.values == reorder_operands(set, vocabulary, {1, 2, 3}).values);
  CHECK(other.values != reorder_operands(set, vocabulary, {1, 2, 4}).values);
  const ListOps reordered = expressions(other, vocabulary);
  for (index_t i = 0; i < from.size(); ++i)
    CHECK(evaluate_listops(reordered.expression(i)) == from.values[static_cast<std::size_t>(i)]);
}

TEST_CASE("reorder_operands: what is no whole expression stays as it is; another vocabulary is refused") {
  const ListOps from = one("[MIN 7 [SM 8 1 ] 3 4 5 ]", 1), number = one("7", 7);
  const Vocabulary vocabulary = listops_vocabulary(from);
  const TokenSet cut = tokenize(from, vocabulary, {.l_max = 8});
  for (std::uint32_t draw = 0; draw < 5; ++draw)
    CHECK(reorder_operands(cut, vocabulary, {1, 1, draw}).values == cut.values);
  const TokenSet seven = tokenize(number, vocabulary, {.append_eos = false});
  CHECK(reorder_operands(seven, vocabulary, {1, 1, 1}).values == seven.values);
  CHECK(
      reorder_operands(TokenSet{.name = "none", .vocabulary = vocabulary.size()}, vocabulary, {1, 1, 1}).sequences() ==
      0);
  CHECK(error_text<ValueError>([&] {
          reorder_operands(cut, listops_vocabulary(number), {1, 1, 1});
        }) == "reorder_operands: one has a vocabulary of 12 tokens, the one given 4");
}
