#include "trace_gan/rows.hpp"

#include <charconv>
#include <numeric>

#include "longwave/io/file.hpp"

namespace longwave::examples::trace_gan {

namespace {

TensorView<double, 1> column(TensorView<double, 2> x, index_t c) {
  return {x.data() + c * x.stride(1), Extents<1>{x.size(0)}, Extents<1>{x.stride(0)}};
}

std::string notes_of(const BlockTrace& trace, const ColumnScaler& scaler) {
  std::string notes;
  if (trace.left_out() > 0) notes = "left out of " + std::to_string(trace.lines) + " lines: " + trace.left_out_text();
  for (index_t c = 0; c < scaler.columns(); ++c)
    if (scaler.min(c) == scaler.max(c)) {
      char text[96];
      std::snprintf(text, sizeof text, "column %s is constant: %.17g in every row", trace_column_names[c],
                    scaler.min(c));
      if (!notes.empty()) notes += '\n';
      notes += text;
    }
  return notes;
}

// To the nearest multiple, at least `least` of them.
double aligned(double x, double unit, double least) { return unit * std::max(least, std::round(x / unit)); }

Tensor<double, 2> in_time_order(TensorView<const double, 2> rows) {
  std::vector<index_t> order(static_cast<std::size_t>(rows.size(0)));
  std::iota(order.begin(), order.end(), index_t(0));
  std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) { return rows(a, 0) < rows(b, 0); });
  Tensor<double, 2> sorted(rows.sizes());
  for (index_t i = 0; i < rows.size(0); ++i)
    for (index_t c = 0; c < features; ++c) sorted(i, c) = rows(order[static_cast<std::size_t>(i)], c);
  return sorted;
}

}  // namespace

LearningSet make_learning_set(BlockTrace trace, const TrainOptions& o) {
  LearningSet set;
  set.rows = trace.rows();
  const index_t chunks = set.rows / o.seq_len;
  if (chunks < 1)
    throw_value_error(o.trace_path + ": holds " + std::to_string(set.rows) + (set.rows == 1 ? " row" : " rows") +
                      ", a chunk takes " + std::to_string(o.seq_len) + "; lower --seq_len or name a longer trace");
  const TensorView<double, 2> x = trace.view();
  set.codec.inter_arrival = o.inter_arrival;
  set.codec.start = x(0, 0);
  if (o.inter_arrival) to_arrival_gaps(column(x, 0));
  set.codec.scaler = ColumnScaler::fit(x, transforms_of(o.transform));
  set.notes = notes_of(trace, set.codec.scaler);
  const index_t n = chunks * o.seq_len;
  Tensor<double, 2> ties(n, features);
  generator_of(o.seed, ties_of_columns).uniform(ties.view());
  set.chunks = Tensor<float, 3>(chunks, o.seq_len, features);
  set.codec.scaler.scale(set.chunks.view().reshape(Extents<2>{n, features}),
                         TensorView<const double, 2>(x.slice(0, 0, n)), ties);
  return set;
}

Tensor<double, 2> decode_rows(TensorView<const float, 2> scaled, const RowCodec& codec, const RowStyle& style) {
  Tensor<double, 2> rows(scaled.sizes());
  codec.scaler.unscale(rows.view(), scaled);
  for (index_t i = 0; i < rows.size(0); ++i)
    for (index_t c = 0; c < features; ++c)
      rows(i, c) = std::clamp(rows(i, c), codec.scaler.min(c), codec.scaler.max(c));
  if (codec.inter_arrival) from_arrival_gaps(column(rows.view(), 0), codec.start);
  if (style.align > 0) {
    const double bytes = static_cast<double>(style.align);
    for (index_t i = 0; i < rows.size(0); ++i) {
      rows(i, 1) = aligned(rows(i, 1), bytes, 1);
      rows(i, 2) = aligned(rows(i, 2), bytes / 512, 0);
    }
  }
  for (index_t i = 0; i < rows.size(0); ++i)
    for (index_t c = 0; c < features; ++c) rows(i, c) = std::trunc(rows(i, c));
  return style.sort_time ? in_time_order(rows) : std::move(rows);
}

void write_rows(const std::string& path, TensorView<const double, 2> rows) {
  AtomicFile file(path);
  char line[4 * 24];
  for (index_t i = 0; i < rows.size(0); ++i) {
    char* at = line;
    for (index_t c = 0; c < features; ++c) {
      // 2^63 and beyond, which no trace holds, would not be a whole number of 64 bits.
      const double x = std::clamp(rows(i, c), -9.2e18, 9.2e18);
      at = std::to_chars(at, line + sizeof line, static_cast<std::int64_t>(x)).ptr;
      *at++ = c + 1 < features ? ' ' : '\n';
    }
    file.write(line, static_cast<std::size_t>(at - line));
  }
  file.commit();
}

}  // namespace longwave::examples::trace_gan
