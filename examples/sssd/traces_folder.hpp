// traces_folder.hpp - the kernel traces of a user's data folder. One folder per workload, <root>/<name>, below
// <root>/kernel_traces or <root>/Datasets as well; in it, or in sequence_length_<L> below it, the first that is there
// of
//   train_stream.npy, train.npy, training.npy, training, training_<L>.txt, training.txt       and the same for testing
#pragma once

#include <string>

#include "sssd/dataset.hpp"

namespace longwave::examples::sssd {

struct TraceSets {
  SeriesSet train, test;
  std::vector<std::int64_t> ids;  // the vocabulary: what occurs in the training file, ascending
};

// honest: the first 80 % of the training recording to train, of the rest the distinct windows that training lacks to
// test. Events are a list that is known beforehand, so the vocabulary is that of the whole recording; of a rare one
// training may hold no example. Else the two files as they are. Lines that are no sequences are reported on stderr and
// left out.
TraceSets read_trace_sets(const std::string& root, const std::string& name, index_t length, bool honest);

// Event ids (N, L) as values (N, 1, L).
SeriesSet as_series(TensorView<const std::int32_t, 2> ids);

}  // namespace longwave::examples::sssd
