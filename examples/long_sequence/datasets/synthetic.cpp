// The tasks that are made on the spot: adding, copying, delay, reconstruct.
#include "longwave/data/synthetic.hpp"
#include "long_sequence/datasets/assemble.hpp"

namespace longwave::examples {

namespace {

// As assemble() does, which refuses it where there are tokens.
TokenSet subsampled(TokenSet set, index_t) { return set; }
template <class Y>
SequenceSet<float, Y> subsampled(SequenceSet<float, Y> set, index_t k) {
  return thinned(std::move(set), k);
}

template <class Task>
RunData made(const RunOptions& options, const Wanted& wanted, const Task& task, index_t items, index_t test_items,
             Predict predict) {
  const auto seed = static_cast<std::uint64_t>(options.trainer.seed);
  const index_t n = options.dataset.items > 0 ? options.dataset.items : items;
  const auto train = [=](index_t epoch) { return task.make(n, {seed, 100, static_cast<std::uint32_t>(epoch)}); };
  RunData data = assemble(options, wanted.train ? train(0) : decltype(train(0))(),
                          task.make(std::min(n, test_items), {0, 101, 0}), {}, predict);
  if (wanted.train && options.dataset.fresh)
    data.fresh = [train, count = size_of(data.train), k = options.dataset.subsample](index_t epoch) -> Part {
      return subsampled(first_items(train(epoch), count), k);
    };
  return data;
}

}  // namespace

RunData load_synthetic(const RunOptions& options, const Wanted& wanted) {
  const index_t L = options.dataset.length;
  if (options.dataset.name == "adding")
    return made(options, wanted, AddingTask{.length = L > 0 ? L : 1000}, 50000, 1000, Predict::one_each);
  if (options.dataset.name == "copying")
    return made(options, wanted,
                CopyingTask{.gap = L > 0 ? L : 1000,
                            .alphabet = options.dataset.symbols,
                            .variable = options.dataset.variable,
                            .reverse = options.dataset.reverse},
                10000, 1000, Predict::last_positions);
  if (options.dataset.name == "delay")
    return made(options, wanted, DelayTask{.length = L > 0 ? L : 4000, .lag = L > 0 ? L / 4 : 1000}, 16384, 1024,
                Predict::every_position);
  return made(options, wanted, ReconstructTask{.length = L > 0 ? L : 4000, .lag = L > 0 ? L / 4 : 1000}, 16384, 1024,
              Predict::one_each);
}

}  // namespace longwave::examples
