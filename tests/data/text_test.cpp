#include "longwave/data/text.hpp"

#include "check.hpp"
#include "files.hpp"
#include "longwave/data/buckets.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

const TextTable plain = {};

Texts table(const std::string& content, const TextTable& how = plain, const TextOptions& options = {}) {
  return read_text_table(as_bytes(content), "t.tsv", how, options);
}

void refuses(const std::string& content, const std::string& part, const TextTable& how = plain,
             const TextOptions& options = {}) {
  const std::string text = error_text([&] { table(content, how, options); });
  INFO(text);
  CHECK(contains(text, "t.tsv: "));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("text: a folder for every class, files by their numbers") {
  const TemporaryFolder folder;
  for (const char* name : {"neg", "pos"}) make_folders(folder / name);
  write_text(folder / "neg/10_1.txt", "ab");
  write_text(folder / "neg/9_2.txt", "c");
  write_text(folder / "neg/other", "left out");
  write_text(folder / "pos/0_9.txt", "");
  const Texts texts = read_text_folder(folder.path(), {"neg", "pos"});
  CHECK(texts.size() == 3);
  CHECK(texts.piece(0) == "c");
  CHECK(texts.piece(1) == "ab");
  CHECK(texts.y == std::vector<index_t>{0, 0, 1});
  const TokenSet set = tokenize(texts, text_vocabulary(texts, 1));
  check_sequences(set);
  CHECK(set.values == std::vector<Token>{5, 2, 3, 4, 2, 2});  // a b c by alphabet, <eos> after each, alone too
  CHECK(contains(error_text<IoError>([&] { read_text_folder(folder.path(), {"neg", "none"}); }), "/none: cannot list"));
  CHECK(contains(error_text<IoError>([&] { read_text_folder(folder / "pos", {}); }), "holds no text"));
}

TEST_CASE("text: characters below min_freq are unknown, and texts are cut before they are counted") {
  // [snippet: text_vocabulary]
  const std::string lines = "label\ttext\n0\tbbaac\n1\tabd\n";
  const Texts train = read_text_table(as_bytes(lines), "train.tsv", {}, {.l_max = 5});  // four characters and <eos>
  const Vocabulary vocabulary = text_vocabulary(train, 2);                              // a 3, b 4
  CHECK(tokenize(train, vocabulary).values == std::vector<Token>{4, 4, 3, 3, 2, 3, 4, 1, 2});
  // [/snippet]
  CHECK(vocabulary.size() == 5);
  CHECK(vocabulary.symbol(4) == 'b');
  CHECK(Vocabulary::of_symbols(vocabulary.symbols()).token('b') == 4);
}

TEST_CASE("text: characters are code points, or bytes") {
  const std::string line = "1\ta\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\n";  // a, a umlaut, euro, a face
  const Texts characters = table(line), bytes = table(line, plain, {.unit = TextUnit::bytes});
  CHECK(tokenize(characters, text_vocabulary(characters, 1)).length(0) == 5);
  CHECK(tokenize(bytes, text_vocabulary(bytes, 1)).length(0) == 11);
  CHECK(text_vocabulary(characters, 1).symbols() == std::vector<std::uint32_t>{'a', 0xe4, 0x20ac, 0x1f642});
  CHECK(tokenize(table(line, plain, {.l_max = 3}), text_vocabulary(characters, 1)).values ==
        std::vector<Token>{3, 4, 2});
  const std::string_view smile = "\x80\xff";
  CHECK(byte_tokens(smile) == std::vector<Token>{128, 255});
}

TEST_CASE("text: pairs become rows i and B + i") {
  const std::string lines = "1.0\tp1\tp2\tab\t\"c\"\"d\"\n0\tp3\tp4\te\tf\r\n";
  const Texts pairs = table(lines, aan_table, {.l_max = 4000});
  CHECK(pairs.size() == 2);
  CHECK(pairs.piece(1) == "c\"d");
  CHECK(pairs.y == std::vector<index_t>{1, 0});
  const TokenSet set = tokenize(pairs, text_vocabulary(pairs, 1));
  SequenceLoader loader(set, {.batch = 2, .shuffle = false}, Generator(1));
  const auto [x, y, lengths] = loader.batch(0);
  CHECK(x.sizes() == Extents<3>{4, 1, 4});
  CHECK(lengths(0) == 3);
  CHECK(lengths(1) == 2);
  CHECK(lengths(2) == 4);  // the second text of the first pair
  CHECK(x(1, 0, 2) == Vocabulary::pad);
}

TEST_CASE("text: damaged lines are refused with their number") {
  refuses("", "holds no text");
  refuses("label\ttext\n", "holds no text");
  refuses("1\ta\tb\n", "line 1: holds 3 fields between TABs, expected 2");
  refuses("0\ta\n2\tb\n", "line 2: the label is '2', expected 0 to 1");
  refuses("0\ta\nlabel\tb\n", "line 2: the label is 'label'");
  refuses("-1\ta\n", "the label is '-1'");
  refuses("\ta\n", "the label is ''");
  refuses("0\ta\n1\tb\xff\n", "line 2: byte 1 of the text is not UTF-8; read it as bytes");
  for (const char* bad :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xc3(", "\xfc\x80\x80\x80\x80\x80"})
    refuses("0\t" + std::string(bad) + "\n", "byte 0 of the text is not UTF-8");
  refuses("0\t\n", "line 1: the text is empty", plain, {.append_eos = false});
  refuses("0\ta\n", "l_max is 1, which leaves no room", plain, {.l_max = 1});
  refuses("0\ta\n", "must be among the 2 fields", {.texts = {2}});
}

TEST_CASE("text: vocabularies that cannot be are refused") {
  CHECK(contains(error_text([] { Vocabulary::of_symbols({5, 5}); }), "symbol 5 comes twice"));
  CHECK(contains(error_text([] { Vocabulary::of_symbols({0x110000}); }), "beyond U+10FFFF"));
  CHECK(contains(error_text([] { Vocabulary::of_symbols(std::vector<std::uint32_t>(65534)); }), "at most 65533"));
  CHECK(contains(error_text([] { Vocabulary::of_symbols({5}).symbol(4); }),
                 "token 4 stands for no symbol; there are 3 to 3"));
  CHECK(Vocabulary().token('a') == Vocabulary::unk);
}
