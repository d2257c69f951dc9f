#include "longwave/data/listops.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

ListOps one(const std::string& expression) {
  const std::string text = "Source\tTarget\n" + expression + "\t0\n";
  return read_listops(as_bytes(text), "t.tsv");
}

int value(const std::string& expression) { return evaluate_listops(one(expression).expression(0)); }

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { read_listops(as_bytes(content), "t.tsv"); });
  INFO(text);
  CHECK(contains(text, "t.tsv: "));
  CHECK(contains(text, part));
}

// LONGWAVE_DATA/listops, or "".
std::string listops_folder() {
  const char* root = std::getenv("LONGWAVE_DATA");
  const std::string folder = root == nullptr ? "" : std::string(root) + "/listops";
  if (!folder.empty() && file_exists(folder)) return folder;
  WARN("LONGWAVE_DATA names no folder with listops in it: skipped");
  return "";
}

}  // namespace

TEST_CASE("listops: values of expressions") {
  CHECK(value("7") == 7);
  // [snippet: listops_value]
  CHECK(value("[MAX 2 9 [MIN 4 7 ] 0 ]") == 9);
  CHECK(value("[MED 1 8 4 ]") == 4);
  CHECK(value("[MED 1 8 4 7 ]") == 5);  // (4 + 7) / 2, rounded down
  CHECK(value("[SM 9 8 [MIN 5 6 ] ]") == 2);
  // [/snippet]
  CHECK(value("[MIN [MAX 3 ] ]") == 3);
}

TEST_CASE("listops: what is no expression has no value") {
  const auto refuses_value = [](const std::string& expression, const std::string& part) {
    const std::string text = error_text<ValueError>([&] { value(expression); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses_value("[MAX 1", "symbol 2: the expression ends early");
  refuses_value("[MAX ]", "symbol 1: nothing to close, or a list without arguments");
  refuses_value("]", "symbol 0: nothing to close");
  refuses_value("1 2", "symbol 1: the expression has ended before");
  refuses_value("[MAX 1 ] 3", "symbol 3: the expression has ended before");
  CHECK(contains(error_text<ValueError>([] { evaluate_listops({}); }), "symbol 0: the expression ends early"));
  const std::uint8_t other[] = {15};
  CHECK(contains(error_text<ValueError>([&] { evaluate_listops(other); }), "symbol 0: is no symbol"));
}

TEST_CASE("listops: both layouts of the text, parentheses left out") {
  const std::string arena = "Source\tTarget\r\n( ( ( [MAX 2 ) 9 ) ] )\t9\r\n\r\n4\t4\r\n";
  const std::string authors = "9\t( ( ( [MAX 2 ) 9 ) ] )\n4\t4\n";
  for (const std::string& content : {arena, authors}) {
    const ListOps data = read_listops(as_bytes(content), "t");
    CHECK(data.symbols == std::vector<std::uint8_t>{listops_max, 2, 9, listops_close, 4});
    CHECK(data.offsets == std::vector<index_t>{0, 4, 5});
    CHECK(data.values == std::vector<std::uint8_t>{9, 4});
  }
}

TEST_CASE("listops: damaged lines are refused with their number") {
  refuses("", "holds no expression");
  refuses("Source\tTarget\n", "holds no expression");
  refuses("Source,Target\n1,1\n", "line 1 is neither the header");
  refuses("Source\tTarget\n1 2\n", "line 2 holds no TAB");
  refuses("Source\tTarget\n1\t1\n[FIRST 1 ]\t1\n", "line 3 holds '[FIRST', which is no symbol of ListOps");
  refuses("Source\tTarget\n12\t1\n", "line 2 holds '12', which is no symbol");
  refuses("Source\tTarget\n[MAX 1 ]\t11\n", "line 2 has the value '11', expected a digit");
  refuses("Source\tTarget\n( )\t1\n", "line 2 holds no expression");
}

TEST_CASE("listops: the vocabulary goes by falling frequency, then by alphabet; sequences are cut and end in eos") {
  // [snippet: listops_tokens]
  const std::string text = "Source\tTarget\n[MIN 7 7 [SM 7 7 ] ]\t4\n[MIN 3 7 ]\t3\n";
  const ListOps train = read_listops(as_bytes(text), "train.tsv");
  const Vocabulary vocabulary = listops_vocabulary(train);  // <pad> <unk> <eos> 7 X [MIN 3 [SM
  CHECK(vocabulary.size() == 8);
  const TokenSet set = tokenize(train, vocabulary, {.l_max = 7});
  CHECK(set.values == std::vector<Token>{5, 3, 3, 7, 3, 3, 2, 5, 6, 3, 4, 2});  // the first is cut to 6, and <eos>
  // [/snippet]
  check_sequences(set);
  CHECK(set.lengths() == std::vector<index_t>{7, 5});
  CHECK(set.y == std::vector<index_t>{4, 3});
  CHECK(tokenize(one("5"), vocabulary).values == std::vector<Token>{Vocabulary::unk, Vocabulary::eos});
  CHECK(tokenize(one("7 7"), vocabulary, {.l_max = 1, .append_eos = false}).values == std::vector<Token>{3});
  CHECK(contains(error_text<ValueError>([&] { tokenize(train, vocabulary, {.l_max = 1}); }), "l_max is 1"));
}

TEST_CASE("listops: packed arrays that do not fit are refused") {
  const TemporaryFolder folder;
  const auto write = [&](std::vector<std::uint8_t> tokens, std::vector<index_t> offsets,
                         std::vector<std::uint8_t> labels) {
    const auto put = [&](const std::string& name, auto& list) {
      write_npy(folder / ("a_" + name + ".npy"),
                TensorView(list.data(), Extents<1>{static_cast<index_t>(list.size())}));
    };
    put("tokens", tokens);
    put("offsets", offsets);
    put("labels", labels);
  };
  write({2, 7, 15, 5, 6}, {0, 4, 5}, {9, 0});
  const ListOps data = read_packed_listops(folder.path(), "a");
  CHECK(data.symbols == std::vector<std::uint8_t>{listops_max, 1, 9, listops_close, 0});
  CHECK(slice(data, 1, 2).symbols == std::vector<std::uint8_t>{0});
  CHECK(contains(error_text([&] { slice(data, 1, 3); }), "no expressions 1 to 3 of 2"));
  const auto refuses_arrays = [&](const std::string& part) {
    const std::string text = error_text([&] { read_packed_listops(folder.path(), "a"); });
    INFO(text);
    CHECK(contains(text, part));
  };
  write({6}, {0, 1}, {1, 2});
  refuses_arrays("2 labels need 3 offsets; there are 2");
  write({6, 7}, {0, 3}, {1});
  refuses_arrays("expression 0 is from 0 to 3 of 2 tokens");
  write({6, 7}, {1, 2}, {1});
  refuses_arrays("expression 0 is from 1 to 2");
  write({6, 7, 8}, {0, 2}, {1});
  refuses_arrays("a_offsets.npy: the last expression ends at token 2 of 3");
  write({6, 16}, {0, 2}, {1});
  refuses_arrays("a_tokens.npy: token 1 is 16, expected 1 to 15");
}

TEST_CASE("listops: the authors' depth-20 sets, where LONGWAVE_DATA names their folder") {
  const std::string folder = listops_folder();
  if (folder.empty()) return;
  for (const std::string stem : {"d20s", "d20a"}) {
    const ListOps data = read_packed_listops(folder, stem);
    CHECK(data.size() == 10000);
    index_t wrong = 0;
    for (index_t i = 0; i < data.size(); ++i)
      wrong += evaluate_listops(data.expression(i)) != data.values[static_cast<std::size_t>(i)];
    CHECK(wrong == 0);
    const ListOps text = read_listops(folder + "/" + stem + "_sample_original.tsv"), same = slice(data, 0, 500);
    CHECK(text.symbols == same.symbols);
    CHECK(text.offsets == same.offsets);
    CHECK(text.values == same.values);
    CHECK(listops_vocabulary(data).size() == (stem == "d20s" ? 18 : 17));
  }
}
