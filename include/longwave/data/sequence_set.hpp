// sequence_set.hpp - sequences of different lengths in memory, of numbers or of tokens, with a target for each item.
//
//   X   what a position holds: float or double (numbers), std::uint16_t (tokens)
//   Y   what is to be found: index_t (classes) or float (numbers), M of them for each item: 1, or one per output step;
//       0 where it is the next token
//
// An item is one sequence, or a pair (parts = 2) as in retrieval. Sets of one length and one class are a Dataset as
// well: padded().
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/data/dataset.hpp"

namespace longwave {

using Token = std::uint16_t;  // a vocabulary has at most 65536 entries

template <class X, class Y = index_t>
struct SequenceSet {
  static constexpr bool has_tokens = std::is_integral_v<X>;
  static constexpr bool has_classes = std::is_integral_v<Y>;

  std::string name;                    // appears in errors
  index_t channels = 1;                // C
  index_t parts = 1;                   // sequences of one item: item i has those from i parts on
  index_t targets = 1;                 // M
  index_t classes = 0;                 // class targets are 0 .. classes-1
  index_t vocabulary = 0;              // tokens are 0 .. vocabulary-1
  std::vector<X> values = {};          // sequence s: (C, length), from offsets[s] C on
  std::vector<index_t> offsets = {0};  // in positions, one more than there are sequences
  std::vector<Y> y = {};               // (n, M)

  index_t size() const { return sequences() / parts; }
  index_t sequences() const { return static_cast<index_t>(offsets.size()) - 1; }
  index_t sequence_length(index_t s) const { return place(s + 1) - place(s); }

  // The longest of the item's sequences.
  index_t length(index_t item) const {
    index_t longest = 0;
    for (index_t p = 0; p < parts; ++p) longest = std::max(longest, sequence_length(item * parts + p));
    return longest;
  }
  std::vector<index_t> lengths() const {
    std::vector<index_t> out(static_cast<std::size_t>(size()));
    for (index_t i = 0; i < size(); ++i) out[static_cast<std::size_t>(i)] = length(i);
    return out;
  }
  index_t longest() const {
    index_t longest = 0;
    for (index_t s = 0; s < sequences(); ++s) longest = std::max(longest, sequence_length(s));
    return longest;
  }

  TensorView<const X, 2> sequence(index_t s) const {
    return {values.data() + place(s) * channels, Extents<2>{channels, sequence_length(s)}};
  }
  TensorView<const Y, 1> target(index_t item) const { return {y.data() + item * targets, Extents<1>{targets}}; }

  // Ends the sequence whose values were appended last.
  void end_sequence() { offsets.push_back(static_cast<index_t>(values.size()) / channels); }

 private:
  index_t place(index_t s) const { return offsets[static_cast<std::size_t>(s)]; }
};

using TokenSet = SequenceSet<Token, index_t>;  // tokens, a class for each

namespace detail {

template <class X, class Y>
void check_values(const SequenceSet<X, Y>& set) {
  for (index_t s = 0; s < set.sequences(); ++s) {
    const std::string name = set.name + ": sequence " + std::to_string(s);
    if (set.sequence_length(s) < 1) throw_value_error(name + " is empty");
    if constexpr (SequenceSet<X, Y>::has_tokens) {
      const TensorView<const X, 1> tokens = set.sequence(s).flat();
      for (index_t l = 0; l < tokens.size(0); ++l)
        if (tokens(l) >= set.vocabulary)
          throw_value_error(name + ": token " + std::to_string(l) + " is " + std::to_string(tokens(l)) +
                            ", the vocabulary has " + std::to_string(set.vocabulary) + " entries");
    } else {
      check_finite(name, set.sequence(s));
    }
  }
}

template <class X, class Y>
void check_targets(const SequenceSet<X, Y>& set) {
  for (index_t i = 0; i < set.size(); ++i)
    for (index_t m = 0; m < set.targets; ++m) {
      const Y value = set.target(i)(m);
      if constexpr (SequenceSet<X, Y>::has_classes) {
        if (value >= 0 && value < set.classes) continue;
      } else {
        if (std::isfinite(value)) continue;
      }
      throw_value_error(set.name + ": the target at (" + std::to_string(i) + ", " + std::to_string(m) + ") is " +
                        std::to_string(value) +
                        (set.classes > 0 ? ", expected 0 to " + std::to_string(set.classes - 1) : ""));
    }
}

}  // namespace detail

// Sizes agree, no sequence is empty, tokens and classes are in their ranges, numbers are finite.
template <class X, class Y>
void check_sequences(const SequenceSet<X, Y>& set) {
  if (set.channels < 1 || set.parts < 1 || set.targets < 0 || set.offsets.empty() || set.sequences() % set.parts != 0)
    throw_shape_error(set.name + ": " + std::to_string(static_cast<index_t>(set.offsets.size()) - 1) +
                      " sequences of " + std::to_string(set.channels) + " channels do not make items of " +
                      std::to_string(set.parts) + " with " + std::to_string(set.targets) + " targets each");
  if (set.size() == 0) throw_value_error(set.name + ": the data set is empty");
  if (set.offsets.back() * set.channels != static_cast<index_t>(set.values.size()))
    throw_shape_error(set.name + ": " + std::to_string(set.offsets.back()) + " positions of " +
                      std::to_string(set.channels) + " channels but " + std::to_string(set.values.size()) + " values");
  if (set.size() * set.targets != static_cast<index_t>(set.y.size()))
    throw_shape_error(set.name + ": " + std::to_string(set.size()) + " items of " + std::to_string(set.targets) +
                      " targets but " + std::to_string(set.y.size()) + " targets");
  detail::check_values(set);
  detail::check_targets(set);
}

// The items at these places, copied.
template <class X, class Y>
SequenceSet<X, Y> subset(const SequenceSet<X, Y>& set, const std::vector<index_t>& places, std::string name) {
  SequenceSet<X, Y> out{.name = std::move(name),
                        .channels = set.channels,
                        .parts = set.parts,
                        .targets = set.targets,
                        .classes = set.classes,
                        .vocabulary = set.vocabulary};
  for (const index_t i : places) {
    if (i < 0 || i >= set.size())
      throw_value_error(set.name + ": there is no item " + std::to_string(i) + " of " + std::to_string(set.size()));
    for (index_t s = i * set.parts; s < (i + 1) * set.parts; ++s) {
      const TensorView<const X, 1> from = set.sequence(s).flat();
      out.values.insert(out.values.end(), from.data(), from.data() + from.size(0));
      out.end_sequence();
    }
    out.y.insert(out.y.end(), set.target(i).data(), set.target(i).data() + set.targets);
  }
  return out;
}

template <class X, class Y>
struct TrainValidationSequences {
  SequenceSet<X, Y> train, validation;
};

// As the split of a Dataset: a random part for validation, the rest for training.
template <class X, class Y>
TrainValidationSequences<X, Y> split(const SequenceSet<X, Y>& set, double fraction, Generator& generator) {
  const SplitPlaces places = split_places(set.name, set.size(), fraction, generator);
  return {subset(set, places.train, set.name + " (training part)"),
          subset(set, places.validation, set.name + " (validation part)")};
}

// A stream of tokens in windows of L, each beginning `stride` after the one before; what is shorter at the end is left
// out. For prediction of the next token: L + 1 tokens, the first L are read, the last L to be found.
inline TokenSet token_windows(std::string name, const std::vector<Token>& stream, index_t vocabulary, index_t L,
                              index_t stride) {
  const auto n = static_cast<index_t>(stream.size());
  if (L < 1 || stride < 1 || L > n)
    throw_value_error(name + ": windows of " + std::to_string(L) + " every " + std::to_string(stride) + " of " +
                      std::to_string(n) + " tokens");
  TokenSet set{.name = std::move(name), .targets = 0, .vocabulary = vocabulary};
  for (index_t at = 0; at + L <= n; at += stride) {
    set.values.insert(set.values.end(), stream.begin() + at, stream.begin() + at + L);
    set.end_sequence();
  }
  check_sequences(set);
  return set;
}

// Sequences of numbers with one class each as a Dataset of length L: zeros behind the shorter ones, longer ones cut.
template <class T>
Dataset<T> padded(const SequenceSet<T, index_t>& set, index_t L) {
  static_assert(std::is_floating_point_v<T>, "tokens are padded batch by batch: data/buckets.hpp");
  if (set.parts != 1 || set.targets != 1)
    throw_shape_error(set.name + ": padded needs single sequences with one class each; there are " +
                      std::to_string(set.parts) + " to an item, " + std::to_string(set.targets) + " targets");
  Dataset<T> out{set.name, Tensor<T, 3>(set.size(), set.channels, L), Tensor<index_t, 1>(set.size()), set.classes};
  for (index_t i = 0; i < set.size(); ++i) {
    const TensorView<const T, 2> from = set.sequence(i);
    for (index_t c = 0; c < set.channels; ++c) std::copy_n(&from(c, 0), std::min(L, from.size(1)), &out.x(i, c, 0));
    out.y(i) = set.target(i)(0);
  }
  return out;
}

}  // namespace longwave
