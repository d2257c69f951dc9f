#include "trace_gan/comparison.hpp"

#include <cstdio>
#include <numeric>
#include <unordered_map>

namespace longwave::examples::trace_gan {

namespace {

// Sums over positions 0 .. n - 1 that can be marked and unmarked (Fenwick's tree).
class Marks {
 public:
  explicit Marks(std::size_t n) : tree_(n + 1) {}
  void add(std::size_t position, int change) {
    for (std::size_t i = position + 1; i < tree_.size(); i += i & (~i + 1)) tree_[i] += change;
  }
  std::int64_t before(std::size_t position) const {  // marks at 0 .. position - 1
    std::int64_t sum = 0;
    for (std::size_t i = position; i > 0; i -= i & (~i + 1)) sum += tree_[i];
    return sum;
  }

 private:
  std::vector<std::int64_t> tree_;
};

// Equal numbers share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) rank[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return rank;
}

}  // namespace

BlockTrace read_columns(const std::string& path, TraceLayout layout, index_t max_lines,
                        const std::vector<TraceColumn>& columns) {
  BlockTraceOptions options;
  options.layout = layout;
  options.max_lines = max_lines;
  options.columns = columns;
  BlockTrace trace = read_block_trace(path, options);
  if (trace.left_out() > 0)
    std::fprintf(stderr, "%s: left out of %lld lines: %s\n", path.c_str(), static_cast<long long>(trace.lines),
                 trace.left_out_text().c_str());
  return trace;
}

std::vector<Reference> references(MmdProtocol protocol, TensorView<const double, 2> original, index_t synthetic_rows,
                                  const MmdProtocolOptions& options) {
  std::vector<Reference> list;
  if (original.size(0) >= 4) {
    const RowHalves halves = split_halves(original, options.seed);
    list.push_back({"floor: halves of original", mmd_protocol(protocol, halves.first, halves.second, options)});
  }
  list.push_back({"ceiling: shuffled columns",
                  mmd_protocol(protocol, original, shuffle_columns(original, options.seed), options)});
  const index_t rows =
      std::max<index_t>(2, options.max_rows > 0 ? std::min(synthetic_rows, options.max_rows) : synthetic_rows);
  list.push_back(
      {"ceiling: N(0,1)", mmd_protocol(protocol, original, normal_like(original, rows, options.seed), options)});
  return list;
}

Histogram histogram(const std::vector<double>& sample, double low, double high, int bins, bool logarithmic) {
  const auto axis = [&](double x) { return logarithmic ? std::log10(1 + x - low) : x; };
  const double begin = axis(low), span = axis(high) - begin;
  const double width = span > 0 ? span / bins : 1;
  Histogram h;
  for (int i = 0; i < bins; ++i) {
    const double middle = begin + (i + 0.5) * width;
    h.at.push_back(logarithmic ? std::pow(10.0, middle) - 1 + low : middle);
    h.share.push_back(0);
  }
  for (const double x : sample) {
    if (!(x >= low && x <= high)) continue;
    const double bin = std::floor((axis(x) - begin) / width);
    h.share[static_cast<std::size_t>(std::clamp(bin, 0.0, bins - 1.0))] += 1 / static_cast<double>(sample.size());
  }
  return h;
}

std::vector<double> column_of(const BlockTrace& trace, TraceColumn column) {
  const index_t c = trace.index(column);
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(trace.rows()));
  for (index_t i = 0; i < trace.rows(); ++i) out.push_back(trace.view()(i, c));
  return out;
}

std::string curves_csv(const BlockTrace& original, const BlockTrace& synthetic) {
  std::string text = "column,x,original,synthetic\n";
  for (const TraceColumn column : original.columns) {
    const auto a = column_of(original, column), b = column_of(synthetic, column);
    const double low = std::min(*std::min_element(a.begin(), a.end()), *std::min_element(b.begin(), b.end()));
    const double high = std::max(*std::max_element(a.begin(), a.end()), *std::max_element(b.begin(), b.end()));
    const Histogram ha = histogram(a, low, high, 100, false), hb = histogram(b, low, high, 100, false);
    for (std::size_t i = 0; i < ha.at.size(); ++i) {
      char line[160];
      std::snprintf(line, sizeof line, "%s,%.17g,%.9g,%.9g\n", trace_column_names[static_cast<int>(column)], ha.at[i],
                    ha.share[i], hb.share[i]);
      text += line;
    }
  }
  return text;
}

Reuse address_reuse(const BlockTrace& trace) {
  const auto lba = column_of(trace, TraceColumn::lba), length = column_of(trace, TraceColumn::length);
  const std::size_t n = lba.size();
  std::unordered_map<double, std::size_t> last;
  Marks marks(n);
  std::vector<std::int64_t> distances;  // different addresses since the last use
  Reuse reuse;
  for (std::size_t i = 0; i < n; ++i) {
    const auto seen = last.find(lba[i]);
    if (seen != last.end()) {
      distances.push_back(marks.before(i) - marks.before(seen->second));
      marks.add(seen->second, -1);
    }
    last[lba[i]] = i;
    marks.add(i, 1);
    if (i > 0 && lba[i] == lba[i - 1] + length[i - 1] / 512) reuse.sequential += 1 / static_cast<double>(n);
  }
  std::sort(distances.begin(), distances.end());
  reuse.distinct = static_cast<double>(last.size()) / static_cast<double>(std::max<std::size_t>(n, 1));
  for (std::int64_t window = 1; window <= static_cast<std::int64_t>(2 * last.size()); window *= 2) {
    const auto within = std::upper_bound(distances.begin(), distances.end(), window) - distances.begin();
    reuse.window.push_back(static_cast<double>(window));
    reuse.share.push_back(static_cast<double>(within) / static_cast<double>(n));
  }
  return reuse;
}

std::vector<double> quantiles(std::vector<double> sample, const std::vector<double>& at) {
  std::sort(sample.begin(), sample.end());
  std::vector<double> out;
  for (const double q : at)
    out.push_back(sample.empty() ? NAN
                                 : sample[static_cast<std::size_t>(q * static_cast<double>(sample.size() - 1) + 0.5)]);
  return out;
}

double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto a = ranks(x), b = ranks(y);
  const double n = static_cast<double>(a.size()), mean = (n - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace longwave::examples::trace_gan
