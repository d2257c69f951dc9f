// datasets.hpp - the data of a run by name: what comes with the source, what lies in a folder, what is made on the
// spot.
#pragma once

#include "long_sequence/parts.hpp"

namespace longwave::examples {

RunData load_data(const RunOptions& options);

// One set each, in datasets/*.cpp.
RunData load_mnist1d(const RunOptions& options);
RunData load_mnist(const RunOptions& options);
RunData load_cifar(const RunOptions& options);
RunData load_listops(const RunOptions& options);
RunData load_text(const RunOptions& options);
RunData load_retrieval(const RunOptions& options);
RunData load_pathfinder(const RunOptions& options);
RunData load_speech(const RunOptions& options);
RunData load_digits(const RunOptions& options);
RunData load_synthetic(const RunOptions& options);
RunData load_bytes(const RunOptions& options);
RunData load_audio(const RunOptions& options);

// What --data, dataset.folder or else LONGWAVE_DATA names; may be empty.
std::string named_folder(const RunOptions& options);

// That folder; in it the subfolder `name` if it is there. Throws
// where none is named.
std::string data_folder(const RunOptions& options, const std::string& name, const std::string& file);

// Of a data set of one length.
SequenceSet<float, index_t> sequences_of(const Dataset<float>& data);

// The first `limit` items, or all.
template <class X, class Y>
SequenceSet<X, Y> first_items(SequenceSet<X, Y> set, std::int64_t limit) {
  if (limit == 0 || limit >= set.size()) return set;
  std::vector<index_t> places(static_cast<std::size_t>(limit));
  std::iota(places.begin(), places.end(), index_t(0));
  return subset(set, places, set.name);
}

}  // namespace longwave::examples
