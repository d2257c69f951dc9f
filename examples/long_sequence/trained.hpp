// trained.hpp - a network as it was trained, from its checkpoint.
#pragma once

#include "long_sequence/trainer.hpp"

namespace longwave::examples {

struct Trained {
  RunOptions options;
  NetworkShape shape;
  std::string path;  // of the checkpoint that was read
  CheckpointInfo info;
  std::unique_ptr<Network<Host>> network;  // with its averaged weights where the run kept such
};
Trained load_trained(const std::string& checkpoint);

// The test part of its data, from `folder` where that is not empty, read with what the run learned from its training
// part; data that the network cannot take are refused.
RunData load_data_of(const Trained& trained, const std::string& folder);

// The file of a run's folder, the best one where there is one; a path that is no folder is taken for the file itself.
std::string checkpoint_path(const std::string& path);       // where a run goes on
std::string best_checkpoint_path(const std::string& path);  // what it is judged by

index_t count_parameters(Network<Host>& network);

}  // namespace longwave::examples
