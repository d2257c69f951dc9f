// datasets.hpp - the data of a run by name: what comes with the source, what lies in a folder, what is made on the
// spot.
#pragma once

#include "long_sequence/parts.hpp"

namespace longwave::examples {

struct Wanted {
  bool train = true;  // and the validation part; false: the test part alone
  Fit fit = {};       // of the run that is judged; where it lacks what the set needs the training part is read for it
};

RunData load_data(const RunOptions& options, const Wanted& wanted = {});

// What the set asks of a network, where its options tell without a look at its files.
std::optional<NetworkShape> known_shape(const RunOptions& options);

// One set each, in datasets/*.cpp.
RunData load_mnist1d(const RunOptions& options, const Wanted& wanted);
RunData load_mnist(const RunOptions& options, const Wanted& wanted);
RunData load_cifar(const RunOptions& options, const Wanted& wanted);
RunData load_listops(const RunOptions& options, const Wanted& wanted);
RunData load_text(const RunOptions& options, const Wanted& wanted);
RunData load_retrieval(const RunOptions& options, const Wanted& wanted);
RunData load_pathfinder(const RunOptions& options, const Wanted& wanted);
RunData load_speech(const RunOptions& options, const Wanted& wanted);
RunData load_digits(const RunOptions& options, const Wanted& wanted);
RunData load_synthetic(const RunOptions& options, const Wanted& wanted);
RunData load_bytes(const RunOptions& options, const Wanted& wanted);
RunData load_audio(const RunOptions& options, const Wanted& wanted);

// What --data, dataset.folder or else LONGWAVE_DATA names; may be empty.
std::string named_folder(const RunOptions& options);

// That folder; in it the subfolder `name` if it is there. Throws
// where none is named.
std::string data_folder(const RunOptions& options, const std::string& name, const std::string& file);

using Numbers = SequenceSet<float, index_t>;  // with a class each

// Of a data set of one length.
Numbers sequences_of(const Dataset<float>& data);

// The first `limit` items, or all.
template <class X, class Y>
SequenceSet<X, Y> first_items(SequenceSet<X, Y> set, std::int64_t limit) {
  if (limit == 0 || limit >= set.size()) return set;
  std::vector<index_t> places(static_cast<std::size_t>(limit));
  std::iota(places.begin(), places.end(), index_t(0));
  return subset(set, places, set.name);
}

}  // namespace longwave::examples
