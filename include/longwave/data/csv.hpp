// csv.hpp - tables of numbers as text: one row a line, a header with the columns' names, missing values as NaN.
//
//   const auto table = read_csv<float>("ETTh1.csv");      // (rows, columns), the dates apart in table.text
//   table.values(0, table.column("OT"));
//
// A cell is missing where it is empty or reads nan, na, n/a or null in any case. The first column is kept as text where
// neither of its first two cells is a number (dates, names). Cells and names may stand in double quotes, a quote inside
// is doubled. Line ends are LF or CRLF, the last one may be left out; blank lines of tables with several columns count
// for nothing. Errors name file, line and column.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/io/file.hpp"

namespace longwave {

struct CsvOptions {
  char delimiter = ',';
  bool header = true;                  // else the columns are called "1", "2", ...
  std::vector<std::string> only = {};  // read these columns in this order; empty: all that are numbers
  std::vector<std::string> skip = {};  // columns left out, whatever stands in them
};

template <class T = double>
struct CsvTable {
  std::vector<std::string> names;  // (C)
  Tensor<T, 2> values;             // (rows, C), NaN where missing
  std::string text_name;           // the first column where it is text
  std::vector<std::string> text;   // (rows), or empty

  index_t rows() const { return values.size(0); }
  index_t columns() const { return values.size(1); }
  index_t column(const std::string& name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw_value_error("CsvTable: there is no column '" + name + "'");
    return found - names.begin();
  }
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// 'text' for an error message: its start, printable.
inline std::string quoted_start(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 40)) out += c >= 0 && c < ' ' ? '?' : c;
  return out + (text.size() > 40 ? "...'" : "'");
}

// Lines of a text in turn, without their LF or CRLF. A UTF-8 byte order mark before the first is left out.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }
  bool next(std::string_view& line) {
    if (text_.empty()) return false;
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number_;
    return true;
  }
  index_t number() const { return number_; }  // of the line read last, from 1

 private:
  std::string_view text_;
  index_t number_ = 0;
};

enum class CellKind { number, missing, out_of_range, text };

template <class T>
CellKind read_cell(std::string_view cell, T& value) {
  value = std::numeric_limits<T>::quiet_NaN();
  std::string_view digits = cell;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size() && !digits.empty();
  if (whole && error == std::errc() && std::isfinite(value)) return CellKind::number;
  if (whole && (error == std::errc::result_out_of_range || std::isinf(value))) return CellKind::out_of_range;
  value = std::numeric_limits<T>::quiet_NaN();
  if (cell.size() > 4) return CellKind::text;
  char lower[4] = {};
  for (std::size_t i = 0; i < cell.size(); ++i)
    lower[i] = static_cast<char>(cell[i] >= 'A' && cell[i] <= 'Z' ? cell[i] - 'A' + 'a' : cell[i]);
  const std::string_view word(lower, cell.size());
  const bool missing =
      word.empty() || word == "nan" || word == "-nan" || word == "na" || word == "n/a" || word == "null";
  return missing ? CellKind::missing : CellKind::text;
}

template <class T>
class CsvReader {
 public:
  CsvReader(std::string_view content, const std::string& file, const CsvOptions& options)
      : file_(file), options_(options), lines_(content) {}

  CsvTable<T> read() {
    read_names();
    std::string_view line;
    while (next_row(line)) {
      if (rows_ == 0) begin_rows(line);
      read_row(line);
      ++rows_;
    }
    if (rows_ == 0) throw_io_error(file_, "holds no row of values below the header");
    return finish();
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what) const {
    throw_io_error(file_, "line " + std::to_string(lines_.number()) + what);
  }
  [[noreturn]] LONGWAVE_COLD void fail(std::size_t column, const std::string& what) const {
    std::string place = ", column " + std::to_string(column + 1);
    if (column < names_.size() && !names_[column].empty()) place += " (" + quoted_start(names_[column]) + ")";
    fail(place + ": " + what);
  }

  // Blank lines are rows with a missing value where there is one column.
  bool next_row(std::string_view& line) {
    if (pending_) {
      pending_ = false;
      line = first_;
      return true;
    }
    while (lines_.next(line))
      if (names_.size() == 1 || !trimmed(line).empty()) return true;
    return false;
  }

  // The field that starts at `at`; sets `at` behind its delimiter, or to npos behind the last field.
  std::string_view field(std::string_view line, std::size_t& at, std::size_t column) {
    const std::size_t blanks = line.find_first_not_of(options_.delimiter == '\t' ? " " : " \t", at);
    if (blanks != std::string_view::npos && line[blanks] == '"') return quoted_field(line, at = blanks, column);
    const std::size_t end = line.find(options_.delimiter, at);
    const std::string_view text = line.substr(at, end == std::string_view::npos ? end : end - at);
    at = end == std::string_view::npos ? end : end + 1;
    return trimmed(text);
  }
  std::string_view quoted_field(std::string_view line, std::size_t& at, std::size_t column) {
    unquoted_.clear();
    for (++at;; ++at) {
      if (at >= line.size()) fail(column, "the quote is not closed on its line");
      if (line[at] == '"') {
        if (at + 1 >= line.size() || line[at + 1] != '"') break;
        ++at;
      }
      unquoted_ += line[at];
    }
    const std::size_t end = line.find(options_.delimiter, ++at);
    const std::size_t length = end == std::string_view::npos ? end : end - at;
    if (!trimmed(line.substr(at, length)).empty()) fail(column, "text follows the closing quote");
    at = end == std::string_view::npos ? end : end + 1;
    return trimmed(unquoted_);
  }

  void read_names() {
    std::string_view line;
    do {
      if (!lines_.next(line)) throw_io_error(file_, "is empty; expected a header and rows of numbers");
    } while (trimmed(line).empty());
    bool only_numbers = true;
    std::vector<std::string> names;
    for (std::size_t at = 0; at != std::string_view::npos;) {
      names.emplace_back(field(line, at, names.size()));
      T value;
      only_numbers &= read_cell(names.back(), value) == CellKind::number;
    }
    if (options_.header && only_numbers)
      fail(" holds numbers, expected the columns' names; add a header, or read without one");
    if (!options_.header) {
      for (std::size_t i = 0; i < names.size(); ++i) names[i] = std::to_string(i + 1);
      first_ = line;
      pending_ = true;
    }
    names_ = std::move(names);
    std::vector<std::string> sorted = names_;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) fail(" names the column " + quoted_start(*twice) + " twice");
    for (const auto* listed : {&options_.only, &options_.skip})
      for (const std::string& name : *listed) place_of(name);
  }
  std::size_t place_of(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
    std::string there;
    for (const std::string& n : names_) there += (there.empty() ? "" : ", ") + n;
    fail(" names no column " + quoted_start(name) + "; the columns are " + there.substr(0, 200));
  }

  // With the first row known: which columns are read.
  void begin_rows(std::string_view line) {
    const auto skipped = [&](const std::string& name) {
      return std::find(options_.skip.begin(), options_.skip.end(), name) != options_.skip.end();
    };
    text_first_ = names_.size() > 1 && !skipped(names_[0]) && starts_with_text(line);
    LineReader ahead = lines_;
    std::string_view second;
    while (text_first_ && trimmed(second).empty() && ahead.next(second)) {
    }
    if (text_first_ && !trimmed(second).empty()) text_first_ = starts_with_text(second);
    target_.assign(names_.size(), -1);
    if (options_.only.empty()) {
      for (std::size_t i = text_first_ ? 1 : 0; i < names_.size(); ++i)
        if (!skipped(names_[i])) target_[i] = columns_++;
    } else {
      for (const std::string& name : options_.only)
        if (!skipped(name) && target_[place_of(name)] < 0) target_[place_of(name)] = columns_++;
      if (target_[0] >= 0) text_first_ = false;  // asked for as numbers
    }
    if (columns_ == 0) fail(": no column of numbers is left");
  }
  bool starts_with_text(std::string_view line) {
    std::size_t at = 0;
    T value;
    return read_cell(field(line, at, 0), value) == CellKind::text;
  }

  void read_row(std::string_view line) {
    const std::size_t row_start = values_.size();
    values_.resize(row_start + static_cast<std::size_t>(columns_));
    std::size_t at = 0, column = 0;
    for (; at != std::string_view::npos; ++column) {
      const std::string_view cell = field(line, at, column);
      if (column >= names_.size()) continue;
      if (column == 0 && text_first_) text_.emplace_back(cell);
      if (target_[column] < 0) continue;
      T& value = values_[row_start + static_cast<std::size_t>(target_[column])];
      const CellKind kind = read_cell(cell, value);
      if (kind == CellKind::text)
        fail(column, quoted_start(cell) + " is not a number; leave the cell empty where the value is missing");
      if (kind == CellKind::out_of_range) fail(column, quoted_start(cell) + " is out of range");
    }
    if (column != names_.size())
      fail(" holds " + std::to_string(column) + " cells, expected " + std::to_string(names_.size()));
  }

  CsvTable<T> finish() {
    CsvTable<T> table;
    table.names.resize(static_cast<std::size_t>(columns_));
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (target_[i] >= 0) table.names[static_cast<std::size_t>(target_[i])] = names_[i];
    table.values = Tensor<T, 2>::uninitialized({rows_, columns_});
    std::copy(values_.begin(), values_.end(), table.values.data());
    if (text_first_) table.text_name = names_[0];
    table.text = std::move(text_);
    return table;
  }

  const std::string& file_;
  const CsvOptions& options_;
  LineReader lines_;
  std::string_view first_;  // the first row of a file without a header, read with the names
  bool pending_ = false;
  std::string unquoted_;
  std::vector<std::string> names_;  // of all columns in the file
  std::vector<index_t> target_;     // column of the table, -1: not read
  bool text_first_ = false;
  index_t columns_ = 0, rows_ = 0;
  std::vector<T> values_;
  std::vector<std::string> text_;
};

}  // namespace detail

// From the content of a file; `name` appears in errors.
template <class T = double>
CsvTable<T> read_csv(Bytes content, const std::string& name, const CsvOptions& options = {}) {
  return detail::CsvReader<T>({reinterpret_cast<const char*>(content.data()), content.size()}, name, options).read();
}
template <class T = double>
CsvTable<T> read_csv(const std::string& path, const CsvOptions& options = {}) {
  const MappedFile file(path);
  return read_csv<T>(file.bytes(), path, options);
}

// The shortest digits that read back as the same value; NaN as an empty cell. Replaces `path` as a whole.
template <class T>
void write_csv(const std::string& path, const CsvTable<T>& table, char delimiter = ',') {
  const bool with_text = !table.text.empty();
  if (static_cast<index_t>(table.names.size()) != table.columns() ||
      (with_text && static_cast<index_t>(table.text.size()) != table.rows()))
    throw_shape_error("write_csv: " + std::to_string(table.names.size()) + " names and " +
                      std::to_string(table.text.size()) + " texts for values " + to_string(table.values.sizes()));
  const auto cell = [delimiter](const std::string& text) {
    if (text.find_first_of(std::string("\"\r\n") + delimiter) == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
  };
  AtomicFile file(path);
  std::string line = with_text ? cell(table.text_name) : "";
  for (std::size_t c = 0; c < table.names.size(); ++c) {
    if (c > 0 || with_text) line += delimiter;
    line += cell(table.names[c]);
  }
  file.write(line + "\n");
  for (index_t r = 0; r < table.rows(); ++r) {
    line = with_text ? cell(table.text[static_cast<std::size_t>(r)]) : "";
    for (index_t c = 0; c < table.columns(); ++c) {
      if (c > 0 || with_text) line += delimiter;
      char digits[64];
      const T value = table.values(r, c);
      if (!std::isnan(value)) line.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    }
    file.write(line + "\n");
  }
  file.commit();
}

}  // namespace longwave
