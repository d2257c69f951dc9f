// json_cursor.hpp - JSON text read step by step by a caller who knows what must come next: the headers of safetensors
// files and the short records of checkpoints, which so need no JSON library. Nothing recurses and nothing is guessed:
// what the caller does not ask for is an error with its offset. UTF-8 and escapes are checked.
#pragma once

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "longwave/io/file.hpp"

namespace longwave::detail {

// Length of the UTF-8 sequence at text[i], 0 where it is not valid (overlong, surrogate, above U+10FFFF, cut short).
inline std::size_t utf8_length(const char* text, std::size_t size, std::size_t i) {
  auto byte = [&](std::size_t k) { return k < size ? static_cast<unsigned char>(text[k]) : 0u; };
  auto follows = [&](std::size_t k, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(k) >= low && byte(k) <= high;
  };
  const unsigned c = byte(i);
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return follows(i + 1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef)
    return follows(i + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) && follows(i + 2) ? 3 : 0;
  if (c >= 0xf0 && c <= 0xf4)
    return follows(i + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) && follows(i + 2) && follows(i + 3) ? 4 : 0;
  return 0;
}

inline void append_utf8(std::string& text, std::uint32_t code) {
  auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
  }
  add(0x80 | (code & 0x3f));
}

// "text" as a JSON string. Expects valid UTF-8.
inline std::string json_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      const char* digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

inline bool valid_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = utf8_length(text.data(), text.size(), i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

// Walks strings, integers, arrays and objects of JSON text. Errors carry the file and the offset in it.
class JsonCursor {
 public:
  JsonCursor(std::string file, const char* text, std::size_t size, std::int64_t offset_in_file)
      : file_(std::move(file)), text_(text), size_(size), start_(offset_in_file) {}

  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const {
    throw_io_error(file_, what, start_ + static_cast<std::int64_t>(at_));
  }

  bool at_end() {
    skip_blanks();
    return at_ == size_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == size_ || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* where) {
    if (!take(c)) fail(std::string("expected '") + c + "' " + where + "; the file is damaged or of another format");
  }

  std::string string(const char* what) {
    expect('"', (std::string("at the start of ") + what).c_str());
    std::string out;
    for (;;) {
      if (at_ == size_) fail(std::string("the header ends inside ") + what);
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) fail(std::string("a control character in ") + what);
      if (c == '\\') {
        ++at_;
        escape(out, what);
      } else {
        const std::size_t n = utf8_length(text_, size_, at_);
        if (n == 0) fail(std::string("invalid UTF-8 in ") + what);
        out.append(text_ + at_, n);
        at_ += n;
      }
    }
    ++at_;
    return out;
  }

  // Digits only: no sign, fraction, exponent or leading zero.
  std::uint64_t integer(const char* what, std::uint64_t limit) {
    skip_blanks();
    const std::size_t first = at_;
    std::uint64_t value = 0;
    for (; at_ < size_ && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (limit - digit) / 10) fail(std::string(what) + " is too large");
      value = value * 10 + digit;
    }
    const bool leading_zero = at_ - first > 1 && text_[first] == '0';
    const char next = at_ < size_ ? text_[at_] : ' ';
    if (at_ == first || leading_zero || next == '.' || next == 'e' || next == 'E')
      fail(std::string(what) + " is not a whole number of zero or more");
    return value;
  }

  // { name: value, ... } with a call of member(name) at each value; names must differ.
  template <class F>
  void object(const char* what, F&& member) {
    expect('{', (std::string("at the start of ") + what).c_str());
    std::set<std::string> seen;
    if (take('}')) return;
    do {
      const std::string name = string("a name");
      if (!seen.insert(name).second) fail("the name " + json_quoted(name) + " comes twice in " + what);
      expect(':', "after a name");
      member(name);
    } while (take(','));
    expect('}', (std::string("or ',' in ") + what).c_str());
  }

  template <class F>
  void array(const char* what, F&& element) {
    expect('[', (std::string("at the start of ") + what).c_str());
    if (take(']')) return;
    do {
      element();
    } while (take(','));
    expect(']', (std::string("or ',' in ") + what).c_str());
  }

 private:
  void skip_blanks() {
    while (at_ < size_ && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  std::uint32_t four_hex_digits(const char* what) {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < size_ ? text_[at_] : ' ';
      std::uint32_t digit;
      if (c >= '0' && c <= '9')
        digit = static_cast<std::uint32_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F')
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      else
        fail(std::string("an escape in ") + what + " lacks its four hexadecimal digits");
      code = code << 4 | digit;
    }
    return code;
  }

  void escape(std::string& out, const char* what) {
    const char c = at_ < size_ ? text_[at_] : ' ';
    const char* plain = "\"\\/bfnrt";
    const char* meaning = "\"\\/\b\f\n\r\t";
    if (const char* found = c != '\0' ? std::strchr(plain, c) : nullptr; found != nullptr) {
      out += meaning[found - plain];
      ++at_;
      return;
    }
    if (c != 'u') fail(std::string("an unknown escape in ") + what);
    ++at_;
    std::uint32_t code = four_hex_digits(what);
    if (code >= 0xd800 && code <= 0xdbff && at_ + 1 < size_ && text_[at_] == '\\' && text_[at_ + 1] == 'u') {
      at_ += 2;
      const std::uint32_t low = four_hex_digits(what);
      if (low < 0xdc00 || low > 0xdfff) fail(std::string("half a surrogate pair in ") + what);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      fail(std::string("half a surrogate pair in ") + what);
    }
    append_utf8(out, code);
  }

  std::string file_;
  const char* text_;
  std::size_t size_;
  std::int64_t start_;
  std::size_t at_ = 0;
};

}  // namespace longwave::detail
