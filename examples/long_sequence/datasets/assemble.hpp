// assemble.hpp - from the sets that were read to the data of a run: limits, the validation part, what a network needs.
#pragma once

#include <sstream>

#include "long_sequence/datasets.hpp"
#include "longwave/data/vocabulary.hpp"

namespace longwave::examples {

// f(values of a sequence and channel) -> values, for every sequence, all channels alike.
template <class Y, class F>
SequenceSet<float, Y> changed(const SequenceSet<float, Y>& set, F&& f) {
  SequenceSet<float, Y> out{.name = set.name,
                            .channels = set.channels,
                            .parts = set.parts,
                            .targets = set.targets,
                            .classes = set.classes,
                            .y = set.y};
  for (index_t s = 0; s < set.sequences(); ++s) {
    for (index_t c = 0; c < set.channels; ++c) f(out.values, set.sequence(s)[c]);
    out.end_sequence();
  }
  return out;
}

// The first L samples of every sequence; 0: all.
template <class Y>
SequenceSet<float, Y> cut(SequenceSet<float, Y> set, index_t L) {
  if (L == 0) return set;
  return changed(set, [L](std::vector<float>& to, TensorView<const float, 1> x) {
    to.insert(to.end(), x.data(), x.data() + std::min(L, x.size(0)));
  });
}

// Samples 0, k, 2 k, ..: the same signal at a k-th of the rate.
template <class Y>
SequenceSet<float, Y> thinned(SequenceSet<float, Y> set, index_t k) {
  if (k == 1) return set;
  return changed(set, [k](std::vector<float>& to, TensorView<const float, 1> x) {
    for (index_t l = 0; l < x.size(0); l += k) to.push_back(x(l));
  });
}

// Windows of L tokens, each with the tokens that follow its positions.
inline TokenSet next_tokens(const std::string& name, const std::vector<Token>& stream, index_t vocabulary, index_t L) {
  const TokenSet windows = token_windows(name, stream, vocabulary, L + 1, L);
  TokenSet out{.name = name, .targets = L, .classes = vocabulary, .vocabulary = vocabulary};
  for (index_t s = 0; s < windows.sequences(); ++s) {
    const TensorView<const Token, 1> tokens = windows.sequence(s)[0];
    for (index_t l = 0; l < L; ++l) {
      out.values.push_back(tokens(l));
      out.y.push_back(tokens(l + 1));
    }
    out.end_sequence();
  }
  return out;
}

// classes or numbers per item, pooled over time; classes of the last positions; a number at every position.
enum class Predict { one_each, last_positions, every_position };

template <class X, class Y>
void set_shape(NetworkShape& shape, const SequenceSet<X, Y>& set, Predict predict) {
  shape.channels = set.channels;
  shape.vocabulary = set.vocabulary;
  shape.length = std::max(shape.length, set.longest());
  shape.one_each = predict == Predict::one_each;
  shape.outputs = SequenceSet<X, Y>::has_classes ? set.classes : shape.one_each ? set.targets : 1;
  shape.output_length = predict == Predict::last_positions ? set.targets : -1;
  shape.pairs = set.parts == 2;
  for (index_t s = 0; s < set.sequences() && !shape.variable; ++s)
    shape.variable = set.sequence_length(s) != shape.length;
}

// A vocabulary as a fit keeps it: its symbols.
inline std::string text_of(const Vocabulary& vocabulary) {
  std::string text;
  for (const std::uint32_t symbol : vocabulary.symbols()) text += std::to_string(symbol) + " ";
  return text;
}
inline Vocabulary vocabulary_of(const std::string& text) {
  std::vector<std::uint32_t> symbols;
  std::istringstream numbers(text);
  for (std::uint32_t symbol; numbers >> symbol;) symbols.push_back(symbol);
  return Vocabulary::of_symbols(std::move(symbols));
}

// The text that the run's fit holds under a name; "" where it holds none.
inline std::string fitted(const Wanted& wanted, const char* name) {
  const auto at = wanted.fit.find(name);
  return at == wanted.fit.end() ? "" : at->second;
}

// train: empty where it is not wanted. validation: the set's own, or empty.
template <class X, class Y>
RunData assemble(const RunOptions& options, SequenceSet<X, Y> train, SequenceSet<X, Y> test,
                 std::type_identity_t<std::optional<SequenceSet<X, Y>>> validation = {},
                 Predict predict = Predict::one_each) {
  RunData data;
  train = first_items(std::move(train), options.dataset.limit);
  test = first_items(std::move(test), options.dataset.limit_test);
  if (const index_t k = options.dataset.subsample; k > 1) {
    if constexpr (SequenceSet<X, Y>::has_tokens)
      throw_value_error("dataset.subsample is " + std::to_string(k) + ", but " + train.name + " holds tokens");
    else if (predict != Predict::one_each)
      throw_value_error("dataset.subsample is " + std::to_string(k) + ", but " + train.name +
                        " has something to predict at every position");
    else
      for (auto* set : {&train, &test, validation ? &*validation : nullptr})
        if (set != nullptr) *set = thinned(std::move(*set), k);
  }
  if (!validation && options.dataset.validation > 0 && train.size() > 0) {
    Generator generator(42);  // the same part whatever the seed of the run
    auto parts = split(train, options.dataset.validation, generator);
    train = std::move(parts.train);
    validation = std::move(parts.validation);
  }
  // The longest of all parts first, so that one that is shorter throughout counts as variable.
  for (const auto* set : {&train, &test, validation ? &*validation : &train})
    data.shape.length = std::max(data.shape.length, set->longest());
  for (const auto* set : {&train, &test, validation ? &*validation : &train})
    if (set->size() > 0 || set == &test) set_shape(data.shape, *set, predict);
  if constexpr (SequenceSet<X, Y>::has_classes)
    for (index_t k = 0; k < data.shape.outputs; ++k) data.classes.push_back(std::to_string(k));
  data.train = std::move(train);
  data.test = std::move(test);
  if (validation) data.validation = std::move(*validation);
  return data;
}

}  // namespace longwave::examples
