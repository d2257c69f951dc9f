// text.hpp - texts with a class, or pairs of them, as sequences of characters: IMDB reviews and AAN pairs of Long Range
// Arena, and anything in the same form.
//
//   const Texts train = read_text_folder("aclImdb/train", {"neg", "pos"}, {.l_max = 4096});
//   const Texts pairs = read_text_table("new_aan_pairs.train.tsv", {.label = 0, .texts = {3, 4}, .fields = 5});
//   const Vocabulary vocabulary = text_vocabulary(train, 15);         // characters that come at least 15 times
//   const TokenSet set = tokenize(train, vocabulary);                 // pairs: parts = 2, as buckets.hpp batches them
//
// A text is cut to l_max - 1 characters when it is read, and <eos> follows; vocabularies count what is left, as the S4
// repository does. Characters are Unicode code points of UTF-8, or bytes. For a byte model without a vocabulary:
// byte_tokens.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longwave/data/csv.hpp"
#include "longwave/data/vocabulary.hpp"
#include "longwave/io/folder.hpp"

namespace longwave {

enum class TextUnit { characters, bytes };

struct TextOptions {
  TextUnit unit = TextUnit::characters;
  index_t l_max = 4096;  // longest sequence, <eos> included
  bool append_eos = true;
};

struct Texts {
  std::string name;
  TextOptions options = {};
  index_t classes = 2;
  index_t parts = 1;                   // 2: texts 2 i and 2 i + 1 are a pair
  std::string text = {};               // one after the other, each cut
  std::vector<std::size_t> ends = {};  // of every text, in bytes
  std::vector<index_t> y = {};         // class of every item

  index_t size() const { return static_cast<index_t>(y.size()); }
  std::string_view piece(index_t i) const {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t begin = at == 0 ? 0 : ends[at - 1];
    return std::string_view(text).substr(begin, ends[at] - begin);
  }
};

namespace detail {

inline constexpr std::uint32_t no_character = 0xffffffff;

// The code point at text[at], which moves on behind it; no_character where the bytes are not UTF-8.
inline std::uint32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return std::uint32_t(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const std::size_t more = lead >= 0xf0 && lead < 0xf8 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc0 || lead >= 0xf8 || text.size() - at <= more) return no_character;
  std::uint32_t point = lead & (0x3fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80) return no_character;
    point = point << 6 | (byte(at + i) & 0x3fu);
  }
  constexpr std::uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  if (point < smallest[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return no_character;
  at += more + 1;
  return point;
}

// f(symbol) for every character or byte.
template <class F>
void for_each_symbol(std::string_view text, TextUnit unit, F&& f) {
  for (std::size_t at = 0; at < text.size();)
    f(unit == TextUnit::bytes ? std::uint32_t(static_cast<unsigned char>(text[at++])) : next_character(text, at));
}

class TextCollector {
 public:
  TextCollector(std::string name, const TextOptions& options, index_t classes, index_t parts)
      : out_{std::move(name), options, classes, parts}, longest_(options.l_max - (options.append_eos ? 1 : 0)) {
    if (longest_ < 1)
      throw_value_error(out_.name + ": l_max is " + std::to_string(options.l_max) + ", which leaves no room");
  }

  // file, place: for errors.
  void add(std::string_view text, const std::string& file, const std::string& place) {
    std::size_t at = 0;
    if (out_.options.unit == TextUnit::bytes) {
      at = std::min(text.size(), static_cast<std::size_t>(longest_));
    } else {
      for (index_t l = 0; l < longest_ && at < text.size(); ++l)
        if (next_character(text, at) == no_character)
          throw_io_error(file, place + "byte " + std::to_string(at) + " of the text is not UTF-8; read it as bytes");
    }
    if (at == 0 && !out_.options.append_eos) throw_io_error(file, place + "the text is empty");
    out_.text.append(text.substr(0, at));
    out_.ends.push_back(out_.text.size());
  }
  void end_item(index_t label) { out_.y.push_back(label); }

  Texts finish() {
    if (out_.size() == 0) throw_io_error(out_.name, "holds no text");
    return std::move(out_);
  }

 private:
  Texts out_;
  index_t longest_;
};

}  // namespace detail

// root/<class>/*.txt: a folder for every class, in the order of the list. Files by their numbers.
inline Texts read_text_folder(const std::string& root, const std::vector<std::string>& classes,
                              const TextOptions& options = {}) {
  detail::TextCollector texts(root, options, static_cast<index_t>(classes.size()), 1);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::string folder = root + "/" + classes[c];
    for (const std::string& name : list_folder(folder, ".txt")) {
      const MappedFile file(folder + "/" + name);
      texts.add({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, file.path(), "");
      texts.end_item(static_cast<index_t>(c));
    }
  }
  return texts.finish();
}

// Which fields of a line hold what, from 0.
struct TextTable {
  std::size_t label = 0;
  std::vector<std::size_t> texts = {1};  // two: a pair
  std::size_t fields = 2;
  index_t classes = 2;
};
inline const TextTable aan_table = {.label = 0, .texts = {3, 4}, .fields = 5, .classes = 2};

namespace detail {

class TextTableReader {
 public:
  TextTableReader(std::string_view content, const std::string& name, const TextTable& table, const TextOptions& options)
      : name_(name),
        table_(table),
        lines_(content),
        texts_(name, options, table.classes, static_cast<index_t>(table.texts.size())) {
    if (table.texts.empty() || table.label >= table.fields ||
        *std::max_element(table.texts.begin(), table.texts.end()) >= table.fields)
      throw_value_error(name + ": label and texts must be among the " + std::to_string(table.fields) +
                        " fields of a line");
  }

  Texts read() {
    std::string_view line;
    while (lines_.next(line)) {
      if (line.empty()) continue;
      split(line);
      index_t label = 0;
      if (!read_label(field_[table_.label], label)) {
        if (lines_.number() == 1 && field_[table_.label] == "label") continue;  // a header
        fail("the label is " + quoted_start(field_[table_.label]) + ", expected 0 to " +
             std::to_string(table_.classes - 1));
      }
      for (const std::size_t f : table_.texts)
        texts_.add(unquoted(field_[f]), name_, "line " + std::to_string(lines_.number()) + ": ");
      texts_.end_item(label);
    }
    return texts_.finish();
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const {
    throw_io_error(name_, "line " + std::to_string(lines_.number()) + ": " + what);
  }

  void split(std::string_view line) {
    field_.clear();
    for (std::size_t at = 0; at != std::string_view::npos;) {
      const std::size_t tab = line.find('\t', at);
      field_.push_back(line.substr(at, tab == std::string_view::npos ? tab : tab - at));
      at = tab == std::string_view::npos ? tab : tab + 1;
    }
    if (field_.size() != table_.fields)
      fail("holds " + std::to_string(field_.size()) + " fields between TABs, expected " +
           std::to_string(table_.fields));
  }

  // "1" and "1.0".
  bool read_label(std::string_view text, index_t& label) const {
    if (text.ends_with(".0")) text.remove_suffix(2);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
    return error == std::errc() && end == text.data() + text.size() && label >= 0 && label < table_.classes;
  }

  // A field within quotes: without them, quotes inside are doubled.
  std::string_view unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
    plain_.clear();
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      if (text[i] == '"' && i + 2 < text.size() && text[i + 1] == '"') ++i;
      plain_ += text[i];
    }
    return plain_;
  }

  const std::string& name_;
  const TextTable& table_;
  LineReader lines_;
  TextCollector texts_;
  std::vector<std::string_view> field_;
  std::string plain_;
};

}  // namespace detail

// Lines of fields between TABs; the first may be a header that calls its label "label". name appears in errors.
inline Texts read_text_table(Bytes content, const std::string& name, const TextTable& table,
                             const TextOptions& options = {}) {
  return detail::TextTableReader({reinterpret_cast<const char*>(content.data()), content.size()}, name, table, options)
      .read();
}
inline Texts read_text_table(const std::string& path, const TextTable& table, const TextOptions& options = {}) {
  const MappedFile file(path);
  return read_text_table(file.bytes(), path, table, options);
}

// The training set's characters that come at least min_freq times.
inline Vocabulary text_vocabulary(const Texts& train, index_t min_freq) {
  std::vector<index_t> counts(256);
  detail::for_each_symbol(train.text, train.options.unit, [&](std::uint32_t symbol) {
    if (symbol >= counts.size()) counts.resize(symbol + std::size_t(1));
    ++counts[symbol];
  });
  return Vocabulary::of_counts(counts, min_freq);
}

inline TokenSet tokenize(const Texts& texts, const Vocabulary& vocabulary) {
  TokenSet set{.name = texts.name,
               .parts = texts.parts,
               .classes = texts.classes,
               .vocabulary = vocabulary.size(),
               .y = texts.y};
  set.values.reserve(texts.text.size() + texts.ends.size());
  for (index_t i = 0; i < static_cast<index_t>(texts.ends.size()); ++i) {
    detail::for_each_symbol(texts.piece(i), texts.options.unit,
                            [&](std::uint32_t symbol) { set.values.push_back(vocabulary.token(symbol)); });
    if (texts.options.append_eos) set.values.push_back(Vocabulary::eos);
    set.end_sequence();
  }
  return set;
}

// Token = byte, a vocabulary of 256: for models of the next byte (token_windows).
inline std::vector<Token> byte_tokens(std::string_view text) {
  std::vector<Token> tokens;
  tokens.reserve(text.size());
  for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

}  // namespace longwave
