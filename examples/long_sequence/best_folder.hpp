// best_folder.hpp - the best checkpoints of a run, as files <epoch>_<merit>.safetensors in a folder. What is kept
// follows from the names, so that a run that goes on keeps what it would have kept.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "longwave/core/extents.hpp"

namespace longwave::examples {

class BestFolder {
 public:
  struct Kept {
    index_t epoch = 0;
    double merit = 0;  // larger is better
    std::string path;
  };

  // At most `count` files.
  BestFolder(std::string folder, index_t count) : folder_(std::move(folder)), count_(count) {}

  // save(path) if this one is among the best; the one that is no longer goes.
  void offer(index_t epoch, double merit, const std::function<void(const std::string&)>& save) const;

  std::vector<Kept> kept() const;  // the best first, of equals the earlier

 private:
  std::string folder_;
  index_t count_;
};

}  // namespace longwave::examples
