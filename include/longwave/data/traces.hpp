// traces.hpp - sequences of event ids: kernel traces as text or npy, their vocabulary and scale.
//
//   const Traces file = read_traces("training");                        // any lengths, as the file has them
//   const Tensor<std::int32_t, 2> train = equal_lengths(file, 200);     // (N, L)
//   const EventVocabulary known(train.view());
//   const IdScale scale(train.view());
//   Tensor<float, 3> x = scale.to_unit<float>(train.view());            // (N, 1, L) in [0, 1]
//   Tensor<std::int32_t, 2> ids = scale.to_ids(samples.view(), known);  // back: the nearest known id
//
// Ids are numbers only by rank of frequency: distances between them mean nothing.
//
// Text: one sequence a line, ids separated by commas, no header. npy of integers: (N, L), (N, L, 1), or (n), one stream
// of events, of which equal_lengths cuts windows.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/data/csv.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

struct Traces {
  std::string name;               // appears in errors
  std::vector<std::int32_t> ids;  // all sequences, one after another
  std::vector<index_t> ends;      // where each ends in ids
  index_t blank = 0;              // lines left out: without content,
  index_t unparsable = 0;         // with something that is not an id
  index_t first_unparsable = 0;   // the first of these, counted from 1
  std::string first_reason;       // what is wrong there
  bool stream = false;            // one recording, to be cut into windows

  index_t size() const { return static_cast<index_t>(ends.size()); }
  std::span<const std::int32_t> operator[](index_t i) const {
    const auto at = static_cast<std::size_t>(i);
    const auto begin = static_cast<std::size_t>(i == 0 ? 0 : ends[at - 1]);
    return std::span(ids).subspan(begin, static_cast<std::size_t>(ends[at]) - begin);
  }
  std::vector<std::span<const std::int32_t>> sequences() const {
    std::vector<std::span<const std::int32_t>> all;
    for (index_t i = 0; i < size(); ++i) all.push_back((*this)[i]);
    return all;
  }
};

namespace detail {

// Appends the ids of a line; returns what is wrong, "" if nothing is. Then ids may hold a part of the line.
inline std::string parse_trace_line(std::string_view line, std::vector<std::int32_t>& ids) {
  for (index_t column = 1;; ++column) {
    const std::size_t comma = line.find(',');
    const std::string_view cell = trimmed(line.substr(0, comma));
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), id);
    if (error != std::errc() || end != cell.data() + cell.size())
      return "column " + std::to_string(column) + ": " + quoted_start(cell) + " is not an event id";
    ids.push_back(id);
    if (comma == std::string_view::npos) return "";
    line.remove_prefix(comma + 1);
  }
}

inline Traces parse_traces(std::string_view text, const std::string& name) {
  Traces traces;
  traces.name = name;
  LineReader lines(text);
  std::string_view line;
  while (lines.next(line)) {
    if (trimmed(line).empty()) {
      ++traces.blank;
      continue;
    }
    const std::size_t before = traces.ids.size();
    const std::string wrong = parse_trace_line(line, traces.ids);
    if (wrong.empty()) {
      traces.ends.push_back(static_cast<index_t>(traces.ids.size()));
      continue;
    }
    traces.ids.resize(before);
    if (traces.unparsable++ > 0) continue;
    traces.first_unparsable = lines.number();
    traces.first_reason = wrong;
  }
  return traces;
}

inline Traces npy_traces(Bytes content, const std::string& name) {
  const NpyArray array(content, name);
  const std::vector<index_t>& shape = array.shape();
  if (shape.empty() || shape.size() > 3 || (shape.size() == 3 && shape[2] != 1))
    throw_io_error(
        name, "holds the shape " + shape_text(shape) + ", expected event ids as (N, L), (N, L, 1) or one stream (n)");
  const index_t rows = shape.size() == 1 ? 1 : shape[0], length = shape.size() == 1 ? shape[0] : shape[1];
  Traces traces;
  traces.name = name;
  traces.stream = shape.size() == 1;
  traces.ids.resize(static_cast<std::size_t>(rows * length));
  const auto keep = [&](const auto& ids) { std::copy_n(ids.data(), ids.count(), traces.ids.begin()); };
  if (shape.size() == 1) keep(array.read<std::int32_t, 1>());
  if (shape.size() == 2) keep(array.read<std::int32_t, 2>());
  if (shape.size() == 3) keep(array.read<std::int32_t, 3>());
  if (length > 0)
    for (index_t r = 0; r < rows; ++r) traces.ends.push_back((r + 1) * length);
  return traces;
}

}  // namespace detail

// From the content of a file, npy or text; `name` appears in errors. Lines that are not ids are counted, not refused.
inline Traces read_traces(Bytes content, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  return text.starts_with("\x93NUMPY") ? detail::npy_traces(content, name) : detail::parse_traces(text, name);
}
inline Traces read_traces(const std::string& path) {
  const MappedFile file(path);
  return read_traces(file.bytes(), path);
}

// One comma-separated line per sequence, no newline after the last, as the files above. Replaces `path` as a whole.
inline void write_traces(const std::string& path, TensorView<const std::int32_t, 2> ids) {
  AtomicFile file(path);
  for (index_t r = 0; r < ids.size(0); ++r) {
    std::string line = r == 0 ? "" : "\n";
    for (index_t l = 0; l < ids.size(1); ++l) line += (l == 0 ? "" : ",") + std::to_string(ids(r, l));
    file.write(line);
  }
  file.commit();
}

// Row i = stream[i stride, i stride + L): (N, L); an error where the stream is shorter than L.
inline Tensor<std::int32_t, 2> stream_windows(std::span<const std::int32_t> stream, index_t L, index_t stride) {
  const auto n = static_cast<index_t>(stream.size());
  if (L < 1 || stride < 1)
    throw_value_error("stream_windows: length " + std::to_string(L) + " and stride " + std::to_string(stride) +
                      ", both are at least 1");
  if (n < L)
    throw_value_error("stream_windows: a stream of " + std::to_string(n) + " events holds no window of length " +
                      std::to_string(L));
  auto windows = Tensor<std::int32_t, 2>::uninitialized({(n - L) / stride + 1, L});
  for (index_t r = 0; r < windows.size(0); ++r) std::copy_n(stream.data() + r * stride, L, windows.data() + r * L);
  return windows;
}

// The sequences of length L or more, cut to their first L events: (N, L); a stream in windows instead. An error where
// none is left says what became of the lines.
inline Tensor<std::int32_t, 2> equal_lengths(const Traces& traces, index_t L, index_t stride = 5) {
  if (L < 1) throw_value_error(traces.name + ": sequences of length " + std::to_string(L) + " were asked for");
  if (traces.stream && static_cast<index_t>(traces.ids.size()) >= L) return stream_windows(traces.ids, L, stride);
  index_t n = 0, longest = 0;
  for (index_t i = 0; i < traces.size(); ++i) {
    const auto length = static_cast<index_t>(traces[i].size());
    n += length >= L ? 1 : 0;
    longest = std::max(longest, length);
  }
  if (n == 0) {
    std::string what = "holds no sequence of " + std::to_string(L) + " events: " + std::to_string(traces.size()) +
                       " sequences, the longest of " + std::to_string(longest);
    if (traces.unparsable > 0)
      what += "; " + std::to_string(traces.unparsable) + " lines are no sequences, the first is line " +
              std::to_string(traces.first_unparsable) + ", " + traces.first_reason;
    detail::throw_io_error(traces.name, what);
  }
  auto ids = Tensor<std::int32_t, 2>::uninitialized({n, L});
  std::int32_t* to = ids.data();
  for (index_t i = 0; i < traces.size(); ++i)
    if (static_cast<index_t>(traces[i].size()) >= L) to = std::copy_n(traces[i].data(), L, to);
  return ids;
}

// The ids that occur in training, in rising order; a class number is a place in it.
class EventVocabulary {
 public:
  explicit EventVocabulary(std::vector<std::int32_t> ids) : ids_(std::move(ids)) {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    if (ids_.empty()) throw_value_error("EventVocabulary: no ids");
  }
  explicit EventVocabulary(TensorView<const std::int32_t, 2> training)
      : EventVocabulary(std::vector<std::int32_t>(training.flat().data(), training.flat().data() + training.count())) {}

  index_t size() const { return static_cast<index_t>(ids_.size()); }
  const std::vector<std::int32_t>& ids() const { return ids_; }
  std::int32_t operator[](index_t place) const { return ids_[static_cast<std::size_t>(place)]; }

  // Place of an id, -1 where it is not known.
  index_t find(std::int32_t id) const {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
    return at == ids_.end() || *at != id ? -1 : at - ids_.begin();
  }
  // The known id that is nearest in value, the smaller of two.
  std::int32_t nearest(std::int64_t id) const {
    const auto above = std::lower_bound(ids_.begin(), ids_.end(), id);
    if (above == ids_.begin()) return *above;
    if (above == ids_.end()) return ids_.back();
    return id - *(above - 1) <= *above - id ? *(above - 1) : *above;
  }

  index_t count_unknown(TensorView<const std::int32_t, 2> ids) const {
    index_t n = 0;
    for (index_t r = 0; r < ids.size(0); ++r)
      for (index_t l = 0; l < ids.size(1); ++l) n += find(ids(r, l)) < 0 ? 1 : 0;
    return n;
  }
  // The ids as places in the vocabulary; refuses the first that is not known. `name` appears in the error.
  Tensor<index_t, 2> places(TensorView<const std::int32_t, 2> ids, const std::string& name) const {
    auto out = Tensor<index_t, 2>::uninitialized(ids.sizes());
    for (index_t r = 0; r < ids.size(0); ++r)
      for (index_t l = 0; l < ids.size(1); ++l)
        if ((out(r, l) = find(ids(r, l))) < 0) throw_unknown(ids, r, l, name);
    return out;
  }

 private:
  [[noreturn]] LONGWAVE_COLD void throw_unknown(TensorView<const std::int32_t, 2> ids, index_t r, index_t l,
                                                const std::string& name) const {
    throw_value_error(name + ": sequence " + std::to_string(r + 1) + ", event " + std::to_string(l + 1) + ": the id " +
                      std::to_string(ids(r, l)) + " does not occur in training (" + std::to_string(size()) +
                      " ids from " + std::to_string(ids_.front()) + " to " + std::to_string(ids_.back()) + "); " +
                      std::to_string(count_unknown(ids)) + " events are unknown");
  }

  std::vector<std::int32_t> ids_;
};

// (id - low) / (high - low) and back, low and high taken from the training data alone.
struct IdScale {
  std::int32_t low = 0, high = 1;

  IdScale() = default;
  IdScale(std::int32_t low_, std::int32_t high_) : low(low_), high(high_) {
    if (low > high) throw_value_error("IdScale: " + std::to_string(low) + " is above " + std::to_string(high));
  }
  explicit IdScale(TensorView<const std::int32_t, 2> training) {
    const TensorView<const std::int32_t, 1> ids = training.flat();
    if (ids.empty()) throw_value_error("IdScale: nothing to fit: ids are " + to_string(training.sizes(), "NL"));
    low = *std::min_element(ids.data(), ids.data() + ids.count());
    high = *std::max_element(ids.data(), ids.data() + ids.count());
  }

  double width() const { return low == high ? 1.0 : static_cast<double>(high) - static_cast<double>(low); }

  // (N, L) -> (N, 1, L)
  template <class T = float>
  Tensor<T, 3> to_unit(TensorView<const std::int32_t, 2> ids) const {
    auto x = Tensor<T, 3>::uninitialized({ids.size(0), 1, ids.size(1)});
    for (index_t r = 0; r < ids.size(0); ++r)
      for (index_t l = 0; l < ids.size(1); ++l)
        x(r, 0, l) = static_cast<T>((static_cast<double>(ids(r, l)) - low) / width());
    return x;
  }
  // (N, 1, L) -> (N, L), in units of ids, not rounded.
  template <class T>
  Tensor<double, 2> to_values(TensorView<T, 3> x) const {
    if (x.size(1) != 1) throw_shape_error("IdScale: x is " + to_string(x.sizes(), "NCL") + ", expected one channel");
    auto values = Tensor<double, 2>::uninitialized({x.size(0), x.size(2)});
    for (index_t r = 0; r < x.size(0); ++r)
      for (index_t l = 0; l < x.size(2); ++l) values(r, l) = static_cast<double>(x(r, 0, l)) * width() + low;
    return values;
  }
  // (N, 1, L) -> (N, L): rounded, clipped to [low, high], then the nearest known id.
  template <class T>
  Tensor<std::int32_t, 2> to_ids(TensorView<T, 3> x, const EventVocabulary& known) const {
    const Tensor<double, 2> values = to_values(x);
    auto ids = Tensor<std::int32_t, 2>::uninitialized(values.sizes());
    for (index_t i = 0; i < ids.count(); ++i) {
      const double value = values.data()[i];
      if (std::isnan(value))
        throw_value_error("IdScale: the value at (" + std::to_string(i / ids.size(1)) + ", 0, " +
                          std::to_string(i % ids.size(1)) + ") is nan");
      ids.data()[i] = known.nearest(static_cast<std::int64_t>(
          std::clamp(std::nearbyint(value), static_cast<double>(low), static_cast<double>(high))));
    }
    return ids;
  }
};

}  // namespace longwave
