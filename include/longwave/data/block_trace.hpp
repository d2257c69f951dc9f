// block_trace.hpp - traces of block I/O as text, one request a line: when, how long, where, how slow.
//
//   const BlockTrace trace = read_block_trace("w44.txt");          // layout found by itself, four columns
//   trace.view();                                                  // (requests, 4) in double
//
//   layout      separator  fields  timestamp  length  LBA  latency
//   six         blanks     6 ..        1         3     4      5       (fields 0 and 2 are ignored)
//   comma       comma      5 ..        4         3     2      0
//   msr         comma      7           0         5     4      6       original MSR Cambridge: filetime ticks and bytes,
//                                                                     turned into us from the first request and sectors
//   rows        blanks     4           0         1     2      3       what generators of synthetic traces write
//
// Times and addresses exceed 2^24: every number is read in double; ticks, beyond 2^53, as integers. A line with too few
// fields, with a word where a number should be, or with NaN or infinity is left out and counted. Files are read in
// pieces of a megabyte, so that memory holds the wanted columns and nothing else; pipes will do as well.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/io/file.hpp"

namespace longwave {

enum class TraceColumn { timestamp, length, lba, latency };
enum class TraceLayout { automatic, six, comma, msr, rows };

inline constexpr const char* trace_column_names[] = {"timestamp", "length", "lba", "latency"};
inline constexpr const char* trace_layout_names[] = {"automatic", "six", "comma", "msr", "rows"};

inline TraceColumn trace_column(const std::string& name) {
  for (int i = 0; i < 4; ++i)
    if (name == trace_column_names[i]) return static_cast<TraceColumn>(i);
  throw_value_error("a trace has no column \"" + name + "\"; there are timestamp, length, lba, latency");
}
inline TraceLayout trace_layout(const std::string& name) {
  for (int i = 0; i < 5; ++i)
    if (name == trace_layout_names[i]) return static_cast<TraceLayout>(i);
  throw_value_error("there is no trace layout \"" + name + "\"; there are automatic, six, comma, msr, rows");
}

struct BlockTraceOptions {
  TraceLayout layout = TraceLayout::automatic;  // automatic: that of the first line which fits one
  index_t max_lines = 0;                        // raw lines to read, those left out included; 0: all
  std::vector<TraceColumn> columns = {TraceColumn::timestamp, TraceColumn::length, TraceColumn::lba,
                                      TraceColumn::latency};
};

// Lines of one kind, and the first of them (from 1).
struct LineCount {
  index_t count = 0;
  index_t first = 0;
  void add(index_t line) {
    if (count++ == 0) first = line;
  }
};

struct BlockTrace {
  std::vector<TraceColumn> columns;
  std::vector<double> numbers;  // row by row
  TraceLayout layout = TraceLayout::automatic;
  index_t lines = 0;  // read, raw
  LineCount too_few, words, not_finite;

  index_t rows() const { return static_cast<index_t>(numbers.size() / columns.size()); }
  index_t left_out() const { return too_few.count + words.count + not_finite.count; }
  TensorView<const double, 2> view() const {
    return {numbers.data(), Extents<2>{rows(), static_cast<index_t>(columns.size())}};
  }
  TensorView<double, 2> view() { return {numbers.data(), Extents<2>{rows(), static_cast<index_t>(columns.size())}}; }

  // Where a column is; -1 if it was not read.
  index_t index(TraceColumn column) const {
    const auto at = std::find(columns.begin(), columns.end(), column);
    return at == columns.end() ? -1 : at - columns.begin();
  }

  // "3 lines with too few fields (first: line 7), 1 with a word for a number (first: line 9)"; "" for none.
  std::string left_out_text() const {
    std::string text;
    const auto add = [&](const LineCount& lines_of, const char* what) {
      if (lines_of.count == 0) return;
      text += (text.empty() ? "" : ", ") + std::to_string(lines_of.count) +
              (lines_of.count == 1 ? " line " : " lines ") + what + " (first: line " + std::to_string(lines_of.first) +
              ")";
    };
    add(too_few, "with too few fields");
    add(words, "with a word for a number");
    add(not_finite, "with NaN or infinity");
    return text;
  }
};

namespace detail {

struct TraceFormat {
  bool commas;
  int fields;     // at least
  int column[4];  // by TraceColumn
};
inline constexpr TraceFormat trace_formats[] = {
    {}, {false, 6, {1, 3, 4, 5}}, {true, 5, {4, 3, 2, 0}}, {true, 7, {0, 5, 4, 6}}, {false, 4, {0, 1, 2, 3}}};

// Takes a trace piece by piece; lines may be cut anywhere.
class BlockTraceParser {
 public:
  explicit BlockTraceParser(const BlockTraceOptions& options) : options_(options) {
    if (options.columns.empty()) throw_value_error("read_block_trace: no columns are wanted");
    trace_.columns = options.columns;
    trace_.layout = options.layout;
  }

  bool done() const { return options_.max_lines > 0 && trace_.lines >= options_.max_lines; }

  void feed(std::string_view text) {
    while (!text.empty() && !done()) {
      const std::size_t end = text.find('\n');
      const std::string_view piece = text.substr(0, end);
      if (part_.empty() && end != std::string_view::npos) {
        line(piece);
      } else {
        part_.append(piece.substr(0, longest - std::min(longest, part_.size())));
        started_ = true;
        if (end != std::string_view::npos) finish_part();
      }
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

  // After the last piece; `source` is named in errors.
  BlockTrace finish(const std::string& source) {
    if (started_ && !done()) finish_part();
    if (trace_.numbers.empty())
      throw_io_error(source, trace_.lines == 0
                                 ? "holds no line"
                                 : "holds no request: " + trace_.left_out_text() + "; is it a block trace of layout " +
                                       (trace_.layout == TraceLayout::automatic
                                            ? std::string("six, comma, msr or rows?")
                                            : trace_layout_names[static_cast<int>(trace_.layout)] + std::string("?")));
    return std::move(trace_);
  }

  // Room for a file of so many bytes, once the first rows tell how many there will be.
  void expect(std::int64_t file_bytes, std::int64_t read_bytes) {
    const auto numbers = static_cast<double>(trace_.numbers.size());
    double expected =
        numbers * static_cast<double>(file_bytes) / static_cast<double>(std::max<std::int64_t>(read_bytes, 1));
    if (options_.max_lines > 0)
      expected =
          std::min(expected, static_cast<double>(options_.max_lines) * static_cast<double>(trace_.columns.size()));
    trace_.numbers.reserve(static_cast<std::size_t>(std::min(1.05 * expected, 1e12)) + 64);
  }

 private:
  static constexpr std::size_t longest = 4096;  // of a line, for one that is cut; what follows is not looked at
  static constexpr int most_fields = 8;
  enum class Fit { yes, too_few, word, not_finite };

  void finish_part() {
    line(part_);
    part_.clear();
    started_ = false;
  }

  static int split(std::string_view line, bool commas, std::string_view (&field)[most_fields]) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    const char *at = line.data(), *const end = at + line.size();
    int n = 0;
    while (n < most_fields) {
      while (at < end && blank(*at)) ++at;
      if (at == end && !(commas && n > 0 && *(end - 1) == ',')) break;
      const char* begin = at;
      if (commas) {
        while (at < end && *at != ',') ++at;
      } else {
        while (at < end && !blank(*at)) ++at;
      }
      const char* last = at;
      while (last > begin && blank(*(last - 1))) --last;
      field[n++] = {begin, static_cast<std::size_t>(last - begin)};
      if (at == end) break;
      ++at;
    }
    return n;
  }

  static Fit number(std::string_view text, double& value) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc::result_out_of_range) return Fit::not_finite;
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return Fit::word;
    return std::isfinite(value) ? Fit::yes : Fit::not_finite;
  }

  // The four numbers of a line under a layout, by TraceColumn.
  Fit read(std::string_view text, TraceLayout layout, double (&value)[4]) {
    const TraceFormat& format = trace_formats[static_cast<int>(layout)];
    std::string_view field[most_fields];
    const int fields = split(text, format.commas, field);
    if (fields < format.fields) return Fit::too_few;
    if (layout == TraceLayout::rows && fields != format.fields) return Fit::word;
    for (int c = 0; c < 4; ++c) {
      const std::string_view from = field[format.column[c]];
      if (layout == TraceLayout::msr && c == 0) {
        const auto result = std::from_chars(from.data(), from.data() + from.size(), ticks_);
        if (result.ec != std::errc() || result.ptr != from.data() + from.size()) return Fit::word;
      } else if (const Fit fit = number(from, value[c]); fit != Fit::yes) {
        return fit;
      }
    }
    return Fit::yes;
  }

  void line(std::string_view text) {
    ++trace_.lines;
    double value[4];
    Fit fit = Fit::too_few;
    if (trace_.layout != TraceLayout::automatic) {
      fit = read(text, trace_.layout, value);
    } else {
      for (const TraceLayout layout : {TraceLayout::six, TraceLayout::msr, TraceLayout::comma, TraceLayout::rows}) {
        const Fit this_one = read(text, layout, value);
        if (fit == Fit::too_few || this_one == Fit::yes) fit = this_one;
        if (fit == Fit::yes) {
          trace_.layout = layout;
          break;
        }
      }
    }
    if (fit == Fit::too_few) return trace_.too_few.add(trace_.lines);
    if (fit == Fit::word) return trace_.words.add(trace_.lines);
    if (fit == Fit::not_finite) return trace_.not_finite.add(trace_.lines);
    if (trace_.layout == TraceLayout::msr) {
      if (trace_.numbers.empty()) first_tick_ = ticks_;
      std::int64_t since = 0;
      if (__builtin_sub_overflow(ticks_, first_tick_, &since)) return trace_.words.add(trace_.lines);
      value[0] = static_cast<double>(since) / 10;
      value[2] /= 512;
      value[3] /= 10;
    }
    for (const TraceColumn column : trace_.columns) trace_.numbers.push_back(value[static_cast<int>(column)]);
  }

  BlockTraceOptions options_;
  BlockTrace trace_;
  std::string part_;  // the start of a line that the next piece goes on with
  bool started_ = false;
  std::int64_t ticks_ = 0, first_tick_ = 0;
};

}  // namespace detail

// From the content of a file; `name` appears in errors.
inline BlockTrace read_block_trace(Bytes content, const std::string& name, const BlockTraceOptions& options = {}) {
  detail::BlockTraceParser parser(options);
  parser.feed({reinterpret_cast<const char*>(content.data()), content.size()});
  return parser.finish(name);
}

inline BlockTrace read_block_trace(const std::string& path, const BlockTraceOptions& options = {}) {
  const detail::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open()) detail::throw_system_error(path, "cannot open it");
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) detail::throw_system_error(path, "cannot read its size");
  if (S_ISDIR(info.st_mode)) detail::throw_io_error(path, "is a folder; name a file in it");
  detail::BlockTraceParser parser(options);
  std::vector<char> buffer(std::size_t(1) << 20);
  std::int64_t bytes = 0;
  while (!parser.done()) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) detail::throw_system_error(path, "cannot read it", errno, bytes);
    if (n == 0) break;
    parser.feed({buffer.data(), static_cast<std::size_t>(n)});
    if (bytes == 0 && S_ISREG(info.st_mode)) parser.expect(info.st_size, n);
    bytes += n;
  }
  return parser.finish(path);
}

// Times become the gaps before each request, 0 before the first. Times that step back make negative gaps.
inline void to_arrival_gaps(TensorView<double, 1> times) {
  for (index_t i = times.size(0) - 1; i > 0; --i) times(i) -= times(i - 1);
  if (times.size(0) > 0) times(0) = 0;
}

// The other way: the first request comes at `start` plus its gap.
inline void from_arrival_gaps(TensorView<double, 1> gaps, double start = 0) {
  for (index_t i = 0; i < gaps.size(0); ++i) gaps(i) = start += gaps(i);
}

}  // namespace longwave
