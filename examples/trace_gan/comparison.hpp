// comparison.hpp - an original trace beside a synthetic one: references of MMD^2, distributions, arrivals, locality.
#pragma once

#include <string>
#include <vector>

#include "longwave/data/block_trace.hpp"
#include "longwave/metrics/mmd.hpp"

namespace longwave::examples::trace_gan {

// Says on stderr what was left out.
BlockTrace read_columns(const std::string& path, TraceLayout layout, index_t max_lines,
                        const std::vector<TraceColumn>& columns);

// What a score is held against: the floor (halves of the original), the ceilings (shuffled columns, normal numbers).
struct Reference {
  const char* name;
  MmdScore score;
};
std::vector<Reference> references(MmdProtocol protocol, TensorView<const double, 2> original, index_t synthetic_rows,
                                  const MmdProtocolOptions& options);

// Shares of a sample in equal bins of [low, high]; with a logarithmic axis, of log10(1 + x - low).
struct Histogram {
  std::vector<double> at;     // middles, in units of the sample
  std::vector<double> share;  // sum to 1 but for what lies outside
};
Histogram histogram(const std::vector<double>& sample, double low, double high, int bins, bool logarithmic);

std::vector<double> column_of(const BlockTrace& trace, TraceColumn column);

// column,x,original,synthetic: shares in 100 bins of the joint range of each column.
std::string curves_csv(const BlockTrace& original, const BlockTrace& synthetic);

// Share of requests whose address was seen among the last `window` different ones (an LRU cache of that size), for
// growing windows; by Mattson's stack distances.
struct Reuse {
  std::vector<double> window, share;
  double sequential = 0;  // requests that start where the one before ended
  double distinct = 0;    // different addresses over requests
};
Reuse address_reuse(const BlockTrace& trace);

// Quantiles 0.1 %, 25 %, 50 %, 75 %, 99.9 %.
std::vector<double> quantiles(std::vector<double> sample, const std::vector<double>& at);

// Correlation of ranks between two samples of equal length.
double rank_correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace longwave::examples::trace_gan
