// trained.hpp - a trained network as a checkpoint holds it: options, coding, weights in the file.
#pragma once

#include <memory>
#include <string>

#include "longwave/io/checkpoint.hpp"
#include "sssd/dataset.hpp"

namespace longwave::examples::sssd {

struct Trained {
  Options options;
  Coding coding;
  std::int64_t iteration = 0;
  std::unique_ptr<Checkpoint> file;

  const std::string& path() const { return file->path(); }
  index_t length() const { return options.trainset.segment_length; }
  ModelKind kind() const;
};

// The checkpoint of `path` at an iteration, as find_checkpoint() finds it. A damaged one is replaced by the one before
// it, with a word on stderr.
Trained load_trained(const std::string& path, const std::string& iteration);

}  // namespace longwave::examples::sssd
