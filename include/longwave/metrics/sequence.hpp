// sequence.hpp - scores of event sequences: imputed ones against the truth, generated ones against real ones.
//
//   impute_scores    pairs: share of masked positions that are right, of sequences all right there, ROUGE-L, MSE
//   best_matches     every generated sequence against every real one: the highest share of equal positions, and of
//                    longest common subsequence (ROUGE-L = LCS / length of the real one)
//   EventCounts      frequencies of events, kl_divergence and kl_smoothed of two of them
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "longwave/core/parallel.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/metrics/lcs.hpp"

namespace longwave {

// The rows of ids (N, L).
inline std::vector<EventSequence> rows_of(TensorView<const std::int32_t, 2> ids) {
  std::vector<EventSequence> rows;
  const TensorView<const std::int32_t, 1> flat = ids.flat();
  for (index_t r = 0; r < ids.size(0); ++r)
    rows.emplace_back(flat.data() + r * ids.size(1), static_cast<std::size_t>(ids.size(1)));
  return rows;
}

// How often each event occurs, by rising id.
struct EventCounts {
  std::vector<std::int32_t> ids;
  std::vector<index_t> counts;
  index_t total = 0;

  EventCounts() = default;
  explicit EventCounts(const std::vector<EventSequence>& sequences) {
    std::vector<std::int32_t> all;
    for (const EventSequence& s : sequences) all.insert(all.end(), s.begin(), s.end());
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == 0 || all[i] != all[i - 1]) {
        ids.push_back(all[i]);
        counts.push_back(0);
      }
      ++counts.back();
    }
    total = static_cast<index_t>(all.size());
  }

  index_t unique() const { return static_cast<index_t>(ids.size()); }
  double frequency(std::int32_t id) const {
    const auto at = std::lower_bound(ids.begin(), ids.end(), id);
    if (at == ids.end() || *at != id) return 0;
    return static_cast<double>(counts[static_cast<std::size_t>(at - ids.begin())]) / static_cast<double>(total);
  }
  // The most frequent event, the smallest of several.
  std::int32_t majority() const {
    if (ids.empty()) throw_value_error("EventCounts: there are no events");
    return ids[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
  }
};

// sum p_real ln(p_real / p_generated) over the events that occur in both, the frequencies as they are: negative or tiny
// where the generated ones leave out many. kl_smoothed has no such gap.
inline double kl_divergence(const EventCounts& real, const EventCounts& generated) {
  double sum = 0;
  for (const std::int32_t id : real.ids) {
    const double p = real.frequency(id), q = generated.frequency(id);
    if (q > 0) sum += p * std::log(p / q);
  }
  return sum;
}

// The same over all events of either, with epsilon added to every frequency before both are normalised again.
inline double kl_smoothed(const EventCounts& real, const EventCounts& generated, double epsilon = 1e-10) {
  std::vector<std::int32_t> ids;
  std::set_union(real.ids.begin(), real.ids.end(), generated.ids.begin(), generated.ids.end(), std::back_inserter(ids));
  if (real.total == 0 || generated.total == 0) throw_value_error("kl_smoothed: one side has no events");
  const double whole = 1 + epsilon * static_cast<double>(ids.size());
  double sum = 0;
  for (const std::int32_t id : ids) {
    const double p = (real.frequency(id) + epsilon) / whole, q = (generated.frequency(id) + epsilon) / whole;
    sum += p * std::log(p / q);
  }
  return sum;
}

namespace detail {

inline index_t equal_positions(EventSequence a, EventSequence b) {
  index_t n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) n += a[i] == b[i] ? 1 : 0;
  return n;
}

inline double share(index_t part, index_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace detail

// Mean and population deviation over the generated sequences.
struct BestMatches {
  double accuracy = 0, accuracy_std = 0;
  double rouge_l = 0, rouge_l_std = 0;
  std::vector<double> accuracies, rouge_ls;  // of each generated sequence
};

namespace detail {

inline void mean_and_deviation(const std::vector<double>& values, double& mean, double& deviation) {
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  mean = values.empty() ? 0 : sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  deviation = values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

// Each kind of sequence once: equal ones score the same.
inline std::vector<EventSequence> distinct(std::vector<EventSequence> sequences) {
  std::sort(sequences.begin(), sequences.end(), [](EventSequence a, EventSequence b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  });
  const auto equal = [](EventSequence a, EventSequence b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  sequences.erase(std::unique(sequences.begin(), sequences.end(), equal), sequences.end());
  return sequences;
}

}  // namespace detail

// accuracy: for each generated sequence the highest share of equal positions with a real one of the same length (0
// where there is none); rouge_l: the highest LCS / length of the real one.
inline BestMatches best_matches(const std::vector<EventSequence>& generated,
                                const std::vector<EventSequence>& real_sequences) {
  const std::vector<EventSequence> real = detail::distinct(real_sequences);
  const detail::DenseEvents dense(real);
  std::vector<std::vector<std::uint32_t>> real_events;
  for (const EventSequence& r : real) real_events.push_back(dense(r));

  BestMatches scores;
  scores.accuracies.resize(generated.size());
  scores.rouge_ls.resize(generated.size());
  parallel_blocks(static_cast<index_t>(generated.size()), 4, [&](index_t begin, index_t end) {
    detail::LcsPattern pattern;
    for (auto g = static_cast<std::size_t>(begin); g < static_cast<std::size_t>(end); ++g) {
      double accuracy = 0, rouge = 0;
      pattern.assign(dense(generated[g]), dense.size());
      for (std::size_t r = 0; r < real.size(); ++r) {
        const auto length = static_cast<index_t>(real[r].size());
        if (real[r].size() == generated[g].size())
          accuracy = std::max(accuracy, detail::share(detail::equal_positions(generated[g], real[r]), length));
        rouge = std::max(rouge, detail::share(pattern.length(real_events[r]), length));
      }
      scores.accuracies[g] = accuracy;
      scores.rouge_ls[g] = rouge;
    }
  });
  detail::mean_and_deviation(scores.accuracies, scores.accuracy, scores.accuracy_std);
  detail::mean_and_deviation(scores.rouge_ls, scores.rouge_l, scores.rouge_l_std);
  return scores;
}

struct ImputeScores {
  double accuracy = 0;       // mean over sequences of the share of masked positions that are right after rounding
  double perfect_rate = 0;   // share of sequences right at all of them
  double rouge_l = 0;        // mean LCS of predicted and true events at the masked positions, over their number
  double rouge_l_whole = 0;  // the same of whole sequences, observed events included
  double mse = 0;            // of ids, not rounded, over all masked positions
  index_t sequences = 0;     // with at least one masked position; others do not count
  index_t positions = 0;
};

// predicted (N, L) in units of ids, truth (N, L), mask (N, L): 1 = observed, 0 = to impute. Observed positions of
// `predicted` are taken to be the truth.
template <class T, class M>
ImputeScores impute_scores(TensorView<T, 2> predicted, TensorView<const std::int32_t, 2> truth, TensorView<M, 2> mask) {
  check_same_shape("impute_scores", "predicted", predicted, "truth", truth);
  check_same_shape("impute_scores", "mask", mask, "truth", truth);
  ImputeScores scores;
  std::vector<std::int32_t> guess, right, guess_whole, whole;
  for (index_t r = 0; r < truth.size(0); ++r) {
    guess.clear(), right.clear(), guess_whole.clear(), whole.clear();
    for (index_t l = 0; l < truth.size(1); ++l) {
      const bool observed = mask(r, l) != M(0);
      const double value = observed ? truth(r, l) : static_cast<double>(predicted(r, l));
      if (!(std::abs(value) < 0x1p31))
        throw_value_error("impute_scores: the prediction at (" + std::to_string(r) + ", " + std::to_string(l) +
                          ") is " + std::to_string(value) + ", which is no event id");
      const auto id = static_cast<std::int32_t>(std::clamp(std::nearbyint(value), -0x1p31, 0x1p31 - 1));
      guess_whole.push_back(id);
      whole.push_back(truth(r, l));
      if (observed) continue;
      guess.push_back(id);
      right.push_back(truth(r, l));
      scores.mse += (value - truth(r, l)) * (value - truth(r, l));
    }
    if (right.empty()) continue;
    const auto masked = static_cast<index_t>(right.size());
    const index_t hits = detail::equal_positions(guess, right);
    ++scores.sequences;
    scores.positions += masked;
    scores.accuracy += detail::share(hits, masked);
    scores.perfect_rate += hits == masked ? 1 : 0;
    scores.rouge_l += detail::share(lcs_length(guess, right), masked);
    scores.rouge_l_whole += detail::share(lcs_length(guess_whole, whole), truth.size(1));
  }
  if (scores.sequences == 0) throw_value_error("impute_scores: the mask leaves nothing to impute: every entry is 1");
  const auto n = static_cast<double>(scores.sequences);
  for (double* mean : {&scores.accuracy, &scores.perfect_rate, &scores.rouge_l, &scores.rouge_l_whole}) *mean /= n;
  scores.mse /= static_cast<double>(scores.positions);
  return scores;
}

}  // namespace longwave
